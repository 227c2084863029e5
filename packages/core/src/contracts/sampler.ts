import type { Tensor } from '@tensorflow/tfjs-core';
import type { Denoiser } from './model.ts';
import type { Noise } from './noise.ts';
import type { Schedule } from './schedule.ts';

/** What is true of a sampler; the conformance kit measures what it can. */
export interface SamplerFacts {
  /** Order of convergence of the deterministic form in the step length, where one is claimed. */
  readonly order?: number;
  readonly stochastic: boolean;
  /** Whether the last level may be 0. */
  readonly reachesZero: boolean;
  /** Whether the images of a batch influence each other: refused in sharded runs. */
  readonly batchCoupled: boolean;
  /** Whether it may be run upward, for likelihood. */
  readonly likelihood: boolean;
  readonly guidance: boolean;
  readonly inpainting: boolean;
}

/** A sampler's whole arithmetic, before any tensor is touched: float64, plain JSON, printable. */
export interface Plan {
  readonly sampler: string;
  readonly schedule: Schedule;
  /** ρ: N + 1 strictly decreasing numbers for N steps; a last 0 only where the sampler reaches it. */
  readonly levels: Float64Array;
  /** Network calls of the whole run; null where the run decides. */
  readonly nfe: number | null;
  /** Coefficients of each step, newest history first where there is one. */
  readonly steps: readonly PlanStep[];
  /** What was lowered or replaced while planning, in sentences. */
  readonly notes: readonly string[];
}
export type PlanStep = { readonly [coefficient: string]: number | readonly number[] };

/** The state at one level, before the update. Lent until the next step is asked for. */
export interface Step {
  /** From 0. */
  readonly i: number;
  /** levels[i]. */
  readonly rho: number;
  /** The state at `rho`, [B, …]. */
  readonly y: Tensor;
  /** D(y, ρ): the clean image as it looks from here. */
  readonly x0: Tensor;
}

export interface Sampler {
  readonly kind: 'sampler';
  readonly api: 1;
  readonly name: string;
  readonly facts: SamplerFacts;
  /** BibTeX of the source. */
  readonly reference: string;
  /** The initial state in y at levels[0], if not the schedule's prior: a prefix such as teleport replaces it. */
  start?(noise: Noise, shape: readonly number[], plan: Plan): Tensor | Promise<Tensor>;
  /** Every coefficient of the run. Options and statistics went to the factory. Refuses levels it cannot use. */
  plan(schedule: Schedule, levels: Float64Array): Plan;
  /**
   * Yields each {@link Step} at levels[i], before the update, and returns the state at the last level.
   * `y` is lent and never disposed here; the returned tensor is the caller's. No state survives a run.
   */
  steps(denoise: Denoiser, y: Tensor, plan: Plan, noise: Noise): AsyncGenerator<Step, Tensor, void>;
}
