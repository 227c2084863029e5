import { integrate } from './quadrature.ts';

export interface AdamsBashforthOptions {
  /** The step goes from levels[i] to levels[i + 1]. */
  readonly levels: Float64Array;
  readonly i: number;
  /** Degree of the interpolating polynomial: 0 is Euler. Lowered to i. */
  readonly degree: number;
  /** The variable u(ρ) that it is a polynomial in. */
  readonly variable: (rho: number) => number;
  /** r(ρ): what is interpolated is ε̂/r. Default 1. */
  readonly profile?: (rho: number) => number;
  /** Nodes a panel. Default 16. */
  readonly nodes?: number;
}

/**
 * Coefficients of variable-step Adams–Bashforth for dy/dρ = ε̂, newest first: y' = y + Σ_j C_j ε̂(ρ_{i−j}) with
 *
 *     C_j = (1/r(ρ_{i−j})) ∫_{ρ_i}^{ρ_{i+1}} r(ρ) l_j(u(ρ)) dρ,    l_j Lagrange's polynomial of the nodes u(ρ_i), …, u(ρ_{i−q})
 *
 * Q. Zhang, Y. Chen: DEIS (2204.13902), eq. 15 in one coordinate for all schedules; with a profile DEIS-SN (2311.00157). Without one
 * Σ_j C_j = ρ_{i+1} − ρ_i. Gauss–Legendre in float64.
 */
export const adamsBashforth = ({ levels, i, degree, variable, profile, nodes = 16 }: AdamsBashforthOptions): number[] => {
  const q = Math.min(degree, i);
  const at = Array.from({ length: q + 1 }, (_, j) => levels[i - j]!);
  const u = at.map(variable);
  return at.map((own, j) => {
    const lagrange = (v: number): number => u.reduce((product, uk, k) => (k === j ? product : (product * (v - uk)) / (u[j]! - uk)), 1);
    const weighed = (rho: number): number => lagrange(variable(rho)) * (profile === undefined ? 1 : profile(rho));
    return integrate(weighed, levels[i]!, levels[i + 1]!, nodes) / (profile === undefined ? 1 : profile(own));
  });
};
