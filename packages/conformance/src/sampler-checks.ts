import { fill, mul, sub, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import {
  createNoise,
  drawPrior,
  edm,
  karras,
  logSnr,
  tweedieError,
  vpLinear,
  type Denoiser,
  type Noise,
  type Plan,
  type Sampler,
  type Schedule,
  type Step,
} from '@tweedie/core';
import type { Distribution } from '@tweedie/analytic';
import { expectAlive, expectNoLeak, read, take } from './leak.ts';
import { threeModes } from './oracle.ts';
import { broken, distance, expectIdentity, expectRefusal, sizeOf, type Check } from './verdict.ts';

export interface SamplerSubject {
  /** A new sampler at every call. */
  create(): Sampler;
  /** Schedules to run under. Default: EDM and VP linear. */
  readonly schedules?: readonly Schedule[];
  /** Levels of N steps under a schedule. Default: Karras, 80 (or the schedule's most) to .002 (or its least), no 0 at the end. */
  levels?(schedule: Schedule, steps: number): Float64Array;
  /** Exact distribution whose denoiser is sampled. Default: three Gaussians as images [2, 2, 1]. */
  readonly oracle?: Distribution;
  /** How the declared order is measured. */
  readonly order?: {
    /** Sampler to measure, where another setting is needed (no lower order at the end). Default `create()`. */
    create?(): Sampler;
    /** Numbers of steps, each about twice the one before. Default 8, 16, 32, 64, 128. */
    readonly steps?: readonly number[];
    /** How far the slope may lie below and above the order. Default .3 and .5. */
    readonly window?: readonly [number, number];
  };
}

const ROWS = 4;
const FEW = [1, 2, 3, 5, 9];

const schedulesOf = (subject: SamplerSubject): readonly Schedule[] => subject.schedules ?? [edm(), vpLinear()];
const oracleOf = (subject: SamplerSubject): Distribution => subject.oracle ?? threeModes;

const levelsOf = (subject: SamplerSubject, schedule: Schedule, steps: number): Float64Array => {
  if (subject.levels) return subject.levels(schedule, steps);
  const [max, min] = [Math.min(80, schedule.rho(schedule.tMax)), Math.max(0.002, schedule.rho(schedule.tMin))];
  return karras({ steps, max, min });
};
const withZero = (levels: Float64Array): Float64Array => Float64Array.of(...levels.subarray(0, -1), 0);

/** A run with the default schedule. */
const defaultPlan = (subject: SamplerSubject, steps = 5, sampler = subject.create()): Plan => {
  const schedule = schedulesOf(subject)[0]!;
  return sampler.plan(schedule, levelsOf(subject, schedule, steps));
};

const initial = async (sampler: Sampler, noise: Noise, plan: Plan, shape: readonly number[], rows = ROWS): Promise<Tensor> =>
  sampler.start ? sampler.start(noise, [rows, ...shape], plan) : drawPrior(noise, [rows, ...shape], plan);

/** Runs to the end; `look` sees each step. */
const run = async (
  sampler: Sampler,
  denoise: Denoiser,
  y: Tensor,
  plan: Plan,
  noise: Noise,
  look?: (step: Step) => Promise<void> | void,
): Promise<Tensor> => {
  const steps = sampler.steps(denoise, y, plan, noise);
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
    await look?.(next.value);
  }
};

/** From prior to the end, as numbers. */
const draw = async (
  sampler: Sampler,
  denoise: Denoiser,
  plan: Plan,
  noise: Noise,
  shape: readonly number[],
  rows = ROWS,
): Promise<Float32Array> => {
  const y = await initial(sampler, noise, plan, shape, rows);
  try {
    return await take(await run(sampler, denoise, y, plan, noise));
  } finally {
    y.dispose();
  }
};

const refuse = (): never => {
  throw tweedieError({
    subject: 'conformance noise',
    problem: 'a sampler that says it is deterministic asked for noise',
    remedy: 'declare stochastic: true',
  });
};
/** A promise whose rejection is heard even where nobody waits for it. */
const quietly = <T>(promise: Promise<T>): Promise<T> => (promise.catch(() => undefined), promise);

/** Noise that nobody may ask. */
const silence: Noise = Object.freeze({
  seed: 0n,
  firstRow: 0,
  normal: refuse,
  uniform: refuse,
  rademacher: refuse,
  hostNormal: refuse,
  hostUniform: refuse,
  rows: () => silence,
});

