import type { Schedule } from '../contracts/schedule.ts';

/**
 * Variance exploding: α = 1, σ(t) = σ_min (σ_max/σ_min)^t. t ∈ [0, 1].
 *
 * Y. Song et al.: Score-Based Generative Modeling through SDEs (2011.13456), eq. 9 and appendix C; like the release, the kernel
 * omits the −σ_min² that the SDE from t = 0 would have.
 */
export const ve = ({ sigmaMin = 0.01, sigmaMax = 50 }: { sigmaMin?: number; sigmaMax?: number } = {}): Schedule => {
  const rate = Math.log(sigmaMax / sigmaMin);
  const sigma = (t: number): number => sigmaMin * Math.exp(rate * t);
  return Object.freeze<Schedule>({
    id: `ve(${sigmaMin},${sigmaMax})`,
    tMin: 1e-5,
    tMax: 1,
    alpha: () => 1,
    sigma,
    rho: sigma,
    timeOf: (rho) => Math.log(rho / sigmaMin) / rate,
    alphaOfRho: 1,
    drift: () => 0,
    diffusion2: (t) => 2 * rate * sigma(t) ** 2,
    priorSigma: sigma,
  });
};
