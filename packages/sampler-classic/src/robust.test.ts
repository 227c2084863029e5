import { memory, tensor } from '@tensorflow/tfjs-core';
import { M3 as MIXTURE, P256 } from '@tweedie/analytic';
import {
  createNoise,
  drawPrior,
  edm,
  isTweedieError,
  karras,
  logSnr,
  timePower,
  vpLinear,
  type Sampler,
  type Schedule,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { distance, G5, lifted, M3, posteriorMean, relative, run, slopes, starts, toRows, type Denoise64 } from '../test/problems.ts';
import * as written from '../test/references.ts';
import { ancestral, ancestralStep, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3 } from './dpmpp.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc } from './unipc.ts';

const NEVER = { lowerOrderFinal: 'never' } as const;
const ALWAYS = { lowerOrderFinal: 'always' } as const;
const vp = vpLinear();

type Solver = readonly [name: string, sampler: Sampler, remembered: 'x0' | 'eps'];
/** ODE solvers of linear steps, with what their plans' numbers are of. */
const ODE: readonly Solver[] = [
  ['euler', euler(), 'x0'],
  ['dpm-solver-2s', dpmSolver2s(), 'eps'],
  ['dpm-solver-3s', dpmSolver3s(), 'eps'],
  ['dpmpp-2s', dpmpp2s(), 'x0'],
  ['dpmpp-2m', dpmpp2m(), 'x0'],
  ['dpmpp-3m', dpmpp3m(), 'x0'],
  ['dpmpp-3m-o3', dpmpp3mO3(), 'x0'],
  ['unipc bh1', unipc({ variant: 'bh1' }), 'x0'],
  ['unipc bh2', unipc(), 'x0'],
  ['unipc of ε̂', unipc({ prediction: 'eps' }), 'eps'],
  ['deis t-ab', deis(), 'eps'],
  ['deis rho-ab', deis({ variant: 'rho-ab' }), 'eps'],
  ['deis log-rho-ab', deis({ variant: 'log-rho-ab' }), 'eps'],
  ['deis rho-heun', deis({ variant: 'rho-heun' }), 'eps'],
  ['deis rho-kutta3', deis({ variant: 'rho-kutta3' }), 'eps'],
  ['deis rho-rk4', deis({ variant: 'rho-rk4' }), 'eps'],
  ['ipndm', ipndm(), 'eps'],
];
const ALL: readonly (readonly [string, Sampler])[] = [
  ...ODE.map(([name, sampler]) => [name, sampler] as const),
  ['heun', heun()],
  ['heun with churn', heun({ sChurn: 10 })],
  ['ddim η = 1', ddim({ eta: 1 })],
  ['ancestral', ancestral()],
  ['ancestral large', ancestral({ variance: 'large' })],
  ['euler-ancestral', eulerAncestral()],
  ['dpmpp-2s-sde', dpmpp2sSde()],
  ['dpmpp-2m-sde', dpmpp2mSde()],
];

/** On a diagonal Gaussian a deterministic run is affine, coordinate by coordinate: slope and intercept from two runs. */
const affine = (run: (y: readonly number[]) => number[], dims: number): { slope: number[]; intercept: number[] } => {
  const [zero, one] = [run(Array<number>(dims).fill(0)), run(Array<number>(dims).fill(1))];
  return { slope: one.map((v, k) => v - zero[k]!), intercept: zero };
};

describe('D1: what comes out on G5, pushed through exactly', () => {
  const [mean, variances] = [G5.means[0]!, G5.variances[0]!];
  const denoise = posteriorMean(G5);
  /** Largest error of mean and variance, of those at .002. */
  const error = (sampler: Sampler, remembered: 'x0' | 'eps', steps: number): readonly [mean: number, variance: number] => {
    const plan = sampler.plan(edm(), karras({ steps, max: 80, min: 0.002 }));
    const { slope, intercept } = affine((y) => hostRun(plan, denoise, y, remembered), 5);
    return [
      Math.max(...mean.map((m, k) => Math.abs(intercept[k]! + slope[k]! * m - m))),
      Math.max(...variances.map((v, k) => Math.abs((slope[k]! ** 2 * (v + 80 ** 2)) / (v + 0.002 ** 2) - 1))),
    ];
  };
  it.each([
    ['euler', euler(), 'x0', 1],
    ['dpmpp-2m', dpmpp2m(NEVER), 'x0', 2],
    ['dpmpp-3m-o3', dpmpp3mO3(NEVER), 'x0', 3],
    ['dpm-solver-2s', dpmSolver2s(), 'eps', 2],
    ['deis rho-kutta3', deis({ variant: 'rho-kutta3' }), 'eps', 3],
    ['unipc of order 2', unipc({ order: 2, ...NEVER }), 'x0', 3],
    ['deis log-rho-ab 2', deis({ variant: 'log-rho-ab', degree: 2 }), 'eps', 3],
    ['ipndm', ipndm(), 'eps', 2],
  ] as const)('%s keeps the mean, and its variance tends to the exact one with its own order', (_, sampler, remembered, order) => {
    const errors = [80, 160, 320].map((steps) => error(sampler, remembered, steps));
    errors.forEach(([m]) => expect(m).toBeLessThan(1e-12));
    const own = slopes(errors.map(([, v]) => v));
    expect(Math.abs(own.at(-1)! - order)).toBeLessThan(0.3);
  });
});

/**
 * The table of samplers.md 3.5 was made from few starts: it is off from these by up to 4 % (DDIM 2 %) where errors are above a percent,
 * and as one would have it if the first mode's starts had 1.3 times their variance. Here every variance is the exact one.
 */
describe('D2: relative error of the endpoint on P256, exactly', () => {
  const variances = Array.from(P256.spectrum.values);
  const [max, min] = [vp.rho(1), vp.rho(1e-4)];
  const denoise: Denoise64 = (y, rho) => y.map((v, k) => (v * variances[k]!) / (variances[k]! + rho * rho));
  const t2 = (steps: number): Float64Array => timePower(vp, { steps, max, min, power: 2 });
  const uniform = (steps: number): Float64Array => logSnr({ steps, max, min });
  const ones = Array<number>(256).fill(1);
  /** √(E‖end − exact‖²/E‖exact‖²) of a run that multiplies mode k by slope[k]. */
  const error = (slope: readonly number[], firstMode = 1): number => {
    let [off, all] = [0, 0];
    variances.forEach((v, k) => {
      const exact = Math.sqrt((v + min ** 2) / (v + max ** 2));
      const start = (v + max ** 2) * (k === 0 ? firstMode : 1);
      off += (slope[k]! - exact) ** 2 * start;
      all += exact ** 2 * start;
    });
    return Math.sqrt(off / all);
  };
  const counts = [5, 6, 8, 10, 12, 15, 20, 50];
  const uni = written.unipc({ order: 3, variant: 'bh2', data: true, shortcuts: true, lowerFinal: true });
  it.each([
    [
      'DDIM',
      ddim(),
      'x0',
      t2,
      written.ddim(0),
      [0.32, 0.27, 0.21, 0.17, 0.15, 0.12, 0.091, 0.038],
      [0.318, 0.272, 0.211, 0.172, 0.146, 0.118, 0.09, 0.037],
    ],
    [
      'tAB3',
      deis(),
      'eps',
      t2,
      written.tAb(3),
      [0.19, 0.14, 0.079, 0.05, 0.035, 0.022, 0.012, 0.0012],
      [0.18, 0.131, 0.075, 0.048, 0.033, 0.02, 0.011, 0.0011],
    ],
    [
      'ρAB2',
      deis({ variant: 'rho-ab', degree: 2 }),
      'eps',
      t2,
      written.rhoAb(2),
      [0.27, 0.21, 0.13, 0.092, 0.065, 0.042, 0.022, 0.0023],
      [0.265, 0.207, 0.134, 0.092, 0.065, 0.042, 0.023, 0.0024],
    ],
    [
      'log-ρAB2',
      deis({ variant: 'log-rho-ab', degree: 2 }),
      'eps',
      t2,
      written.logRhoAb(2),
      [0.14, 0.098, 0.06, 0.043, 0.033, 0.023, 0.012, 0.00073],
      [0.138, 0.099, 0.06, 0.042, 0.032, 0.022, 0.012, 0.0007],
    ],
    [
      'DPM++2M',
      dpmpp2m(ALWAYS),
      'x0',
      uniform,
      written.dpmpp(2, 1, true),
      [0.14, 0.074, 0.035, 0.036, 0.032, 0.025, 0.016, 0.0028],
      [0.138, 0.069, 0.035, 0.037, 0.033, 0.025, 0.016, 0.0028],
    ],
    [
      'UniPC3',
      unipc({ order: 3, ...ALWAYS }),
      'x0',
      uniform,
      uni,
      [0.25, 0.34, 0.22, 0.078, 0.031, 0.011, 0.0014, 0.000054],
      [0.254, 0.345, 0.218, 0.073, 0.028, 0.01, 0.0014, 0.0001],
    ],
  ] as const)('%s', (name, sampler, remembered, grid, reference, wanted, published) => {
    counts.forEach((steps, n) => {
      const levels = grid(steps);
      const slope = hostRun(sampler.plan(vp, levels), denoise, ones, remembered);
      const apart = relative([slope], [reference({ denoise, schedule: vp, levels, start: ones })]);
      expect(apart).toBeLessThan(1e-11);
      const own = error(slope);
      expect([name, steps, Number(own.toPrecision(2))]).toEqual([name, steps, wanted[n]]);
      // The published table: within its rounding of what few starts give.
      const few = error(slope, 1.3);
      const rounding = published[n]! < 0.01 ? 6e-5 : 1.1e-3;
      expect(Math.abs(few - published[n]!)).toBeLessThan(0.03 * own + rounding);
    });
  });
});

describe('D3: 10 000 samples of M3 fall to its components by their weights (4 standard errors)', () => {
  const n = 10_000;
  const solvers: readonly (readonly [string, Sampler, number])[] = [
    ['euler', euler(), 40],
    ['heun', heun(), 21],
    ['dpm-solver-3s', dpmSolver3s(), 14],
    ['dpmpp-2m', dpmpp2m(), 40],
    ['unipc', unipc(), 40],
    ['deis', deis(), 40],
    ['ipndm', ipndm(), 40],
    ['ancestral', ancestral(), 40],
  ];
  it.each(solvers)('%s', async (_, sampler, steps) => {
    const noise = createNoise(11n);
    const plan = sampler.plan(edm(), karras({ steps, max: 80, min: 0.002 }));
    expect(plan.nfe).toBeGreaterThanOrEqual(40);
    const start = drawPrior(noise, [n, 3], plan);
    const generator = sampler.steps((y, rho) => MIXTURE.denoiser(y, rho), start, plan, noise);
    let end = await generator.next();
    while (!end.done) end = await generator.next();
    const rows = await toRows(end.value);
    [start, end.value].forEach((each) => each.dispose());
    // The mean responsibility of a component is its weight, whatever the overlap, and varies less than a count would.
    const mean = [0, 0, 0];
    for (const row of rows) {
      const logits = M3.weights.map((w, k) =>
        row.reduce(
          (sum, x, i) => sum - 0.5 * Math.log(M3.variances[k]![i]!) - (x - M3.means[k]![i]!) ** 2 / (2 * M3.variances[k]![i]!),
          Math.log(w),
        ),
      );
      const top = Math.max(...logits);
      const odds = logits.map((l) => Math.exp(l - top));
      const total = odds.reduce((a, b) => a + b);
      odds.forEach((o, k) => (mean[k]! += o / total / n));
    }
    M3.weights.forEach((w, k) => expect(Math.abs(mean[k]! - w)).toBeLessThan(4 * Math.sqrt((w * (1 - w)) / n)));
  });
});

const denoise = posteriorMean(M3);
const points = starts(80, 3);
const noise = createNoise(5n);

/** Finite numbers, or one sentence of ours that says why not. */
const finiteOrRefused = async (sampler: Sampler, schedule: Schedule, levels: Float64Array): Promise<'finite' | 'refused' | string> => {
  try {
    const plan = sampler.plan(schedule, levels);
    const bad = plan.steps.some((step) =>
      Object.values(step)
        .flat()
        .some((c) => !Number.isFinite(c)),
    );
    if (bad) return `a coefficient is no number: ${JSON.stringify(plan.steps)}`;
    const end = await run(sampler, lifted(denoise), points.slice(0, 2), plan, noise);
    return end.flat().every((v) => Number.isFinite(v) && Math.abs(v) < 1000) ? 'finite' : `the end is ${end.flat().join(', ')}`;
  } catch (error) {
    return isTweedieError(error) && /^\[[a-z0-9-]+\] [^\n]+/.test(error.message) ? 'refused' : `not one of ours: ${String(error)}`;
  }
};

describe('D4: grids that crashed others', () => {
  it.each(ALL)(
    '%s: N = 1, 2, 3, 3n − 1, 9, 27, more order than steps, to 0 or not, on three schedules of levels: finite',
    async (_, sampler) => {
      for (const steps of [1, 2, 3, 5, 8, 9, 26, 27]) {
        for (const zero of [false, true]) {
          const span = { steps, max: 80, min: 0.002 };
          const grids = zero && steps === 1 ? [Float64Array.of(80, 0)] : [karras({ ...span, zero }), logSnr({ ...span, zero })];
          for (const levels of grids) expect([steps, zero, await finiteOrRefused(sampler, edm(), levels)]).toEqual([steps, zero, 'finite']);
        }
        const levels = timePower(vp, { steps, max: vp.rho(1), min: vp.rho(1e-3), power: 2 });
        expect([steps, await finiteOrRefused(sampler, vp, levels)]).toEqual([steps, 'finite']);
      }
    },
  );

  it.each(ALL)('%s: duplicate, ascending, negative and missing levels are refused in a sentence that names it', async (_, sampler) => {
    for (const bad of [[1], [2, 1, 1], [1, 2], [2, 1, 1.5], [2, 0, 0], [2, 1, -1], [NaN, 1], [Infinity, 1]]) {
      expect(() => sampler.plan(edm(), Float64Array.from(bad))).toThrow(new RegExp(`^\\[${sampler.name}\\]`));
      expect(await finiteOrRefused(sampler, edm(), Float64Array.from(bad))).toBe('refused');
    }
  });

  it('order above N is lowered, and the plan says so', () => {
    for (const sampler of [dpmpp2m(), dpmpp3m(), unipc(), deis(), ipndm()]) {
      expect(sampler.plan(edm(), Float64Array.of(80, 1)).notes.join()).toMatch(/^1 step: history for/);
    }
  });
});

describe('no state but a run’s own', () => {
  const levels = karras({ steps: 7, max: 80, min: 0.002, zero: true });
  const [a, b] = [points.slice(0, 3), points.slice(3, 6)];

  it.each(ALL)('D5: %s, one instance, two runs interleaved, are what they are alone', async (_, sampler) => {
    const plan = sampler.plan(edm(), levels);
    const alone = [await run(sampler, lifted(denoise), a, plan, noise), await run(sampler, lifted(denoise), b, plan, noise.rows(3))];
    const [first, second] = [a, b].map((rows) => tensor(rows.flat(), [3, 3]));
    const [left, right] = [
      sampler.steps(lifted(denoise), first!, plan, noise),
      sampler.steps(lifted(denoise), second!, sampler.plan(edm(), levels), noise.rows(3)),
    ];
    let [l, r] = [await left.next(), await right.next()];
    while (!l.done || !r.done) [l, r] = [l.done ? l : await left.next(), r.done ? r : await right.next()];
    expect([await toRows(l.value), await toRows(r.value)]).toEqual(alone);
    [first!, second!, l.value, r.value].forEach((each) => each.dispose());
  });

  it.each(ALL)('D6: %s, a batch of 8 is 8 batches of 1', async (_, sampler) => {
    const plan = sampler.plan(edm(), levels);
    const rows = points.slice(0, 8);
    const whole = await run(sampler, lifted(denoise), rows, plan, noise);
    for (const [i, row] of rows.entries()) {
      expect(distance(await run(sampler, lifted(denoise), [row], plan, noise.rows(i)), [whole[i]!])).toBe(0);
    }
  });

  it.each(ALL)('D8: %s leaves no tensor, whether it ends, is left, or its model throws', async (_, sampler) => {
    const plan = sampler.plan(edm(), levels);
    const before = memory().numTensors;
    await run(sampler, lifted(denoise), a, plan, noise);
    expect(memory().numTensors).toBe(before);
    const start = tensor(a.flat(), [3, 3]);
    for await (const { i } of sampler.steps(lifted(denoise), start, plan, noise)) if (i === 3) break;
    let calls = 0;
    const failing = sampler.steps(
      async (y, rho) => (++calls > 4 ? Promise.reject(new Error('out of memory')) : lifted(denoise)(y, rho)),
      start,
      plan,
      noise,
    );
    await expect(
      (async () => {
        for await (const step of failing) void step;
      })(),
    ).rejects.toThrow('out of memory');
    start.dispose();
    expect(memory().numTensors).toBe(before);
  });
});

describe('what others’ issues were about (samplers.md 14)', () => {
  const zeroEnded = karras({ steps: 6, max: 80, min: 0.002, zero: true });

  it('last step: with a final σ of 0 it is not wasted, nor leaves noise; every sampler ends on an answer of its model', async () => {
    for (const [name, sampler] of ALL) {
      const plan = sampler.plan(edm(), karras({ steps: 20, max: 80, min: 0.002, zero: true }));
      let last: number[][] = [];
      const end = await run(sampler, lifted(denoise), points.slice(0, 2), plan, noise, async ({ i, x0 }) => {
        if (i === 19) last = await toRows(x0);
      });
      // AB in t or ρ carries its polynomial to 0, and ε̂ of UniPC is of the point before its correction: both end close by.
      const extrapolates = name === 'deis t-ab' || name === 'deis rho-ab' || name === 'unipc of ε̂';
      expect([name, distance(end, last) < (extrapolates ? 1e-3 : 1e-6)]).toEqual([name, true]);
    }
  });

  it('3n − 1 steps at order 3 are finite, not black images', () => {
    for (const steps of [2, 5, 8, 11, 14, 17, 20, 29]) {
      for (const zero of [false, true]) {
        const levels = karras({ steps, max: 80, min: 0.002, zero });
        for (const [name, sampler, remembered] of ODE) {
          const end = hostRun(sampler.plan(edm(), levels), denoise, points[0]!, remembered);
          expect([name, end.every((v) => Number.isFinite(v) && Math.abs(v) < 1000)]).toEqual([name, true]);
        }
      }
    }
  });

  it('duplicate timesteps (integers after rounding) are refused by name, not 0/0', () => {
    const rounded = Array.from({ length: 61 }, (_, k) => Math.round(1000 * (1 - k / 60) ** 3)).filter((k) => k > 0);
    expect(new Set(rounded).size).toBeLessThan(rounded.length);
    const levels = Float64Array.from(rounded, (k) => vp.rho(k / 1000));
    for (const [, sampler] of ALL) expect(() => sampler.plan(vp, levels)).toThrow(/is not below the one before it.*remove the duplicate/s);
  });

  it('no root of a negative number in an ancestral step, however close the levels', () => {
    for (const rho of [80, 1, 0.3, 0.002, 1e-12]) {
      for (const gap of [1e-16, 2e-16, 1e-15, 1e-12, 1e-3]) {
        const next = rho * (1 - gap);
        for (const eta of [0, 0.5, 1]) {
          const { up, down } = ancestralStep(rho, next, eta);
          expect(up >= 0 && down >= 0 && up <= next && down <= next).toBe(true);
        }
        if (next === rho) continue;
        for (const sampler of [
          ancestral(),
          ancestral({ variance: 'large' }),
          eulerAncestral(),
          ddim({ eta: 1 }),
          dpmpp2mSde(),
          dpmpp2sSde(),
        ]) {
          const { keep, noise: sd } = sampler.plan(edm(), Float64Array.of(rho, next, next / 2)).steps[0]!;
          expect([keep, sd].every((c) => Number.isFinite(c) && (c as number) >= 0)).toBe(true);
        }
      }
    }
  });

  it('UniPC bh1 at a final σ of 0 closes with x̂₀, where B would be −∞', () => {
    for (const variant of ['bh1', 'bh2'] as const) {
      for (const order of [1, 2, 3] as const) {
        for (const prediction of ['x0', 'eps'] as const) {
          const plan = unipc({ order, variant, prediction, ...NEVER }).plan(edm(), zeroEnded);
          expect(plan.steps.flatMap((step) => Object.values(step).flat()).every(Number.isFinite)).toBe(true);
          const { keep, model } = plan.steps.at(-1)!;
          expect([keep, model]).toEqual(prediction === 'x0' ? [0, [1]] : [1, [-zeroEnded[5]!]]);
          expect(hostRun(plan, denoise, points[0]!, prediction).every(Number.isFinite)).toBe(true);
          expect(plan.notes.join()).toMatch(/to ρ = 0, is x̂₀ itself/);
        }
      }
    }
  });

  it('shared state: the second of two runs, and another schedule in between, change nothing', async () => {
    const other = timePower(vp, { steps: 4, max: vp.rho(1), min: vp.rho(1e-3), power: 2 });
    for (const [, sampler] of ALL) {
      const plan = sampler.plan(edm(), zeroEnded);
      const printed = JSON.stringify(plan.steps);
      const first = await run(sampler, lifted(denoise), points.slice(0, 2), plan, noise);
      await run(sampler, lifted(denoise), points.slice(0, 2), sampler.plan(vp, other), noise);
      expect(await run(sampler, lifted(denoise), points.slice(0, 2), plan, noise)).toEqual(first);
      expect(JSON.stringify(plan.steps)).toBe(printed);
      expect(JSON.stringify(sampler.plan(edm(), zeroEnded).steps)).toBe(printed);
    }
  });
});
