import { checkLevels, linearSampler, type LinearStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { factsOf } from './facts.ts';

/**
 * DPM-Solver: exponential integrators of the noise prediction, singlestep.
 *
 * C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu (2206.00927), algorithms 1–2 and appendix D. With λ = −log ρ, h = λ' − λ, ρ_r = ρ e^{−rh}
 * and ε₀ = ε̂(y, ρ), in y = x/α:
 *
 *     1   y' = y − ρ' (e^h − 1) ε₀                                                             Euler, DDIM
 *     2S  u = y − ρ_r (e^{rh} − 1) ε₀,  r = ½
 *         y' = y − ρ' (e^h − 1) [ε₀ + (ε₁ − ε₀)/2r]
 *     3S  u₁ as u with r₁ = ⅓;  u₂ = y − ρ_{r₂} [(e^{r₂h} − 1) ε₀ + (r₂/r₁) ((e^{r₂h} − 1)/r₂h − 1)(ε₁ − ε₀)],  r₂ = ⅔
 *         y' = y − ρ' [(e^h − 1) ε₀ + (1/r₂) ((e^h − 1)/h − 1)(ε₂ − ε₀)]
 *
 * `fast` spends a number of calls on blocks of order 3, 3, …, and what is left: the levels are of calls, a block goes over as many.
 */
const reference = `@inproceedings{lu2022dpmsolver,
  title     = {{DPM-Solver}: A Fast {ODE} Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps},
  author    = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {35},
  year      = {2022},
  eprint    = {2206.00927},
  archivePrefix = {arXiv}
}`;

export const dpmSolverOptions = z.strictObject({});

/** A step of order 1, 2 or 3 on ε̂, with its stages; a step to ρ' = 0 is x̂₀ itself. */
export const dpmSolverStep = (order: 1 | 2 | 3, rho: number, next: number): LinearStep => {
  if (order === 1 || next === 0) return { keep: 1, model: [next - rho] };
  const h = Math.log(rho / next);
  const level = (r: number): number => rho * Math.exp(-r * h);
  const phi = (x: number): number => phi2(x); // (e^x − 1)/x − 1
  if (order === 2) {
    const middle = level(0.5);
    // With r = ½ the weight of ε₀ vanishes.
    return { keep: 1, model: [0, next - rho], at: [middle], stages: [[1, middle - rho]] };
  }
  const [r1, r2] = [1 / 3, 2 / 3];
  const [first, second] = [level(r1), level(r2)];
  const bend = second * (r2 / r1) * phi(r2 * h);
  const last = (next / r2) * phi(h);
  return {
    keep: 1,
    model: [next - rho + last, 0, -last],
    at: [first, second],
    stages: [
      [1, first - rho],
      [1, second - rho + bend, -bend],
    ],
  };
};

/** (e^x − 1)/x − 1, by its series where the difference would cancel. */
export const phi2 = (x: number): number => {
  if (Math.abs(x) > 0.1) return Math.expm1(x) / x - 1;
  let [term, total] = [1, 0];
  for (let k = 2; k < 20; k++) total += term *= x / k;
  return total;
};

const singlestep = (order: 2 | 3): Sampler =>
  linearSampler({
    name: `dpm-solver-${order}s`,
    facts: factsOf({ order, stochastic: false }),
    reference,
    remembered: 'eps',
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next]) => dpmSolverStep(order, rho, next)),
      notes: levels.at(-1) === 0 ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : [],
    }),
  });

/** DPM-Solver-2, singlestep: second order, two calls a step. */
export const dpmSolver2s = (): Sampler => singlestep(2);

/** DPM-Solver-3, singlestep: third order, three calls a step. */
export const dpmSolver3s = (): Sampler => singlestep(3);

type Order = 1 | 2 | 3;

/** The orders that a number of calls is spent on: 3, 3, …, and what is left. To ρ = 0 the last block is one call, x̂₀ itself. */
const blocksOf = (calls: number, toZero: boolean): readonly Order[] => {
  const threes = Math.floor(calls / 3) - (calls % 3 === 0 ? 1 : 0);
  const endings: readonly (readonly Order[])[] = [[2, 1], [1], toZero ? [1, 1] : [2]];
  return [...Array.from({ length: threes }, (): Order => 3), ...endings[calls % 3]!];
};

/** DPM-Solver-fast: as many calls as there are steps in the levels, in blocks of order 3. NFE = N. */
export const dpmSolverFast = (): Sampler => {
  const name = 'dpm-solver-fast';
  const blocks = (orders: readonly Order[]): Sampler =>
    linearSampler({
      name,
      facts: factsOf({ order: 2, stochastic: false }),
      reference,
      remembered: 'eps',
      coefficients: (_, ends) => ({ steps: pairs(ends).map(([rho, next], i) => dpmSolverStep(orders[i]!, rho, next)) }),
    });
  const sampler = blocks([]);
  return Object.freeze<Sampler>({
    ...sampler,
    plan: (schedule, levels) => {
      checkLevels(name, levels, sampler.facts);
      const orders = blocksOf(levels.length - 1, levels.at(-1) === 0);
      let end = 0;
      const ends = Float64Array.of(levels[0]!, ...orders.map((order) => levels[(end += order)]!));
      const plan = blocks(orders).plan(schedule, ends);
      const what = `blocks of order ${orders.join(', ')}: ${ends.length - 1} steps between ${ends.length} of the ${levels.length} levels`;
      return Object.freeze({ ...plan, notes: [what] });
    },
  });
};
