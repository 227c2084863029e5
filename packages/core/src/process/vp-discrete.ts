import { tweedieError } from '../contracts/error.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { VP_ALPHA } from './formula.ts';

/** How a table of ᾱ is read between its entries; repositories differ, and a statistic belongs to one of them. */
export type Interpolant = 'log-alpha' | 'alpha-bar';

/**
 * DDPM's table: ᾱ_k = Π_{j≤k} (1 − β_j), β linear over `count` steps; α = √ᾱ, σ = √(1 − ᾱ), time t = (k + 1)/count, t(0) ↔ ᾱ = 1.
 *
 * J. Ho, A. Jain, P. Abbeel (2006.11239), §4. Between entries `log-alpha` interpolates log α linearly (DPM-Solver, UniPC) and
 * `alpha-bar` interpolates ᾱ linearly (DEIS-SN). A network's index is k = count·t − 1.
 */
export const vpDiscrete = ({
  betaMin = 1e-4,
  betaMax = 0.02,
  count = 1000,
  interpolant = 'log-alpha',
}: { betaMin?: number; betaMax?: number; count?: number; interpolant?: Interpolant } = {}): Schedule => {
  if (!Number.isInteger(count) || count < 2) {
    throw tweedieError({ subject: '@tweedie/core vp-discrete', problem: 'too few steps', got: count, expected: 'an integer ≥ 2' });
  }
  // Knots at t = 0, 1/count, …, 1 of a quantity q that falls with t: log ᾱ, or ᾱ.
  const logBar = new Float64Array(count + 1);
  for (let k = 0; k < count; k++) logBar[k + 1] = logBar[k]! + Math.log1p(-(betaMin + (k * (betaMax - betaMin)) / (count - 1)));
  const knots = interpolant === 'log-alpha' ? logBar : logBar.map(Math.exp);

  const cell = (t: number): number => Math.min(count - 1, Math.max(0, Math.floor(t * count)));
  const at = (t: number): { q: number; slope: number } => {
    const k = cell(t);
    const slope = (knots[k + 1]! - knots[k]!) * count;
    return { q: knots[k]! + slope * (t - k / count), slope };
  };
  const logAlphaBar = (t: number): number => (interpolant === 'log-alpha' ? at(t).q : Math.log(at(t).q));
  // d log ᾱ / dt
  const rate = (t: number): number => (interpolant === 'log-alpha' ? at(t).slope : at(t).slope / at(t).q);
  const variance = (t: number): number => (interpolant === 'log-alpha' ? -Math.expm1(at(t).q) : 1 - at(t).q);

  return Object.freeze<Schedule>({
    id: `vp-discrete(${betaMin},${betaMax},${count},${interpolant})`,
    tMin: 1 / count,
    tMax: 1,
    alpha: (t) => Math.exp(0.5 * logAlphaBar(t)),
    sigma: (t) => Math.sqrt(variance(t)),
    rho: (t) => Math.sqrt(variance(t)) * Math.exp(-0.5 * logAlphaBar(t)),
    timeOf: (rho) => {
      const target = interpolant === 'log-alpha' ? -Math.log1p(rho * rho) : 1 / (1 + rho * rho);
      let low = 0;
      let high = count; // knots[low] ≥ target ≥ knots[high]
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (knots[middle]! >= target) low = middle;
        else high = middle;
      }
      return (low + (target - knots[low]!) / (knots[high]! - knots[low]!)) / count;
    },
    alphaOfRho: VP_ALPHA,
    drift: (t) => 0.5 * rate(t),
    diffusion2: (t) => -rate(t),
    beta: (t) => -rate(t),
    priorSigma: () => 1,
  });
};
