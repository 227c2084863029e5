import { mul, type Tensor } from '@tensorflow/tfjs-core';
import { STREAM, type Noise } from '../contracts/noise.ts';
import type { Plan } from '../contracts/sampler.ts';

/** The schedule's prior in y = x/α at levels[0]: y = (prior std / α) z. `shape` is [B, …]; the result is the caller's. */
export const drawPrior = (noise: Noise, shape: readonly number[], { schedule, levels }: Pick<Plan, 'schedule' | 'levels'>): Tensor => {
  const t = schedule.timeOf(levels[0]!);
  const z = noise.normal(shape, { stream: STREAM.prior });
  const y = mul(z, schedule.priorSigma(t) / schedule.alpha(t));
  z.dispose();
  return y;
};
