import type { Schedule } from '@tweedie/core';

/** α² + σ² = 1. */
export const isVp = (schedule: Schedule): boolean =>
  schedule.beta !== undefined &&
  [0.25, 0.5, 1].every(
    (part) => Math.abs(schedule.alpha(part * schedule.tMax) ** 2 + schedule.sigma(part * schedule.tMax) ** 2 - 1) < 1e-9,
  );

interface Step {
  readonly schedule: Schedule;
  readonly levels: Float64Array;
  readonly i: number;
  readonly degree: number;
  /** A table, least noise first, or the formula that it is made of. */
  readonly profile: Float64Array | ((rho: number) => number);
  readonly clipSteps: number;
}

const NODES = 10_000;
const COUNT = 1000;

/**
 * Coefficients as the released code has them (mtkresearch/Diffusion-DEIS-SN): a left Riemann sum of 10 000 nodes in τ = t/t_max, ᾱ linear
 * in τ between thousandths with ᾱ(0) = 1, and a table of r that was measured at τ = (k + 1)/1000 but is read on equal parts of [0, 1],
 * entry 0 at τ = 0.
 */
export const publishedCoefficients = ({ schedule, levels, i, degree, profile, clipSteps }: Step): number[] => {
  const bar = (k: number): number => (k === 0 ? 1 : schedule.alpha((k / COUNT) * schedule.tMax) ** 2);
  const measured =
    typeof profile === 'function'
      ? Float64Array.from({ length: COUNT }, (_, k) => profile(schedule.rho(((k + 1) / COUNT) * schedule.tMax)))
      : profile;
  const table = measured.map((x, k) => (k < clipSteps ? measured[clipSteps]! : x));
  const r = (tau: number): number => {
    const at = Math.min(Math.max(tau, 0), 1) * (table.length - 1);
    const k = Math.min(Math.floor(at), table.length - 2);
    return table[k]! + (at - k) * (table[k + 1]! - table[k]!);
  };
  // dρ/dτ of ρ² = 1/ᾱ − 1.
  const knots = Float64Array.from({ length: COUNT + 1 }, (_, k) => bar(k));
  const speed = (tau: number): number => {
    const k = Math.min(Math.floor(tau * COUNT), COUNT - 1);
    const slope = (knots[k + 1]! - knots[k]!) * COUNT;
    const value = knots[k]! + slope * (tau - k / COUNT);
    return -slope / (2 * value ** 1.5 * Math.sqrt(1 - value));
  };
  const timeOf = (rho: number): number => (rho === 0 ? 0 : schedule.timeOf(rho) / schedule.tMax);
  const nodes = Array.from({ length: Math.min(degree, i) + 1 }, (_, j) => timeOf(levels[i - j]!));
  const [from, to] = [nodes[0]!, timeOf(levels[i + 1]!)];
  const width = (to - from) / NODES;
  const sums = nodes.map(() => 0);
  for (let n = 0; n < NODES; n++) {
    const tau = from + n * width;
    const weight = r(tau) * speed(tau) * width;
    nodes.forEach((own, j) => {
      sums[j]! += weight * nodes.reduce((product, other, k) => (k === j ? product : (product * (tau - other)) / (own - other)), 1);
    });
  }
  return sums.map((sum, j) => sum / r(nodes[j]!));
};
