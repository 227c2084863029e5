import { add, sub, tidy } from '@tensorflow/tfjs-core';
import { mapLevels, scaleRows, type Head, type Model, type Schedule } from '@tweedie/core';
import type { Distribution } from './distribution.ts';

export interface ExactModelOptions {
  /** What `raw` gives. Default `x0`. */
  readonly head?: Head;
  /** σ_data, for an objective whose weight asks for it. */
  readonly sigmaData?: number;
}

/**
 * A denoiser read as a model: `denoise` is what it is given, `raw` the same in the chosen head (the score head is
 * ∇ log p_t(x) of x_t = α y, as everywhere). Of a distribution it is the model that a perfectly trained network would be.
 */
export const exactModel = (
  distribution: Pick<Distribution, 'denoiser' | 'shape' | 'classes'>,
  schedule: Schedule,
  { head = 'x0', sigmaData }: ExactModelOptions = {},
): Model => {
  const { denoiser } = distribution;
  const raw: Model['raw'] = (y, rho, label) =>
    tidy(() => {
      const x0 = denoiser(y, rho, label);
      if (head === 'x0') return x0;
      const scaled = (x: typeof y, factor: (alpha: number, sigma: number) => number): typeof y =>
        scaleRows(
          x,
          mapLevels(rho, (at) => factor(schedule.alpha(schedule.timeOf(at)), schedule.sigma(schedule.timeOf(at)))),
        );
      const eps = scaleRows(
        sub(y, x0),
        mapLevels(rho, (at) => 1 / at),
      );
      if (head === 'eps') return eps;
      if (head === 'score') return scaled(eps, (_, sigma) => -1 / sigma);
      return add(
        scaled(eps, (alpha) => alpha),
        scaled(x0, (_, sigma) => -sigma),
      );
    });
  return Object.freeze({
    schedule,
    head,
    shape: distribution.shape,
    classes: distribution.classes,
    ...(sigmaData === undefined ? {} : { sigmaData }),
    raw,
    denoise: denoiser,
    doubleDifferentiable: true,
  });
};