/** Kind, api, name, facts and citation are there. */
export const checkSamplerIdentity: Check<SamplerSubject> = async (subject) => {
  const sampler = subject.create();
  expectIdentity(sampler, 'sampler');
  for (const fact of ['stochastic', 'reachesZero', 'batchCoupled', 'likelihood', 'guidance', 'inpainting'] as const)
    if (typeof sampler.facts[fact] !== 'boolean') broken(sampler.name, `facts.${fact} is not stated`, sampler.facts[fact], 'true or false');
  if (sampler.facts.order !== undefined && !(sampler.facts.order > 0))
    broken(sampler.name, 'facts.order is no order', sampler.facts.order, 'a number > 0, or nothing');
};

/** A plan is plain float64 that prints, the same every time, of the levels that it was given (or it says why not). */
export const checkSamplerPlan: Check<SamplerSubject> = async (subject) => {
  for (const schedule of schedulesOf(subject))
    for (const steps of FEW) {
      const sampler = subject.create();
      const levels = levelsOf(subject, schedule, steps);
      const given = levels.slice();
      const plan = sampler.plan(schedule, levels);
      const who = `${sampler.name}, ${steps} steps of ${schedule.id}`;
      if (distance(levels, given) !== 0) broken(who, 'plan changed the levels that it was lent');
      if (plan.sampler !== sampler.name) broken(who, 'plan.sampler is another name', plan.sampler, sampler.name);
      if (plan.schedule.id !== schedule.id) broken(who, 'plan.schedule is another schedule', plan.schedule.id, schedule.id);
      if (!(plan.levels instanceof Float64Array)) broken(who, 'plan.levels is not float64', typeof plan.levels, 'Float64Array');
      if (distance(plan.levels, given) !== 0 && plan.notes.length === 0)
        broken(who, 'plan replaced the levels and does not say so', [...plan.levels], 'a sentence in plan.notes');
      if (plan.levels.some((rho, i) => i > 0 && !(rho < plan.levels[i - 1]!))) broken(who, 'plan.levels do not decrease', [...plan.levels]);
      if (plan.steps.length !== plan.levels.length - 1)
        broken(who, 'not one entry of plan.steps a step', plan.steps.length, String(plan.levels.length - 1));
      const numbers = plan.steps.flatMap((step) => Object.values(step).flat());
      if (!numbers.every((v) => typeof v === 'number' && Number.isFinite(v)))
        broken(who, 'a coefficient is not a finite number', JSON.stringify(plan.steps));
      if (!plan.notes.every((note) => typeof note === 'string')) broken(who, 'plan.notes are not sentences', plan.notes);
      const print = (p: Plan): string => JSON.stringify({ ...p, levels: [...p.levels], schedule: p.schedule.id });
      const again = subject.create().plan(schedule, given.slice());
      if (print(again) !== print(plan)) broken(who, 'two plans of the same levels differ');
      if (JSON.stringify(JSON.parse(JSON.stringify(plan.steps))) !== JSON.stringify(plan.steps))
        broken(who, 'plan.steps do not survive printing');
      if (plan.nfe !== null && !(Number.isInteger(plan.nfe) && plan.nfe >= 0)) broken(who, 'plan.nfe is no number of calls', plan.nfe);
    }
};

/** Levels that no sampler can use are refused by `plan`, before any tensor is made. */
export const checkSamplerRefusals: Check<SamplerSubject> = async (subject) => {
  const schedule = schedulesOf(subject)[0]!;
  const good = levelsOf(subject, schedule, 4);
  const { name, facts } = subject.create();
  const change = (at: number, value: number): Float64Array => good.map((rho, i) => (i === at ? value : rho));
  const bad: [string, Float64Array][] = [
    ['a duplicate level', change(2, good[1]!)],
    ['a level that rises', change(2, good[1]! * 1.01)],
    ['ascending levels', good.slice().reverse()],
    ['a level that is NaN', change(2, NaN)],
    ['an infinite level', change(0, Infinity)],
    ['a negative last level', change(4, -0.1)],
    ['a single level', good.slice(0, 1)],
    ['no level', new Float64Array(0)],
    ['a 0 before the end', Float64Array.of(good[0]!, 0, -1)],
    ...(facts.reachesZero ? [] : [['a last level of 0, which it says it cannot reach', withZero(good)] as [string, Float64Array]]),
  ];
  for (const [what, levels] of bad) await expectRefusal(name, what, () => subject.create().plan(schedule, levels));
};

