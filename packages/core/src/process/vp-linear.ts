import type { Schedule } from '../contracts/schedule.ts';
import { VP_ALPHA } from './formula.ts';

/**
 * Variance preserving, β linear in t: β(t) = β₀ + t (β₁ − β₀), α = exp(−½ ∫β), σ² = 1 − α².
 *
 * J. Ho, A. Jain, P. Abbeel: Denoising Diffusion Probabilistic Models (2006.11239), in the continuous form of
 * Y. Song et al.: Score-Based Generative Modeling through SDEs (2011.13456), eqs. 11, 32–33. t ∈ (0, 1].
 */
export const vpLinear = ({
  betaMin = 0.1,
  betaMax = 20,
  tMin = 1e-3,
}: { betaMin?: number; betaMax?: number; tMin?: number } = {}): Schedule => {
  const slope = betaMax - betaMin;
  // log α = −¼ t² (β₁ − β₀) − ½ t β₀
  const logAlpha = (t: number): number => -0.25 * t * t * slope - 0.5 * t * betaMin;
  const beta = (t: number): number => betaMin + t * slope;
  return Object.freeze<Schedule>({
    id: `vp-linear(${betaMin},${betaMax})`,
    tMin,
    tMax: 1,
    alpha: (t) => Math.exp(logAlpha(t)),
    sigma: (t) => Math.sqrt(-Math.expm1(2 * logAlpha(t))),
    rho: (t) => Math.sqrt(Math.expm1(-2 * logAlpha(t))),
    // −log α = ½ log(1 + ρ²) = L is a quadratic in t; the stable root, without cancellation for small t.
    timeOf: (rho) => {
      const l = 0.5 * Math.log1p(rho * rho);
      const b = 0.5 * betaMin;
      return (2 * l) / (b + Math.sqrt(b * b + slope * l));
    },
    alphaOfRho: VP_ALPHA,
    drift: (t) => -0.5 * beta(t),
    diffusion2: beta,
    beta,
    priorSigma: () => 1,
  });
};
