import type { Tensor } from '@tensorflow/tfjs-core';
import type { Formula } from './formula.ts';
import type { Noise } from './noise.ts';

/**
 * The affine forward process x_t = α(t) x₀ + σ(t) ε, ε ~ N(0, I), and what follows from it.
 *
 * Everything is float64 on the host; tensors only ever see the resulting scalars. Solvers live in
 * y = x/α and ρ = σ/α, where every schedule has the same probability-flow ODE dy/dρ = ε̂; so schedules
 * differ only in the functions below. `t` is the schedule's own time, increasing with noise.
 */
export interface Schedule {
  /** Name and parameters, e.g. `vp-linear(0.1,20)`: equal ids, equal functions. */
  readonly id: string;
  /** Least time that training and likelihood use (> 0 where σ(0) = 0 would be singular). */
  readonly tMin: number;
  /** Time of the prior. */
  readonly tMax: number;
  alpha(t: number): number;
  sigma(t: number): number;
  /** σ/α, strictly increasing in t. */
  rho(t: number): number;
  /** The inverse of `rho`. */
  timeOf(rho: number): number;
  /** α as a formula of ρ, where it is one: some parametrisations need it to be exported. */
  readonly alphaOfRho?: Formula;
  /** a(t) of the SDE dx = a(t) x dt + g(t) dw; a = d log α / dt. */
  drift(t: number): number;
  /** g(t)² = dσ²/dt − 2 a(t) σ². */
  diffusion2(t: number): number;
  /** β(t), where the schedule is defined by one (VP, sub-VP). */
  beta?(t: number): number;
  /** Standard deviation of the prior in x at time t (VP: 1, although α(1) ≠ 0; VE and EDM: σ(t)). */
  priorSigma(t: number): number;
}

/**
 * Any forward process that can be simulated, whether or not its kernel p(x_t | x₀) is known; see `simulated`.
 * A {@link Schedule} is one whose kernel is Gaussian.
 */
export interface Process {
  readonly id: string;
  /** x_t given x₀ ([B, …]), one time a row; a function of (seed, step, row). The result is the caller's. */
  simulate(x0: Tensor, t: Float64Array, noise: Noise, step: number): Tensor;
}
