import { tweedieError } from '../contracts/error.ts';

/** Nodes and weights on [−1, 1]. */
export interface Rule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const rules = new Map<number, Rule>();

/** The Gauss–Legendre rule of n nodes, exact for polynomials of degree 2n − 1: roots of P_n by Newton's method from Chebyshev's. */
export const gaussLegendre = (n: number): Rule => {
  const known = rules.get(n);
  if (known !== undefined) return known;
  if (!Number.isInteger(n) || n < 1)
    throw tweedieError({ subject: 'quadrature', problem: 'a rule needs nodes', got: n, expected: 'an integer ≥ 1' });
  const [nodes, weights] = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let round = 0; round < 100; round++) {
      // (k + 1) P_{k+1} = (2k + 1) x P_k − k P_{k−1}
      let [older, value] = [1, x];
      for (let k = 1; k < n; k++) [older, value] = [value, ((2 * k + 1) * x * value - k * older) / (k + 1)];
      if (n === 1) [older, value] = [1, x];
      slope = (n * (x * value - older)) / (x * x - 1);
      const move = value / slope;
      x -= move;
      if (Math.abs(move) < 1e-16) break;
    }
    nodes[i] = n === 1 ? 0 : -x;
    weights[i] = n === 1 ? 2 : 2 / ((1 - x * x) * slope * slope);
  }
  const rule = Object.freeze({ nodes, weights });
  rules.set(n, rule);
  return rule;
};

/**
 * ∫ f dρ from `from` to `to` (either direction, either end may be 0), by Gauss–Legendre in panels: of at most one unit of log ρ each,
 * which is how fast anything in a noise level changes, and a last one from the least level down to 0, in ρ.
 */
export const integrate = (f: (rho: number) => number, from: number, to: number, nodes = 16): number => {
  if (from === to) return 0;
  if (from < to) return -integrate(f, to, from, nodes);
  // Downward, from > to ≥ 0.
  const floor = to > 0 ? to : from * Math.exp(-PANELS_TO_ZERO);
  const count = Math.max(1, Math.ceil(Math.log(from / floor)));
  let total = 0;
  for (let k = 0; k < count; k++) {
    const [a, b] = [from * (floor / from) ** (k / count), from * (floor / from) ** ((k + 1) / count)];
    total += panel(f, a, b, nodes);
  }
  return to > 0 ? total : total + panel(f, floor, 0, nodes);
};

/** Units of log ρ that are walked before the panel that ends at 0. */
const PANELS_TO_ZERO = 8;

const panel = (f: (rho: number) => number, a: number, b: number, n: number): number => {
  const { nodes, weights } = gaussLegendre(n);
  const [middle, half] = [(a + b) / 2, (b - a) / 2];
  let total = 0;
  for (let i = 0; i < n; i++) total += weights[i]! * f(middle + half * nodes[i]!);
  return total * half;
};
