/**
 * The probability-flow ODE of a smooth distribution, integrated on the host.
 *
 * dy/d(ρ²) = −½ ∇log p_ρ(y), in u = log(ρ² + c): uniform in log ρ at high noise, and smooth down to ρ = 0.
 * By the 5(4) pair of Dormand and Prince.
 */
import { dormandPrince, stepFactor, tweedieError } from '@tweedie/core';

const C = 1e-6;

const { nodes, stages, error: difference } = dormandPrince;

/** Moves one point from level `from` to level `to`; local error ≤ `tolerance` relative to 1e-3 + |y|. */
export const integrateFlow = (
  scoreAt: (rho: number) => (y: Float64Array) => Float64Array,
  y0: Float64Array,
  from: number,
  to: number,
  tolerance = 1e-12,
): Float64Array => {
  const end = Math.log(to * to + C);
  const slope = (u: number, y: Float64Array): Float64Array => {
    const w = Math.max(0, Math.exp(u) - C);
    return scoreAt(Math.sqrt(w))(y).map((s) => -0.5 * (w + C) * s);
  };
  let u = Math.log(from * from + C);
  let y = y0;
  let h = Math.sign(end - u) * Math.min(0.01, Math.abs(end - u));
  let first = slope(u, y);
  for (let step = 0; step < 1e6; step++) {
    if (Math.abs(end - u) <= Math.abs(h)) h = end - u;
    // Stages; the last is the slope at the new point.
    const k = [first];
    let next = y;
    for (let s = 1; s < 7; s++) {
      next = y.map((v, j) => v + h * stages[s]!.reduce((sum, a, i) => sum + a * k[i]![j]!, 0));
      k.push(slope(u + nodes[s]! * h, next));
    }
    const error = Math.max(
      ...next.map((v, j) => Math.abs(h * difference.reduce((sum, e, i) => sum + e * k[i]![j]!, 0)) / (tolerance * (1e-3 + Math.abs(v)))),
    );
    if (!Number.isFinite(error))
      throw tweedieError({ subject: 'analytic flow', problem: 'the flow left the numbers', got: error, remedy: 'stop at a level above 0' });
    if (error <= 1) {
      if (h === end - u) return next;
      u += h;
      y = next;
      first = k[6]!;
    }
    h *= stepFactor(error);
  }
  throw tweedieError({ subject: 'analytic flow', problem: 'no end after 1e6 steps', got: `${from} → ${to}` });
};
