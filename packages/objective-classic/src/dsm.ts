import { mul, tidy } from '@tensorflow/tfjs-core';
import { checkNoiseSettings, drawLevels, halfSquares, noised, noiseOptions, residualOf, STREAM, type Objective } from '@tweedie/core';
import { z } from 'zod';

/**
 * Denoising score matching. P. Vincent: A Connection Between Score Matching and Denoising Autoencoders (Neural Computation, 2011),
 * over noise levels: Y. Song et al. (2011.13456), eq. 7; T. Karras et al. (2206.00364), eqs. 2 and 108, table 1.
 *
 *     L = mean over rows of ½ λ(t) ‖s(x_t, t) − ∇log p(x_t | x₀)‖²,   ‖·‖² summed over all coordinates
 *
 * with x_t = α x₀ + σ z, in y = x_t/α = x₀ + ρ z. The residual of every head is one vector in other units:
 *
 *     score  σ s + z          eps  ε̂ − z          x0  (D − x₀)/ρ          v  α (v̂ − v)/(α² + σ²)      (up to sign)
 *
 * so L = mean ½ (λ/σ²) ‖residual‖², and nothing is ever divided by σ². Weightings:
 *
 *     sigma2      λ = σ²                          ½ ‖ε̂ − z‖²: score_sde's default, DDPM's up to the factor d/2
 *     likelihood  λ = g(t)²                       the bound on the likelihood (Y. Song et al., 2101.09258, theorem 1)
 *     edm         λ = 2 ρ⁴ w,  w = (ρ² + σ_d²)/(ρ σ_d)²          w ‖D − x₀‖², EDM's own, with no ½
 */
const reference = `@article{vincent2011connection,
  title   = {A Connection Between Score Matching and Denoising Autoencoders},
  author  = {Vincent, Pascal},
  journal = {Neural Computation},
  volume  = {23},
  number  = {7},
  pages   = {1661--1674},
  year    = {2011}
}
@inproceedings{song2021sde,
  title     = {Score-Based Generative Modeling through Stochastic Differential Equations},
  author    = {Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben},
  booktitle = {International Conference on Learning Representations},
  year      = {2021},
  eprint    = {2011.13456},
  archivePrefix = {arXiv}
}
@inproceedings{karras2022elucidating,
  title     = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author    = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {35},
  year      = {2022},
  eprint    = {2206.00364},
  archivePrefix = {arXiv}
}`;

export const dsmOptions = z.strictObject(noiseOptions);
export type DsmOptions = z.input<typeof dsmOptions>;

/**
 * Denoising score matching under a noise law and a weighting. Works for every head; row i of the loss depends on row i alone.
 *
 * The value is a mean over rows of a sum over coordinates. At the optimum it is not 0: with λ = σ² it is ½ (d − σ² I(p_t)) a level.
 */
export const dsm = (options: DsmOptions = {}): Objective => {
  const settings = checkNoiseSettings('dsm', dsmOptions.parse(options));
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'dsm',
    needs: Object.freeze({ derivatives: 1, kernel: true }),
    reference,
    loss: (model, { x0, label, step }, noise) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const { rho, weight } = drawLevels('dsm', settings, model, rows, noise, step);
        const z = noise.normal(x0.shape, { stream: STREAM.perturb, step });
        const { residual, unit } = residualOf(model, { y: noised(x0, z, rho), rho, label }, { x0, eps: z });
        return mul(halfSquares(residual, weight, unit), 1 / rows);
      }),
  });
};
