import type { Schedule } from '../contracts/schedule.ts';
import { VP_ALPHA } from './formula.ts';

/**
 * Variance preserving with a cosine: α(t) = cos(½π (t + s)/(1 + s)) / cos(½π s/(1 + s)), σ² = 1 − α².
 *
 * A. Nichol, P. Dhariwal: Improved Denoising Diffusion Probabilistic Models (2102.09672), eq. 17. α(1) = 0, so time ends at
 * `tMax` = 0.9946, where the UniPC release ends it.
 */
export const vpCosine = ({ s = 0.008, tMin = 1e-3, tMax = 0.9946 }: { s?: number; tMin?: number; tMax?: number } = {}): Schedule => {
  const angle = (t: number): number => (0.5 * Math.PI * (t + s)) / (1 + s);
  const start = angle(0);
  const norm = Math.cos(start);
  const alpha = (t: number): number => Math.cos(angle(t)) / norm;
  // 1 − cos²b/cos²a = sin(b − a) sin(b + a) / cos²a
  const variance = (t: number): number => (Math.sin(angle(t) - start) * Math.sin(angle(t) + start)) / (norm * norm);
  const drift = (t: number): number => -((0.5 * Math.PI) / (1 + s)) * Math.tan(angle(t));
  return Object.freeze<Schedule>({
    id: `vp-cosine(${s})`,
    tMin,
    tMax,
    alpha,
    sigma: (t) => Math.sqrt(variance(t)),
    rho: (t) => Math.sqrt(variance(t)) / alpha(t),
    // α = 1/√(1 + ρ²); tan b = √(1 − c²)/c with c = α cos a, written without 1 − c² for small ρ
    timeOf: (rho) => {
      const tan = Math.sqrt(rho * rho + Math.sin(start) ** 2) / norm;
      return (Math.atan(tan) * (1 + s)) / (0.5 * Math.PI) - s;
    },
    alphaOfRho: VP_ALPHA,
    drift,
    diffusion2: (t) => -2 * drift(t),
    beta: (t) => -2 * drift(t),
    priorSigma: () => 1,
  });
};
