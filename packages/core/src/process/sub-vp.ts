import type { Schedule } from '../contracts/schedule.ts';
import { formula, LEVEL as RHO } from './formula.ts';
import { vpLinear } from './vp-linear.ts';

const { add, div, hypot } = formula;

/**
 * Sub-VP: the drift of {@link vpLinear}, σ = 1 − α², so that σ is nowhere above the VP's.
 *
 * Y. Song et al.: Score-Based Generative Modeling through SDEs (2011.13456), eq. 12 and appendix B. t ∈ (0, 1].
 */
export const subVp = ({
  betaMin = 0.1,
  betaMax = 20,
  tMin = 1e-3,
}: { betaMin?: number; betaMax?: number; tMin?: number } = {}): Schedule => {
  const vp = vpLinear({ betaMin, betaMax, tMin });
  const variance = (t: number): number => vp.sigma(t) ** 2; // 1 − e^{−B}
  return Object.freeze<Schedule>({
    ...vp,
    id: `sub-vp(${betaMin},${betaMax})`,
    sigma: variance,
    rho: (t) => variance(t) / vp.alpha(t),
    // ρ = 1/α − α = 2 sinh(−log α), so −log α = asinh(ρ/2), and VP's ρ there is √(α⁻² − 1).
    timeOf: (rho) => vp.timeOf(Math.sqrt(Math.expm1(2 * Math.asinh(rho / 2)))),
    // The positive root of α² + ρ α − 1.
    alphaOfRho: div(2, add(RHO, hypot(RHO, 2))),
    // g² = β (1 − e^{−2B}) with e^{−B} = α²
    diffusion2: (t) => vp.diffusion2(t) * variance(t) * (1 + vp.alpha(t) ** 2),
  });
};
