import { add, addN, mul, reshape, sum, tidy, valueAndGrad, type Tensor } from '@tensorflow/tfjs-core';
import {
  checkNoiseSettings,
  dots,
  drawLevels,
  halfSquares,
  noised,
  noiseOptions,
  predictedNoise,
  requireDoubleDifferentiable,
  STREAM,
  type Objective,
} from '@tweedie/core';
import { z } from 'zod';
import { drawDirection, projectionOptions } from './projections.ts';

/**
 * Sliced score matching. Y. Song, S. Garg, J. Shi, S. Ermon (1905.07088), eqs. 7 and 8; annealed as in Y. Song, S. Ermon (1907.05600), §3.
 *
 *     ssm      L = mean λ(t) [ vᵀ (∂s/∂x) v + ½ (v·s)² ]            E[v vᵀ] = I
 *     ssm-vr   L = mean λ(t) [ vᵀ (∂s/∂x) v + ½ ‖s‖²  ]            the norm, whose mean is known, not sliced
 *
 * In y = x_t/α with ε̂ = −σ s: (λ/σ²) [ −ρ vᵀ (∂ε̂/∂y) v + ½ (v·ε̂)² or ½ ‖ε̂‖² ]. Jᵀv is one reverse pass; the loss is
 * differentiated through it.
 */
const reference = `@inproceedings{song2019sliced,
  title     = {Sliced Score Matching: A Scalable Approach to Density and Score Estimation},
  author    = {Song, Yang and Garg, Sahaj and Shi, Jiaxin and Ermon, Stefano},
  booktitle = {Conference on Uncertainty in Artificial Intelligence},
  year      = {2019},
  eprint    = {1905.07088},
  archivePrefix = {arXiv}
}`;

export const ssmOptions = z.strictObject({ ...noiseOptions, ...projectionOptions });
export type SsmOptions = z.input<typeof ssmOptions>;

const sliced =
  (name: 'ssm' | 'ssm-vr') =>
  (options: SsmOptions = {}): Objective => {
    const { projection, projections, ...noiseSettings } = ssmOptions.parse(options);
    const settings = checkNoiseSettings(name, noiseSettings);
    return Object.freeze<Objective>({
      kind: 'objective',
      api: 1,
      name,
      needs: Object.freeze({ derivatives: 2, kernel: false }),
      reference,
      loss: (model, { x0, label, step }, noise) =>
        tidy(() => {
          requireDoubleDifferentiable(name, model);
          const rows = x0.shape[0]!;
          const { rho, weight } = drawLevels(name, settings, model, rows, noise, step);
          const y = noised(x0, noise.normal(x0.shape, { stream: STREAM.perturb, step }), rho);
          const eps = valueAndGrad((at: Tensor) => predictedNoise(model, { y: at, rho, label }));
          const parts = Array.from({ length: projections }, (_, draw) => {
            const v = drawDirection(projection, noise, x0.shape, { step, draw });
            const { value, grad } = eps(y, v); // ε̂, Jᵀv
            const trace = dots(
              grad,
              v,
              weight.map((w, i) => -w * rho[i]!),
            );
            return add(trace, name === 'ssm' ? halfSquares(alongRows(value, v), weight) : halfSquares(value, weight));
          });
          return mul(addN(parts), 1 / (rows * projections));
        }),
    });
  };

/** v·ε̂ of each row, [B, 1]. */
const alongRows = (eps: Tensor, v: Tensor): Tensor => sum(reshape(mul(eps, v), [eps.shape[0]!, -1]), 1, true);

/**
 * Sliced score matching. Uses samples of x_t alone, never its kernel. Needs a model whose gradients can be differentiated.
 * At the optimum the value is −½ λ I(p_t) a level: negative. Its variance grows with ‖∂s/∂x‖².
 */
export const ssm = sliced('ssm');

/** Sliced score matching with the norm's variance removed. The same optimum and value as {@link ssm}. */
export const ssmVr = sliced('ssm-vr');
