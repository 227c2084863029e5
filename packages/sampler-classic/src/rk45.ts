import { abs, add, addN, maximum, mul, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { dormandPrince, scaleRows, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { adaptiveSampler, rowNorm } from './adaptive.ts';
import { factsOf } from './facts.ts';

/**
 * RK45: the probability-flow ODE by Dormand & Prince's 5(4) pair, with a step of each image's own.
 *
 * J. R. Dormand, P. J. Prince: A family of embedded Runge–Kutta formulae, J. Comput. Appl. Math. 6 (1980), table 2; as the black-box
 * solver of Y. Song et al. (2011.13456), §4.3 and appendix D.4. In y = x/α and s = log ρ, where the equation is one for all schedules:
 *
 *     dy/ds = ρ ε̂ = y − D(y; ρ)
 *     k_j = f(y + h Σ_i a_ji k_i, s + c_j h),   y' = y + h Σ_j b_j k_j,   E = √mean (h Σ_j e_j k_j / (atol + rtol max(|y|, |y'|)))²
 *
 * The seventh stage is the first of the next step. The release integrates x in t, and takes E over the whole batch.
 */
const reference = `@article{dormand1980family,
  title   = {A family of embedded {Runge-Kutta} formulae},
  author  = {Dormand, John R. and Prince, Peter J.},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {6},
  number  = {1},
  pages   = {19--26},
  year    = {1980}
}`;

const { nodes, stages, error: difference } = dormandPrince;

export const rk45Options = z.strictObject({
  rtol: z.number().min(1e-6).default(1e-5).describe('Relative tolerance of a step; float32 resolves no less than 1e-6'),
  atol: z.number().positive().default(1e-5).describe('Absolute tolerance of a step'),
});
export type Rk45Options = z.input<typeof rk45Options>;

/**
 * RK45. Six calls an attempt; a {@link Step} at each of the plan's levels. The ODE has an inverse: with the plan's levels reversed it
 * runs upward.
 */
export const rk45 = (options: Rk45Options = {}): Sampler => {
  const { rtol, atol } = rk45Options.parse(options);
  return adaptiveSampler({
    name: 'rk45',
    facts: factsOf({ stochastic: false, likelihood: true }),
    reference,
    tolerances: { rtol, atol },
    first: 0.1,
    control: { safety: 0.9, least: 0.2, most: 10, order: 5 },
    propose: async (denoise, { y, x0, rho }, next, hold) => {
      const h = rho.map((at, row) => Math.log(next[row]! / at));
      const along = (slopes: readonly Tensor[], weights: readonly number[]): Tensor =>
        scaleRows(addN(weights.flatMap((w, j) => (w === 0 ? [] : [mul(slopes[j]!, w)]))), h);
      const slopes = [hold.own(tidy(() => sub(y, x0)))];
      let [state, answer] = [y, x0];
      for (let j = 1; j < nodes.length; j++) {
        if (j > 1) hold.free(state, answer);
        state = hold.own(tidy(() => add(y, along(slopes, stages[j]!))));
        const at = nodes[j] === 1 ? next : rho.map((from, row) => from * Math.exp(nodes[j]! * h[row]!));
        answer = hold.own(await denoise(state, at));
        slopes.push(hold.own(tidy(() => sub(state, answer))));
      }
      const error = hold.own(tidy(() => rowNorm(along(slopes, difference), add(mul(maximum(abs(y), abs(state)), rtol), atol))));
      return { y: state, x0: answer, error };
    },
  });
};
