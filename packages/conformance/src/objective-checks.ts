import { add, mul, scalar, slice, sub, tensor, tidy, variable, variableGrads, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import {
  createNoise,
  edm,
  tweedieError,
  ve,
  vpLinear,
  type Batch,
  type Head,
  type Model,
  type Noise,
  type Objective,
  type Schedule,
} from '@tweedie/core';
import { exactModel, type Distribution } from '@tweedie/analytic';
import { expectAlive, expectNoLeak, take } from './leak.ts';
import { correlated } from './oracle.ts';
import { broken, expectIdentity, expectRefusal, type Check } from './verdict.ts';

/** A schedule, and what the model predicts under it. */
export interface ObjectiveSetting {
  readonly schedule: Schedule;
  readonly head: Head;
  readonly sigmaData?: number;
}

export interface ObjectiveSubject {
  /** A new objective at every call. */
  create(): Objective;
  /** Settings that the objective supports. Default: EDM with x₀ (σ_data = .5), VP linear with ε, VP linear with v, VE with the score. */
  readonly settings?: readonly ObjectiveSetting[];
  /** Data whose optimum is known. Default: correlated Gaussian images [2, 2, 1]. Its model must be doubly differentiable for `derivatives: 2`. */
  readonly oracle?: Distribution;
  /** How the optimum is measured. */
  readonly optimum?: {
    /** Rows of a batch, and batches. Default 256 and 24. */
    readonly rows?: number;
    readonly batches?: number;
    /** How far from 1 the fitted gain may lie, beside 4 standard errors. Default .01. */
    readonly tolerance?: number;
    /** The gain at the optimum, where the objective learns a multiple of the score on purpose. Default 1. */
    readonly gain?: number;
  };
}

const settingsOf = (subject: ObjectiveSubject): readonly ObjectiveSetting[] =>
  subject.settings ?? [
    { schedule: edm(), head: 'x0', sigmaData: 0.5 },
    { schedule: vpLinear(), head: 'eps' },
    { schedule: vpLinear(), head: 'v' },
    { schedule: ve(), head: 'score' },
  ];
const oracleOf = (subject: ObjectiveSubject): Distribution => subject.oracle ?? correlated;
const title = (objective: Objective, { schedule, head }: ObjectiveSetting): string => `${objective.name}, ${head} under ${schedule.id}`;

/** The exact model with its predicted noise multiplied by a gain, D = y + a (D* − y): the smallest model that learns, and whose optimum is known. */
const withGain = (
  distribution: Distribution,
  { schedule, head, sigmaData }: ObjectiveSetting,
  gain: Tensor,
  watch?: (rho: number) => void,
): Model =>
  exactModel(
    {
      shape: distribution.shape,
      classes: distribution.classes,
      denoiser: (y, rho, label) => {
        (typeof rho === 'number' ? [rho] : rho).forEach((at) => watch?.(at));
        return tidy(() => add(y, mul(sub(distribution.denoiser(y, rho, label), y), gain)));
      },
    },
    schedule,
    { head, ...(sigmaData === undefined ? {} : { sigmaData }) },
  );

/** B data points as a batch; the reference's first rows are the mini-batch. */
const makeBatch = (
  distribution: Distribution,
  objective: Objective,
  rows: number,
  noise: Noise,
  step = 0,
): { batch: Batch; dispose(): void } => {
  const wanted = Math.max(rows, objective.needs.reference ?? rows);
  const data = Float32Array.from(distribution.sample(noise, wanted));
  const x0 = tensor(data.subarray(0, rows * distribution.dims), [rows, ...distribution.shape]);
  const reference = objective.needs.reference === undefined ? undefined : tensor(data, [wanted, ...distribution.shape]);
  return {
    batch: { x0, step, ...(reference === undefined ? {} : { reference }) },
    dispose: () => {
      x0.dispose();
      reference?.dispose();
    },
  };
};

/** Everything a check needs for one setting; frees it afterwards. */
const within = async (
  subject: ObjectiveSubject,
  setting: ObjectiveSetting,
  rows: number,
  act: (scene: { objective: Objective; batch: Batch; noise: Noise; gain: Variable; model: Model; who: string }) => Promise<void> | void,
): Promise<void> => {
  const objective = subject.create();
  const noise = createNoise(21);
  const { batch, dispose } = makeBatch(oracleOf(subject), objective, rows, noise);
  const gain = variable(scalar(1.3), true);
  try {
    await act({ objective, batch, noise, gain, model: withGain(oracleOf(subject), setting, gain), who: title(objective, setting) });
  } finally {
    gain.dispose();
    dispose();
  }
};

const lossOf = async (objective: Objective, model: Model, batch: Batch, noise: Noise): Promise<number> =>
  (await take(objective.loss(model, batch, noise)))[0]!;

const gradientOf = async (
  objective: Objective,
  model: Model,
  batch: Batch,
  noise: Noise,
  gain: Variable,
): Promise<{ loss: number; gradient: number | undefined }> => {
  const { value, grads } = (() => {
    try {
      return variableGrads(() => objective.loss(model, batch, noise), [gain]);
    } catch (error) {
      if (!String(error).includes('Cannot find a connection')) throw error;
      return broken(
        objective.name,
        'no gradient reaches the model',
        undefined,
        undefined,
        'compute the loss from model.raw or model.denoise with differentiable operations',
      );
    }
  })();
  const g = grads[gain.name] as Tensor | null | undefined;
  return { loss: (await take(value))[0]!, gradient: g ? (await take(g))[0] : undefined };
};

/** Kind, api, name, needs and citation are there. */
export const checkObjectiveIdentity: Check<ObjectiveSubject> = async (subject) => {
  const objective = subject.create();
  expectIdentity(objective, 'objective');
  const { derivatives, kernel, reference } = objective.needs;
  if (derivatives !== 1 && derivatives !== 2) broken(objective.name, 'needs.derivatives is not stated', derivatives, '1 or 2');
  if (typeof kernel !== 'boolean') broken(objective.name, 'needs.kernel is not stated', kernel, 'true or false');
  if (reference !== undefined && !(Number.isInteger(reference) && reference >= 1))
    broken(objective.name, 'needs.reference is no number of rows', reference, 'an integer ≥ 1, or nothing');
};

/** Equal (seed, step) give equal bits, others other draws; the loss is one float32 number. */
export const checkObjectiveDeterminism: Check<ObjectiveSubject> = async (subject) => {
  for (const setting of settingsOf(subject))
    await within(subject, setting, 6, async ({ objective, batch, noise, model, who }) => {
      const loss = objective.loss(model, batch, noise);
      if (loss.rank !== 0 || loss.dtype !== 'float32')
        broken(who, 'the loss is not a float32 scalar', `${loss.dtype} [${loss.shape.join()}]`);
      const first = (await take(loss))[0]!;
      if (!Number.isFinite(first)) broken(who, 'the loss is not finite', first);
      if ((await lossOf(subject.create(), model, batch, createNoise(21))) !== first)
        broken(who, 'two losses with one seed differ', undefined, 'equal bits');
      if ((await lossOf(objective, model, { ...batch, step: 1 }, noise)) === first)
        broken(who, 'another step draws the same noise', undefined, 'draws at { step: batch.step }');
      if ((await lossOf(objective, model, batch, createNoise(22))) === first)
        broken(who, 'another seed draws the same noise', undefined, 'draws from the noise that it was given');
    });
};

/** The loss of a batch is the mean of the losses of its rows, each with its own noise (a reference batch couples them by design). */
export const checkObjectiveBatch: Check<ObjectiveSubject> = async (subject) => {
  if (subject.create().needs.reference !== undefined) return;
  for (const setting of settingsOf(subject))
    await within(subject, setting, 6, async ({ objective, batch, noise, model, who }) => {
      const whole = await lossOf(objective, model, batch, noise);
      let [total, size] = [0, 0];
      for (let r = 0; r < 6; r++) {
        const x0 = slice(batch.x0, [r, ...new Array<number>(batch.x0.rank - 1).fill(0)], [1, ...batch.x0.shape.slice(1)]);
        const one = await lossOf(objective, model, { ...batch, x0 }, noise.rows(r)).finally(() => x0.dispose());
        total += one / 6;
        size += Math.abs(one) / 6;
      }
      if (!(Math.abs(total - whole) <= 1e-4 * Math.max(size, 1e-6)))
        broken(
          who,
          'the loss of a batch is not the mean of its rows',
          whole,
          `${total} to 1e-4`,
          'draw noise shaped [B, …], and average over rows',
        );
    });
};

/** Finite at B = 1, with a gradient that reaches the weights; every level asked is finite and above 0. */
export const checkObjectiveGradient: Check<ObjectiveSubject> = async (subject) => {
  for (const setting of settingsOf(subject))
    for (const rows of [1, 5])
      await within(subject, setting, rows, async ({ objective, batch, noise, gain, who }) => {
        let [least, most] = [Infinity, 0];
        const model = withGain(oracleOf(subject), setting, gain, (rho) => {
          least = Math.min(least, rho); // NaN if one is
          most = Math.max(most, rho);
        });
        const { loss, gradient } = await gradientOf(objective, model, batch, noise, gain);
        if (!Number.isFinite(loss)) broken(who, `the loss is not finite with ${rows} row(s)`, loss);
        if (gradient === undefined || gradient === 0) broken(who, 'no gradient reaches the model', gradient, 'a number other than 0');
        if (!Number.isFinite(gradient)) broken(who, `the gradient is not finite with ${rows} row(s)`, gradient);
        if (!(least > 0 && most < Infinity))
          broken(who, 'the model is asked at a level where no network is trained', [least, most], 'finite ρ > 0');
      });
};

/** No tensor stays behind, in the loss, in its gradient, and when the model throws; the batch is not disposed. */
export const checkObjectiveLeaks: Check<ObjectiveSubject> = async (subject) => {
  for (const setting of settingsOf(subject))
    await within(subject, setting, 4, async ({ objective, batch, noise, gain, model, who }) => {
      await expectNoLeak(who, 'in the loss', async () => void objective.loss(model, batch, noise), { kept: 1 });
      await expectNoLeak(who, 'in the gradient', async () => void (await gradientOf(objective, model, batch, noise, gain)));
      expectAlive(who, 'in the loss', batch.x0, batch.reference);
      const fail = (): never => {
        throw tweedieError({ subject: 'conformance', problem: 'the network fails, as it was asked to' });
      };
      const failing: Model = { ...model, raw: fail, denoise: fail };
      await expectNoLeak(who, 'when the model throws', async () => void objective.loss(failing, batch, noise), { throws: true });
      expectAlive(who, 'when the model throws', batch.x0, batch.reference);
    });
};

/** A loss of data that is not finite is not finite (or refused): never a number that hides it. */
export const checkObjectiveNonFinite: Check<ObjectiveSubject> = async (subject) => {
  for (const setting of settingsOf(subject))
    await within(subject, setting, 3, async ({ objective, noise, model, batch, who }) => {
      const x0 = tidy(() => mul(batch.x0, NaN));
      try {
        const loss = await lossOf(objective, model, { ...batch, x0 }, noise);
        if (Number.isFinite(loss))
          broken(who, 'the loss of NaN data is a number', loss, 'NaN, or a refusal', 'do not clip, mask or replace what is not finite');
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (error.message.startsWith('[conformance')) throw error;
      } finally {
        x0.dispose();
      }
    });
};

/** Refuses a model that cannot give what it needs: second derivatives, a reference batch. */
export const checkObjectiveRefusals: Check<ObjectiveSubject> = async (subject) => {
  const setting = settingsOf(subject)[0]!;
  await within(subject, setting, 3, async ({ objective, batch, noise, model, who }) => {
    if (objective.needs.derivatives === 2)
      await expectRefusal(who, 'a model without right second derivatives', () =>
        objective.loss({ ...model, doubleDifferentiable: false }, batch, noise),
      );
    if (objective.needs.reference !== undefined)
      await expectRefusal(who, 'a batch without its reference', () => objective.loss(model, { x0: batch.x0, step: 0 }, noise));
  });
};

/**
 * The exact model is the optimum: with its predicted noise multiplied by a gain a, the loss is least at a = 1. Fitted by a secant through
 * a = .9 and 1.1 on common noise; wrong by a factor, a sign, or a level, an objective fits another gain.
 */
export const checkObjectiveOptimum: Check<ObjectiveSubject> = async (subject) => {
  const { tolerance = 0.01, gain: expected = 1 } = subject.optimum ?? {};
  for (const setting of settingsOf(subject)) {
    const who = title(subject.create(), setting);
    const { gain, error, curvature } = await fitGain(subject, setting);
    if (!(curvature > 0))
      broken(who, 'the loss is not least anywhere: it has no positive curvature in the gain', curvature, '> 0', 'check the sign');
    if (!(error < 0.05))
      broken(who, 'the gain is too uncertain to judge', error, 'a standard error below .05', 'give more optimum.batches');
    if (!(Math.abs(gain - expected) <= 4 * error + tolerance))
      broken(
        who,
        'its optimum is not the exact model',
        `gain ${gain.toFixed(4)} ± ${error.toFixed(4)}`,
        String(expected),
        'check factors of 2, signs, and that target and model see the same level',
      );
  }
};

/** Fits the gain a of the exact model's predicted noise: where the mean gradient of the loss is zero, its standard error, and the curvature. */
export const fitGain = async (
  subject: ObjectiveSubject,
  setting: ObjectiveSetting,
): Promise<{ readonly gain: number; readonly error: number; readonly curvature: number }> => {
  const { rows = 256, batches = 24, gain: around = 1 } = subject.optimum ?? {};
  const distribution = oracleOf(subject);
  const objective = subject.create();
  const noise = createNoise(23);
  const samples: { middle: number; slope: number }[] = [];
  for (let step = 0; step < batches; step++) {
    const { batch, dispose } = makeBatch(
      distribution,
      objective,
      rows,
      noise.rows(step * Math.max(rows, objective.needs.reference ?? 0)),
      step,
    );
    const gradients: number[] = [];
    for (const at of [0.9, 1.1]) {
      const gain = variable(scalar(at * around), true);
      gradients.push((await gradientOf(objective, withGain(distribution, setting, gain), batch, noise, gain)).gradient ?? NaN);
      gain.dispose();
    }
    dispose();
    samples.push({ middle: (gradients[0]! + gradients[1]!) / 2, slope: (gradients[1]! - gradients[0]!) / (0.2 * around) });
  }
  const average = (f: (s: (typeof samples)[number]) => number): number => samples.reduce((sum, s) => sum + f(s), 0) / samples.length;
  const curvature = average((s) => s.slope);
  const offset = -average((s) => s.middle) / curvature;
  const variance = samples.reduce((sum, s) => sum + (s.middle + offset * s.slope) ** 2, 0) / (samples.length - 1);
  return { gain: around + offset, error: Math.sqrt(variance / samples.length) / Math.abs(curvature), curvature };
};

/** Every check of an objective by the sentence that it proves. */
export const objectiveChecks: Readonly<Record<string, Check<ObjectiveSubject>>> = Object.freeze({
  'says what it is, and cites its source': checkObjectiveIdentity,
  'is a function of its seed and step': checkObjectiveDeterminism,
  'is a mean over rows that do not know each other': checkObjectiveBatch,
  'has a finite loss and gradient, from one row on': checkObjectiveGradient,
  'leaks no tensor in the loss, the gradient and a throw': checkObjectiveLeaks,
  'does not hide data that are not finite': checkObjectiveNonFinite,
  'refuses what cannot give it what it needs': checkObjectiveRefusals,
  'is least at the exact model': checkObjectiveOptimum,
});