/** Finite for 1, 2, 3, 5 and 9 steps, to the last level and to 0 where it says so, and never asks the denoiser at ρ ≤ 0. */
export const checkSamplerFinite: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const { name, facts } = subject.create();
  const asked: Denoiser = (y, rho) => {
    const levels = typeof rho === 'number' ? [rho] : [...rho];
    if (typeof rho !== 'number' && rho.length !== y.shape[0])
      broken(name, 'the denoiser is asked for another number of levels than rows', rho.length, String(y.shape[0]));
    if (!levels.every((at) => at > 0 && Number.isFinite(at)))
      broken(name, 'the denoiser is asked at a level where no network is trained', levels, 'finite ρ > 0');
    return oracle.denoiser(y, rho);
  };
  for (const schedule of schedulesOf(subject))
    for (const steps of FEW) {
      const levels = levelsOf(subject, schedule, steps);
      for (const to of facts.reachesZero ? [levels, withZero(levels)] : [levels]) {
        const sampler = subject.create();
        const out = await draw(sampler, asked, sampler.plan(schedule, to), createNoise(1), oracle.shape);
        const who = `${name}, ${steps} steps of ${schedule.id} to ${to.at(-1)}`;
        if (out.length !== ROWS * oracle.dims) broken(who, 'the result has another size', out.length, String(ROWS * oracle.dims));
        if (!out.every(Number.isFinite)) broken(who, 'the result is not finite', [...out]);
        if (sizeOf(out) > 1e3) broken(who, 'the result is far outside the data', sizeOf(out), 'numbers of the size of the data');
      }
    }
};

/** The network is called as often as the plan says. */
export const checkSamplerCalls: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const { name, facts } = subject.create();
  for (const steps of FEW) {
    const schedule = schedulesOf(subject)[0]!;
    const levels = levelsOf(subject, schedule, steps);
    for (const to of facts.reachesZero ? [levels, withZero(levels)] : [levels]) {
      const sampler = subject.create();
      const plan = sampler.plan(schedule, to);
      let calls = 0;
      await draw(sampler, (y, rho) => (calls++, oracle.denoiser(y, rho)), plan, createNoise(1), oracle.shape);
      if (plan.nfe !== null && calls !== plan.nfe)
        broken(`${name}, ${steps} steps to ${to.at(-1)}`, 'plan.nfe is not what the run costs', plan.nfe, `${calls} calls`);
    }
  }
};

/** Step i is yielded before its update: i from 0, rho = levels[i], the first y as it was given, x0 = D(y, levels[i]). */
export const checkSamplerSteps: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  const plan = defaultPlan(subject, 5, sampler);
  const noise = createNoise(2);
  const y = await initial(sampler, noise, plan, oracle.shape);
  const start = await read(y);
  let count = 0;
  let last: Float32Array | undefined;
  try {
    const end = await run(sampler, oracle.denoiser, y, plan, noise, async (step) => {
      const who = `${sampler.name}, step ${count}`;
      if (step.i !== count) broken(who, 'step.i does not count from 0', step.i, String(count));
      if (step.rho !== plan.levels[count]) broken(who, 'step.rho is not levels[i]', step.rho, String(plan.levels[count]));
      if (step.y.isDisposed || step.x0.isDisposed)
        broken(who, 'a yielded tensor is already disposed', undefined, 'lent until the next step is asked for');
      if (step.y.shape.join() !== y.shape.join() || step.x0.shape.join() !== y.shape.join())
        broken(who, 'a yielded tensor has another shape', step.x0.shape, y.shape.join());
      const [state, x0] = [await read(step.y), await read(step.x0)];
      if (count === 0 && distance(state, start) !== 0)
        broken(
          who,
          'the first yielded y is not the y that it was given',
          distance(state, start),
          'equal',
          'yield before the update; do not scale the input',
        );
      if (last !== undefined && distance(state, last) === 0)
        broken(who, 'y does not move between steps', undefined, 'the state at levels[i]');
      last = state;
      const truth = await take(oracle.denoiser(step.y, plan.levels[count]!));
      const gap = distance(x0, truth);
      if (!(gap <= 1e-4 * Math.max(1, sizeOf(truth))))
        broken(who, 'x0 is not D(y, levels[i])', gap, 'equal to 1e-4', 'yield y and D(y, levels[i]) as they were before the update');
      count++;
    });
    if (count !== plan.levels.length - 1)
      broken(sampler.name, 'another number of steps was yielded', count, String(plan.levels.length - 1));
    if (end.shape.join() !== y.shape.join()) broken(sampler.name, 'the result has another shape', end.shape, y.shape.join());
    if (end.isDisposed) broken(sampler.name, 'the returned tensor is already disposed');
    if (end === y || end.id === y.id)
      broken(sampler.name, 'the returned tensor is the one that was lent', undefined, 'a tensor of the caller’s own');
    end.dispose();
  } finally {
    y.dispose();
  }
};

