import type { Schedule } from '../contracts/schedule.ts';

/**
 * EDM: α = 1, σ(t) = t. t ∈ [σ_min, σ_max].
 *
 * T. Karras, M. Aittala, T. Aila, S. Laine: Elucidating the Design Space of Diffusion-Based Generative Models (2206.00364), table 1.
 */
export const edm = ({ sigmaMin = 0.002, sigmaMax = 80 }: { sigmaMin?: number; sigmaMax?: number } = {}): Schedule =>
  Object.freeze<Schedule>({
    id: `edm(${sigmaMin},${sigmaMax})`,
    tMin: sigmaMin,
    tMax: sigmaMax,
    alpha: () => 1,
    sigma: (t) => t,
    rho: (t) => t,
    timeOf: (rho) => rho,
    alphaOfRho: 1,
    drift: () => 0,
    diffusion2: (t) => 2 * t,
    priorSigma: (t) => t,
  });
