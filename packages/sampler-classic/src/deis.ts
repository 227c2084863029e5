import { adamsBashforth, linearSampler, tweedieError, type LinearStep, type Sampler, type Schedule } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { factsOf } from './facts.ts';

/**
 * DEIS: exponential integrators with an interpolated noise prediction.
 *
 * Q. Zhang, Y. Chen: Fast Sampling of Diffusion Models with Exponential Integrator (2204.13902). In y = x/α, ρ = σ/α the equation is
 * dy/dρ = ε̂, and
 *
 *     AB   y' = y + Σ_{j ≤ q} C_j ε̂_{−j},   C_j = ∫_ρ^{ρ'} l_j(u) dρ,   l_j Lagrange's polynomials in u = t (tAB), ρ (ρAB) or log ρ (log-ρAB)
 *     RK   an explicit Runge–Kutta step in ρ (ρRK): heun, kutta3, rk4
 *
 * The degree is that of the polynomial: 0 is DDIM; others say order, or count the answers. tAB depends on the schedule's own time, the
 * others do not. Coefficients by Gauss–Legendre in float64 (the released code sums 10 000 rectangles in t).
 */
const reference = `@inproceedings{zhang2023deis,
  title     = {Fast Sampling of Diffusion Models with Exponential Integrator},
  author    = {Zhang, Qinsheng and Chen, Yongxin},
  booktitle = {International Conference on Learning Representations},
  year      = {2023},
  eprint    = {2204.13902},
  archivePrefix = {arXiv}
}`;

export const deisOptions = z.strictObject({
  variant: z
    .enum(['t-ab', 'rho-ab', 'log-rho-ab', 'rho-heun', 'rho-kutta3', 'rho-rk4'])
    .default('t-ab')
    .describe('Adams–Bashforth in t, ρ or log ρ, or a Runge–Kutta step in ρ of order 2, 3 or 4'),
  degree: z.int().min(0).max(3).default(3).describe('Degree of the interpolating polynomial (Adams–Bashforth)'),
});
export type DeisOptions = z.input<typeof deisOptions>;

/** DEIS. NFE is N for Adams–Bashforth; 2N, 3N or 4N for Runge–Kutta, less in a last step to 0, which is x̂₀ itself. */
export const deis = (options: DeisOptions = {}): Sampler => {
  const { variant, degree } = deisOptions.parse(options);
  const table = TABLEAUS[variant];
  return linearSampler({
    name: 'deis',
    facts: factsOf({ order: table === undefined ? degree + 1 : table.order, stochastic: false }),
    reference,
    remembered: 'eps',
    coefficients: (schedule, levels) => {
      const count = levels.length - 1;
      const zero = levels[count] === 0;
      if (table !== undefined)
        return {
          steps: pairs(levels).map(([rho, next]) => rungeKutta(table, rho, next)),
          notes: zero ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : [],
        };
      const variable = variableOf(variant as Variable, schedule);
      const steps = pairs(levels).map(([rho, next], i): LinearStep => {
        // log ρ has no value at 0; a polynomial in it is not carried there.
        const own = next === 0 && variant === 'log-rho-ab' ? 0 : degree;
        const model = adamsBashforth({ levels, i, degree: own, variable });
        if (model.some((c) => !Number.isFinite(c)))
          throw tweedieError({
            subject: 'deis',
            problem: `step ${i} from ρ = ${rho} to ${next} has no finite coefficients`,
            got: model,
            remedy: 'use levels that are farther apart',
          });
        return { keep: 1, model };
      });
      const notes = [
        ...(count <= degree ? [`${count} step${count === 1 ? '' : 's'}: history for degree ${count - 1} at most`] : []),
        ...(variant === 't-ab' && degree > 0 && schedule.timeOf(levels[0]!) === levels[0]
          ? ['t is ρ under this schedule; log-rho-ab is usually the better variable there']
          : []),
        ...(zero && variant === 'log-rho-ab' ? ['the last step, to ρ = 0, is x̂₀ itself: degree 0'] : []),
      ];
      return { steps, notes };
    },
  });
};

type Variable = 't-ab' | 'rho-ab' | 'log-rho-ab';

const variableOf = (variant: Variable, schedule: Schedule): ((rho: number) => number) =>
  variant === 't-ab' ? (rho) => schedule.timeOf(rho) : variant === 'rho-ab' ? (rho) => rho : Math.log;

interface Tableau {
  readonly order: number;
  /** Fraction of the step of each stage after the first, and the weights of the answers before it. */
  readonly stages: readonly (readonly [at: number, ...weights: number[]])[];
  readonly weights: readonly number[];
}

const TABLEAUS: Readonly<Partial<Record<string, Tableau>>> = {
  'rho-heun': { order: 2, stages: [[1, 1]], weights: [1 / 2, 1 / 2] },
  'rho-kutta3': {
    order: 3,
    stages: [
      [1 / 2, 1 / 2],
      [1, -1, 2],
    ],
    weights: [1 / 6, 2 / 3, 1 / 6],
  },
  'rho-rk4': {
    order: 4,
    stages: [
      [1 / 2, 1 / 2],
      [1 / 2, 0, 1 / 2],
      [1, 0, 0, 1],
    ],
    weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  },
};

const rungeKutta = ({ stages, weights }: Tableau, rho: number, next: number): LinearStep => {
  const h = next - rho;
  if (next === 0) return { keep: 1, model: [h] };
  return {
    keep: 1,
    model: weights.map((w) => h * w),
    at: stages.map(([at]) => rho + at * h),
    stages: stages.map(([, ...own]) => [1, ...own.map((w) => h * w)]),
  };
};