/** Equal seeds give equal bits; a stochastic sampler listens to its seed, a deterministic one never asks for noise. */
export const checkSamplerDeterminism: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  const plan = defaultPlan(subject, 5, sampler);
  const [a, b] = [
    await draw(sampler, oracle.denoiser, plan, createNoise(3), oracle.shape),
    await draw(subject.create(), oracle.denoiser, plan, createNoise(3), oracle.shape),
  ];
  if (distance(a, b) !== 0) broken(sampler.name, 'two runs with one seed differ', distance(a, b), 'equal bits');
  // From one start: what the steps make of noise.
  const y = await initial(sampler, createNoise(3), plan, oracle.shape);
  try {
    const from = async (noise: Noise): Promise<Float32Array> => take(await run(sampler, oracle.denoiser, y, plan, noise));
    if (!sampler.facts.stochastic) await from(silence);
    else if (distance(await from(createNoise(3)), await from(createNoise(4))) === 0)
      broken(sampler.name, 'another seed changes nothing', undefined, 'a stochastic sampler', 'declare stochastic: false');
  } finally {
    y.dispose();
  }
};

/** Row r of a batch is the row that comes alone with `noise.rows(r)`. */
export const checkSamplerBatch: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  if (sampler.facts.batchCoupled) return;
  const plan = defaultPlan(subject, 5, sampler);
  const noise = createNoise(5);
  const whole = await draw(sampler, oracle.denoiser, plan, noise, oracle.shape);
  for (let r = 0; r < ROWS; r++) {
    const alone = await draw(sampler, oracle.denoiser, plan, noise.rows(r), oracle.shape, 1);
    const gap = distance(alone, whole.subarray(r * oracle.dims, (r + 1) * oracle.dims));
    const scale = Math.max(1, sizeOf(alone));
    if (!(gap <= 1e-5 * scale))
      broken(
        sampler.name,
        `row ${r} depends on the batch that it is in`,
        gap,
        `at most ${1e-5 * scale}`,
        'use norms and errors of each row, and noise shaped [B, …]; or declare batchCoupled',
      );
  }
};

/** No tensor stays behind on completion, on a break after one step, and when the denoiser throws or rejects; no argument is disposed. */
export const checkSamplerLeaks: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  const plan = defaultPlan(subject, 5, sampler);
  const noise = createNoise(6);
  if (sampler.start)
    await expectNoLeak(sampler.name, 'in start', async () => void (await sampler.start!(noise, [ROWS, ...oracle.shape], plan)).dispose());
  const y = await initial(sampler, noise, plan, oracle.shape);
  try {
    await expectNoLeak(sampler.name, 'on completion', async () => void (await run(sampler, oracle.denoiser, y, plan, noise)), {
      kept: 1,
    }).finally(() => expectAlive(sampler.name, 'on completion', y));
    for (const after of [1, 3])
      await expectNoLeak(sampler.name, `on a break after ${after} step(s)`, async () => {
        let left = after;
        for await (const step of sampler.steps(oracle.denoiser, y, plan, noise)) {
          void step;
          if (--left === 0) break;
        }
      });
    expectAlive(sampler.name, 'on a break', y);
    let calls = 0;
    await take(await run(sampler, (v, rho) => (calls++, oracle.denoiser(v, rho)), y, plan, noise));
    const failure = tweedieError({ subject: 'conformance', problem: 'the network fails, as it was asked to' });
    for (const at of [...new Set([0, 1, Math.floor(calls / 2), calls - 1])].filter((n) => n >= 0 && n < calls))
      for (const [how, fail] of [
        [
          'throws',
          (): never => {
            throw failure;
          },
        ],
        ['rejects', (): Promise<Tensor> => quietly(Promise.reject(failure))],
      ] as const) {
        let call = 0;
        await expectNoLeak(
          sampler.name,
          `when the denoiser ${how} at call ${at}`,
          async () => void (await run(sampler, (v, rho) => (call++ === at ? fail() : oracle.denoiser(v, rho)), y, plan, noise)),
          { throws: true },
        );
        expectAlive(sampler.name, `when the denoiser ${how}`, y);
      }
  } finally {
    y.dispose();
  }
};

