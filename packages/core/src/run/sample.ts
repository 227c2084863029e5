import { mul, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Denoiser } from '../contracts/model.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Plan, Sampler, Step } from '../contracts/sampler.ts';
import { owning } from '../solve/owning.ts';
import { drawPrior } from '../solve/prior.ts';
import { oneHotRows } from './one-hot.ts';

export interface SampleOptions {
  readonly sampler: Sampler;
  readonly plan: Plan;
  readonly denoise: Denoiser;
  /** Shape of one data point. */
  readonly shape: readonly number[];
  /** Images to draw: those with index first … first + count − 1. */
  readonly count: number;
  readonly first?: number;
  /** Images a network call. Default 64. Changes nothing but speed (to rounding). */
  readonly batchSize?: number;
  readonly noise: Noise;
  /** Class of image i, a function of i alone; −1 for none. Needs `classes`. */
  readonly label?: (image: number) => number;
  readonly classes?: number;
}

/** What `sample` yields. Tensors are lent until the next one is asked for. */
export type SampleEvent =
  | { readonly kind: 'step'; readonly first: number; readonly rows: number; readonly step: Step }
  | { readonly kind: 'images'; readonly first: number; readonly rows: number; readonly images: Tensor; readonly labels?: Int32Array };

/** Draws images batch by batch: each step on the way, then the batch's images in x. Image i depends on the seed and i alone. */
export async function* sample(options: SampleOptions): AsyncGenerator<SampleEvent, void, void> {
  const { sampler, plan, denoise, shape, count, first = 0, batchSize = 64, noise, label, classes = 0 } = options;
  if (!Number.isInteger(count) || count < 1)
    throw tweedieError({ subject: 'sample', problem: 'no images are asked for', got: count, expected: 'an integer ≥ 1' });
  const scale = finalScale(plan);
  for (let from = first; from < first + count; from += batchSize) {
    const rows = Math.min(batchSize, first + count - from);
    const own = noise.rows(from);
    const labels = label === undefined || classes === 0 ? undefined : Int32Array.from({ length: rows }, (_, i) => label(from + i));
    const hot = labels === undefined ? undefined : oneHotRows(labels, classes);
    const conditioned: Denoiser = hot === undefined ? denoise : (y, rho) => denoise(y, rho, hot);
    try {
      const y = await (sampler.start ?? drawPrior)(own, [rows, ...shape], plan);
      const run = owning(y, sampler.steps(conditioned, y, plan, own));
      let images: Tensor;
      try {
        for (;;) {
          const next = await run.next();
          if (next.done === true) {
            images = next.value;
            break;
          }
          yield { kind: 'step', first: from, rows, step: next.value };
        }
      } finally {
        await run.return(undefined as never);
      }
      if (scale !== 1) {
        const state = images;
        images = mul(state, scale);
        state.dispose();
      }
      try {
        yield { kind: 'images', first: from, rows, images, ...(labels === undefined ? {} : { labels }) };
      } finally {
        images.dispose();
      }
    } finally {
      hot?.dispose();
    }
  }
}

/** x = α y at the last level. */
const finalScale = ({ schedule, levels }: Plan): number => {
  const last = levels.at(-1)!;
  return last === 0 ? 1 : schedule.alpha(schedule.timeOf(last));
};
