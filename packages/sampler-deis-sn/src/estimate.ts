import { abs, mean, mul, reshape, sub, tidy } from '@tensorflow/tfjs-core';
import {
  createNoise,
  karras,
  parseOptions,
  sample,
  timePower,
  tweedieError,
  type Schedule,
  type Statistics,
  type StatisticsContext,
  type StatisticsFile,
} from '@tweedie/core';
import { z } from 'zod';
import { deisSn } from './deis-sn.ts';
import { KIND } from './profile.ts';
import { isVp } from './published.ts';

export const estimatorOptions = z.strictObject({
  steps: z.int().min(2).default(1000).describe('Levels that are recorded, each at the cost of a network call'),
  batchSize: z.int().min(1).default(64).describe('Images a network call'),
});

/**
 * mean |ε̂| along the trajectories of plain DEIS, at each of its levels, over all images, channels and pixels of all batches; `se` is its
 * standard error over images. Levels are those of the released recorder under VP (equal parts of t), else Karras's.
 *
 * Errors: no model, an answer that is not finite.
 */
export const estimateProfile = async (context: StatisticsContext): Promise<StatisticsFile> => {
  const { model, modelHash, seed, n = 128, noise = createNoise(seed), options, onProgress } = context;
  const subject = `statistics ${KIND}`;
  if (model === undefined) throw tweedieError({ subject, problem: 'there is no model to record', remedy: 'give a trained model' });
  if (!(Number.isInteger(n) && n >= 1))
    throw tweedieError({ subject, problem: 'no images are asked for', got: n, expected: 'an integer ≥ 1' });
  const { steps, batchSize } = await parseOptions(estimatorOptions, options, subject);
  const { schedule, classes } = model;
  const levels = levelsOf(schedule, steps);
  const sampler = deisSn({ profile: () => 1 });
  const [sums, squares] = [new Float64Array(steps), new Float64Array(steps)];
  const total = Math.ceil(n / batchSize) * steps;
  let done = 0;
  const drain = sample({
    sampler,
    plan: sampler.plan(schedule, levels),
    denoise: model.denoise,
    shape: model.shape,
    count: n,
    batchSize,
    noise,
    ...(classes === 0 ? {} : { classes, label: (image: number) => image % classes }),
  });
  for await (const event of drain) {
    if (event.kind !== 'step') continue;
    const { i, rho, y, x0 } = event.step;
    const sizes = tidy(() => mean(abs(mul(reshape(sub(y, x0), [event.rows, -1]), 1 / rho)), 1));
    const values = await sizes.data().finally(() => sizes.dispose());
    for (const size of values) {
      if (!Number.isFinite(size))
        throw tweedieError({ subject, problem: `the model's answer at ρ = ${rho} is not finite`, got: size, remedy: 'train it longer' });
      sums[i]! += size;
      squares[i]! += size * size;
    }
    onProgress?.(++done, total);
  }
  const r = sums.map((sum) => sum / n);
  const se = squares.map((square, i) => Math.sqrt(Math.max(0, square / n - r[i]! ** 2) / Math.max(n - 1, 1)));
  const tensor = (data: Float64Array) => ({ shape: [steps], data: data.toReversed() });
  return Object.freeze({
    header: {
      kind: KIND,
      ...(modelHash === undefined ? {} : { model: modelHash }),
      guidance: 1,
      schedule: schedule.id,
      levels: [levels[steps - 1]!, levels[0]!],
      steps,
      n,
      seed: Number(seed),
    },
    tensors: { lambda: tensor(levels.subarray(0, steps).map((rho) => -Math.log(rho))), r: tensor(r), se: tensor(se) },
  });
};

/** So many levels and a last 0. */
const levelsOf = (schedule: Schedule, steps: number): Float64Array => {
  const [max, tMin] = [schedule.rho(schedule.tMax), schedule.tMin];
  if (isVp(schedule))
    return timePower(schedule, { steps, max, min: schedule.rho(Math.max(tMin, schedule.tMax / steps)), power: 1, zero: true });
  return karras({ steps, max, min: schedule.rho(tMin), zero: true });
};

/** `tweedie stats deis-profile RUN`. */
export const deisProfile: Statistics = Object.freeze<Statistics>({
  kind: KIND,
  summary: 'mean |ε̂| of a model at every noise level',
  needs: 'model',
  option: 'profile',
  options: estimatorOptions,
  estimate: estimateProfile,
});