/** An asynchronous denoiser gives the same. */
export const checkSamplerAsynchronous: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  const plan = defaultPlan(subject, 3, sampler);
  let late = false;
  const later: Denoiser = async (y, rho) => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    late ||= y.isDisposed; // not thrown here: nobody may be waiting
    return y.isDisposed ? fill(y.shape, NaN) : oracle.denoiser(y, rho);
  };
  const now = await draw(sampler, oracle.denoiser, plan, createNoise(7), oracle.shape);
  const then = await draw(sampler, later, plan, createNoise(7), oracle.shape);
  if (late) broken(sampler.name, 'the state was disposed before the denoiser had seen it', undefined, undefined, 'await the denoiser');
  if (distance(now, then) !== 0) broken(sampler.name, 'an asynchronous denoiser changes the result', distance(now, then), 'equal bits');
};

/** Two runs of one sampler, step by step in turn, are the two runs one after the other. */
export const checkSamplerState: Check<SamplerSubject> = async (subject) => {
  const oracle = oracleOf(subject);
  const sampler = subject.create();
  const [planA, planB] = [defaultPlan(subject, 5, sampler), defaultPlan(subject, 3, sampler)];
  const [noiseA, noiseB] = [createNoise(8), createNoise(9)];
  const [alone, other] = [
    await draw(sampler, oracle.denoiser, planA, noiseA, oracle.shape),
    await draw(sampler, oracle.denoiser, planB, noiseB, oracle.shape),
  ];
  const [yA, yB] = [await initial(sampler, noiseA, planA, oracle.shape), await initial(sampler, noiseB, planB, oracle.shape)];
  const [runA, runB] = [sampler.steps(oracle.denoiser, yA, planA, noiseA), sampler.steps(oracle.denoiser, yB, planB, noiseB)];
  const ends: (Tensor | undefined)[] = [undefined, undefined];
  while (ends.some((end) => end === undefined))
    for (const [i, steps] of [runA, runB].entries()) {
      if (ends[i] !== undefined) continue;
      const next = await steps.next();
      if (next.done) ends[i] = next.value;
    }
  const [a, b] = [await take(ends[0]!), await take(ends[1]!)];
  yA.dispose();
  yB.dispose();
  const gap = Math.max(distance(a, alone), distance(b, other));
  if (gap !== 0)
    broken(
      sampler.name,
      'two runs in turn are not the two runs one after the other',
      gap,
      'equal bits',
      'keep everything that changes in local variables of `steps`',
    );
};

/** A deterministic sampler is exact where D is constant, and where ε̂ is: both make the ODE a quadrature of a constant. */
export const checkSamplerConstants: Check<SamplerSubject> = async (subject) => {
  const { name, facts } = subject.create();
  if (facts.stochastic) return;
  for (const schedule of schedulesOf(subject))
    for (const steps of FEW) {
      const sampler = subject.create();
      // Of moderate ratio: one step from 80 to .002 would multiply float32's rounding of D by ρ_0/ρ_N.
      const plan = sampler.plan(schedule, logSnr({ steps, max: 10, min: 0.3 }));
      const [first, last] = [plan.levels[0]!, plan.levels.at(-1)!];
      const y = await initial(sampler, createNoise(10), plan, oracleOf(subject).shape);
      const start = await read(y);
      const at = await (async () => {
        // What steps starts from is a state at levels[0], whatever `start` drew it from.
        const constant = await take(await run(sampler, (v) => fill(v.shape, 0.7), y, plan, silence));
        const slope = await take(
          await run(
            sampler,
            (v, rho) =>
              tidy(() =>
                sub(
                  v,
                  mul(
                    fill(v.shape, 0.7),
                    typeof rho === 'number' ? rho : tensor(Float32Array.from(rho), [rho.length, ...new Array<number>(v.rank - 1).fill(1)]),
                  ),
                ),
              ),
            y,
            plan,
            silence,
          ),
        );
        return { constant, slope };
      })().finally(() => y.dispose());
      const tolerance = 1e-5 * Math.max(1, sizeOf(start), first);
      const who = `${name}, ${steps} steps of ${schedule.id}`;
      const data = distance(
        at.constant,
        start.map((v) => 0.7 + (last / first) * (v - 0.7)),
      );
      if (!(data <= tolerance)) broken(who, 'not exact for a constant x̂₀', data, `y = m + ρ_N/ρ_0 (y_0 − m) to ${tolerance}`);
      const noise = distance(
        at.slope,
        start.map((v) => v + 0.7 * (last - first)),
      );
      if (!(noise <= tolerance)) broken(who, 'not exact for a constant ε̂', noise, `y = y_0 + c (ρ_N − ρ_0) to ${tolerance}`);
    }
};

