import type { Formula } from './formula.ts';
import type { Head } from './model.ts';
import type { Schedule } from './schedule.ts';

/** D(y; ρ) = skip·y + out·F(in·y; noise), at one level. */
export interface Coefficients {
  readonly skip: number;
  readonly out: number;
  readonly in: number;
  /** What the network is told about the level. */
  readonly noise: number;
}

/**
 * How a network's output F becomes the denoiser D, and what its head means (2206.00364, eq. 7 and table 1, in y = x/α, ρ = σ/α).
 *
 * The network always sees x-like input of order one; float64 on the host.
 */
export interface Preconditioner {
  readonly id: string;
  readonly head: Head;
  readonly sigmaData?: number;
  at(rho: number, schedule: Schedule): Coefficients;
  /** The same numbers as formulas of ρ: what an exported graph is made of. Absent, or undefined, where there are none. */
  formulas?(schedule: Schedule): { readonly [K in keyof Coefficients]: Formula } | undefined;
}
