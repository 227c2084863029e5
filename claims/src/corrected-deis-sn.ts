import { adamsBashforth, integrate, linearSampler, type LinearStep, type Sampler } from '@tweedie/core';
import { deisSn } from '@tweedie/sampler-deis-sn';
import { unipc } from '@tweedie/sampler-classic';

export interface CorrectedOptions {
  /** r(ρ), mean |ε̂|. */
  readonly profile: (rho: number) => number;
  /** Of the predictor's polynomial in log ρ; the corrector's has one node more. */
  readonly degree: 0 | 1 | 2;
}

/**
 * DEIS-SN with UniPC's corrector: what both papers' ideas come to together. W. Zhao et al. (2302.04867) correct the step of any solver
 * once the answer at its end is known, which is the next step's own and costs no call; G. Xia et al. (2311.00157) interpolate ε̂/r in
 * place of ε̂. So, in log ρ and with m = ε̂/r:
 *
 *     P    y' = y + Σ_{j ≤ q} m_{−j} ∫ r l_j dρ              through the answers at ρ, ρ₋₁, …, ρ₋q
 *     C    y' = y + m' ∫ r l' dρ + Σ_{j ≤ q} m_{−j} ∫ r l_j dρ         and at ρ' too
 *
 * With r = 1 it is UniPC of order q + 1 in ε̂, its systems solved exactly. No correction after the last step. NFE = N.
 */
export const correctedDeisSn = ({ profile, degree }: CorrectedOptions): Sampler =>
  linearSampler({
    name: 'deis-sn-unic',
    facts: {
      order: degree + 2,
      stochastic: false,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    },
    reference: `${deisSn().reference}\n\n${unipc().reference}`,
    remembered: 'eps',
    coefficients: (_, levels) => ({
      steps: Array.from({ length: levels.length - 1 }, (__, i): LinearStep => {
        const own = levels[i + 1] === 0 ? 0 : degree; // log ρ has no value at 0
        const model = adamsBashforth({ levels, i, degree: own, variable: Math.log, profile });
        return i === 0 ? { keep: 1, model } : { keep: 1, model, correct: [1, ...corrector(levels, i, degree, profile)] };
      }),
    }),
  });

/** Weights of ε̂ at levels i, i − 1, … in the step from i − 1 to i. */
const corrector = (levels: Float64Array, i: number, degree: number, profile: (rho: number) => number): number[] => {
  const nodes = Array.from({ length: Math.min(degree, i - 1) + 2 }, (_, j) => levels[i - j]!);
  return nodes.map((own, j) => {
    const lagrange = (rho: number): number =>
      nodes.reduce((product, other, k) => (k === j ? product : (product * Math.log(rho / other)) / Math.log(own / other)), 1);
    return integrate((rho) => lagrange(rho) * profile(rho), levels[i - 1]!, levels[i]!) / profile(own);
  });
};
