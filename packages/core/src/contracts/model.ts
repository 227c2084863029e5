import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Schedule } from './schedule.ts';

/** A noise level ρ = σ/α on the host: one for the whole batch, or one a row. */
export type Levels = number | Float64Array;

/**
 * What sampling needs: E[x₀ | y] at noise level ρ, with y = x/α ([B, …], NHWC for images).
 *
 * `label` is one-hot [B, K]; a zero row means unconditional. May be asynchronous: an ONNX session, a worker, another
 * machine. Arguments are lent; the result is the caller's.
 */
export type Denoiser = (y: Tensor, rho: Levels, label?: Tensor2D) => Tensor | Promise<Tensor>;

/** What a network's output means: x₀, ε, the score ∇ log p_t(x), or v = α ε − σ x₀. An EDM-preconditioned network has head `x0`. */
export type Head = 'x0' | 'eps' | 'score' | 'v';

/**
 * What training, likelihood and second-order statistics need: a differentiable, synchronous denoiser.
 *
 * Everything is in y = x/α, so that y = x₀ + ρ ε under every schedule; a parametrisation that is stated in x converts
 * inside. Levels are host numbers: an objective draws them itself, on the host.
 */
export interface Model {
  readonly schedule: Schedule;
  readonly head: Head;
  /** Shape of one data point, e.g. [28, 28, 1]. */
  readonly shape: readonly number[];
  /** Number of classes, 0 if unconditional. */
  readonly classes: number;
  /** σ_data of EDM preconditioning, if it is used: an objective's weight depends on it. */
  readonly sigmaData?: number;
  /** The head's prediction (x₀, ε, score of x_t, or v) at y. */
  raw(y: Tensor, rho: Levels, label?: Tensor2D): Tensor;
  /** E[x₀ | y] at ρ. */
  denoise(y: Tensor, rho: Levels, label?: Tensor2D): Tensor;
  /** False where a gradient of a gradient would be wrong or missing: such a model is refused by ISM and SSM. */
  readonly doubleDifferentiable: boolean;
}
