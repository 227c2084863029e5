import { linearSampler, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { factsOf } from './facts.ts';

/**
 * iPNDM: Adams–Bashforth with the weights of equal steps, on steps that are not.
 *
 * L. Liu, Y. Ren, Z. Lin, Z. Zhao: Pseudo Numerical Methods for Diffusion Models on Manifolds (2202.09778), improved as in Q. Zhang, Y. Chen
 * (2204.13902), §H.2. In y = x/α:
 *
 *     y' = y + (ρ' − ρ) Σ_j c_j ε̂_{−j},    c = [1];  [3, −1]/2;  [23, −16, 5]/12;  [55, −59, 37, −9]/24
 *
 * The weights are those of equal steps in ρ; on any other levels the method is of second order at most, whatever the terms. It is
 * nevertheless among the best of its table at few steps on images (Karras levels).
 */
const reference = `@inproceedings{liu2022pndm,
  title     = {Pseudo Numerical Methods for Diffusion Models on Manifolds},
  author    = {Liu, Luping and Ren, Yi and Lin, Zhijie and Zhao, Zhou},
  booktitle = {International Conference on Learning Representations},
  year      = {2022},
  eprint    = {2202.09778},
  archivePrefix = {arXiv}
}`;

const WEIGHTS: readonly (readonly number[])[] = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]];

export const ipndmOptions = z.strictObject({
  terms: z.int().min(1).max(4).default(4).describe('Answers that a step is made of, at most; 1 is Euler'),
});
export type IpndmOptions = z.input<typeof ipndmOptions>;

/** iPNDM. NFE = N. */
export const ipndm = (options: IpndmOptions = {}): Sampler => {
  const { terms } = ipndmOptions.parse(options);
  return linearSampler({
    name: 'ipndm',
    facts: factsOf({ order: Math.min(terms, 2), stochastic: false }),
    reference,
    remembered: 'eps',
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next], i) => ({
        keep: 1,
        // To ρ' = 0 the step is x̂₀ itself.
        model: WEIGHTS[next === 0 ? 0 : Math.min(terms, i + 1) - 1]!.map((c) => (next - rho) * c),
      })),
      notes:
        levels.length - 1 < terms
          ? [`${levels.length - 1} step${levels.length === 2 ? '' : 's'}: history for ${levels.length - 1} terms at most`]
          : [],
    }),
  });
};