/** The error against the exact flow falls with the declared order. */
export const checkSamplerOrder: Check<SamplerSubject> = async (subject) => {
  const { steps = [8, 16, 32, 64, 128], window = [0.3, 0.5] } = subject.order ?? {};
  const create = subject.order?.create ?? subject.create;
  const declared = create().facts.order;
  if (declared === undefined) return;
  if (create().facts.stochastic)
    broken(create().name, 'a stochastic sampler cannot be measured', undefined, 'order.create to give its deterministic form');
  const oracle = oracleOf(subject);
  const { slope, errors } = await measureOrder(create, oracle, schedulesOf(subject)[0]!, steps);
  if (!(slope >= declared - window[0] && slope <= declared + window[1]))
    broken(
      create().name,
      'the order is not what it declares',
      `slope ${slope.toFixed(2)} from errors ${errors.map((e) => e.toExponential(1)).join(', ')} at ${steps.join(', ')} steps`,
      `${declared} (−${window[0]}, +${window[1]})`,
    );
};

/** Where the exact flow takes the start points of {@link measureOrder}: the same for every sampler. */
const flows = new WeakMap<Distribution, Float64Array>();

/** log₂ of how much the error against the exact flow falls when the steps double, over at most the last three grids above float32's floor. */
export const measureOrder = async (
  create: () => Sampler,
  oracle: Distribution,
  schedule: Schedule,
  steps: readonly number[],
): Promise<{ readonly slope: number; readonly errors: readonly number[] }> => {
  const [max, min, rows, floor] = [10, 0.3, 6, 1e-5];
  const [x, z] = [oracle.sample(createNoise(11), rows), createNoise(12).hostNormal([rows, oracle.dims], { stream: 1 })];
  const start = Float32Array.from(x, (v, i) => v + max * z[i]!);
  const truth = flows.get(oracle) ?? oracle.flow(start, max, min);
  flows.set(oracle, truth);
  const errors: number[] = [];
  for (const n of steps) {
    const sampler = create();
    const y = tensor(start, [rows, ...oracle.shape]);
    const out = await take(await run(sampler, oracle.denoiser, y, sampler.plan(schedule, logSnr({ steps: n, max, min })), silence));
    y.dispose();
    errors.push(Math.sqrt(out.reduce((sum, v, i) => sum + (v - truth[i]!) ** 2, 0) / out.length));
  }
  const usable = steps
    .map((n, i) => ({ u: Math.log2(n), v: Math.log2(errors[i]!) }))
    .filter(({ v }) => v > Math.log2(floor))
    .slice(-3);
  if (usable.length < 2)
    broken(
      create().name,
      'the order cannot be seen above float32’s floor',
      errors.map((e) => e.toExponential(1)).join(', '),
      `two errors above ${floor}`,
      'give coarser order.steps',
    );
  const [mu, mv] = [usable.reduce((s, p) => s + p.u, 0) / usable.length, usable.reduce((s, p) => s + p.v, 0) / usable.length];
  const slope = -usable.reduce((s, p) => s + (p.u - mu) * (p.v - mv), 0) / usable.reduce((s, p) => s + (p.u - mu) ** 2, 0);
  return { slope, errors };
};

/** Every check of a sampler by the sentence that it proves, in the order in which a failure explains most. */
export const samplerChecks: Readonly<Record<string, Check<SamplerSubject>>> = Object.freeze({
  'says what it is, and cites its source': checkSamplerIdentity,
  'plans in plain, printable float64': checkSamplerPlan,
  'refuses levels that it cannot use': checkSamplerRefusals,
  'is finite at 1, 2, 3, 5 and 9 steps, and at 0 where it says so': checkSamplerFinite,
  'calls the network as often as it plans': checkSamplerCalls,
  'yields each step before its update': checkSamplerSteps,
  'is a function of its seed': checkSamplerDeterminism,
  'treats every row as if it were alone': checkSamplerBatch,
  'leaks no tensor on completion, break and throw': checkSamplerLeaks,
  'waits for an asynchronous denoiser': checkSamplerAsynchronous,
  'keeps no state between runs': checkSamplerState,
  'is exact for constant x̂₀ and constant ε̂': checkSamplerConstants,
  'has the order that it declares': checkSamplerOrder,
});
