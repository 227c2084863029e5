// @ts-check
import { add, mean, square, sub, tidy } from '@tensorflow/tfjs-core';
import { scaleRows, STREAM, tweedieError } from '@tweedie/core';
import { z } from 'zod';

/**
 * Denoising score matching with ρ uniform in log ρ between two ends:
 *
 *     E_x₀,ρ,ε  λ(ρ) ‖D(x₀ + ρ ε; ρ) − x₀‖²,   λ = (ρ² + s²)/(ρ s)²
 *
 * with the weight of T. Karras et al. (2206.00364), eq. 6 and table 1; one number a row is the mean over its values.
 */
const reference = `@inproceedings{karras2022edm,
  title     = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author    = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2022},
  eprint    = {2206.00364},
  archivePrefix = {arXiv}
}`;

export const logUniformOptions = z.strictObject({
  min: z.number().positive().default(0.01).describe('Lowest noise level'),
  max: z.number().positive().default(40).describe('Highest noise level'),
});

/**
 * @param {{ min?: number, max?: number }} [options]
 * @returns {import('@tweedie/core').Objective}
 */
export const logUniform = (options = {}) => {
  const { min, max } = logUniformOptions.parse(options);
  if (!(min < max))
    throw tweedieError({ subject: 'log-uniform', problem: 'the noise levels are not in order', got: { min, max }, expected: 'min < max' });
  /** @type {import('@tweedie/core').Objective} */
  const objective = {
    kind: 'objective',
    api: 1,
    name: 'log-uniform',
    needs: Object.freeze({ derivatives: 1, kernel: true }),
    reference,

    loss: (model, { x0, label, step }, noise) => {
      const rows = /** @type {number} */ (x0.shape[0]);
      const rho = noise.hostUniform([rows], { stream: STREAM.time, step }).map((u) => min * (max / min) ** u);
      const s = model.sigmaData ?? 0.5;
      const weight = rho.map((level) => (level ** 2 + s ** 2) / (level * s) ** 2);
      return tidy(() => {
        const y = add(x0, scaleRows(noise.normal(x0.shape, { stream: STREAM.perturb, step }), rho));
        const error = sub(model.denoise(y, rho, label), x0);
        return /** @type {import('@tensorflow/tfjs-core').Scalar} */ (mean(scaleRows(square(error), weight)));
      });
    },
  };
  return Object.freeze(objective);
};
