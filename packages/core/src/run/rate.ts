import type { Rate } from '../contracts/optimizer.ts';

/** η rising linearly over `warmup` steps, constant, then falling linearly to 0 over the last `decay` part of `steps` (0 ≤ decay ≤ 1). */
export const trapezoid =
  ({
    peak,
    warmup = 0,
    steps,
    decay = 0,
  }: {
    readonly peak: number;
    readonly warmup?: number;
    readonly steps: number;
    readonly decay?: number;
  }): Rate =>
  (step) =>
    peak * Math.min(1, (step + 1) / (warmup + 1), decay === 0 ? 1 : Math.max(0, (steps - step) / (decay * steps)));
