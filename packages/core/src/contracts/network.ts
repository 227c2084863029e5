import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Noise } from './noise.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One weight tensor of a network. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** False for a stored buffer (Fourier frequencies): saved and loaded, never trained. Default true. */
  readonly trainable?: boolean;
}

/** Weights by name, as tensors; views of one flat vector while training. Lent. */
export type Weights = Readonly<Record<string, Tensor>>;

/**
 * A network is a pure function of (weights, input, noise label, class label), and the list of the weights it wants.
 *
 * Images are NHWC at this border; patching, centring and layouts live inside. The input is already scaled by the
 * preconditioner (c_in y) and `cNoise` is the preconditioner's c_noise, one value a row, on the host; a network whose tensors of it come
 * from `levelRows` can be exported.
 */
export interface Network {
  readonly kind: 'network';
  readonly api: 1;
  readonly name: string;
  /** Everything that is needed to make this network again: `create(config)`. Goes into the checkpoint and the model's hash. */
  readonly config: { readonly [key: string]: Json };
  /** Shape of one data point. */
  readonly shape: readonly number[];
  /** Number of classes, 0 if unconditional. */
  readonly classes: number;
  readonly parameters: readonly ParameterSpec[];
  /** Initial weights by name, from `noise` alone, in the order and layout of `parameters`. */
  init(noise: Noise): Record<string, Float32Array>;
  /** F(x; c): [B, …shape] → [B, …shape]. `train` carries dropout's noise; absent at inference. The result is the caller's. */
  apply(
    weights: Weights,
    x: Tensor,
    cNoise: Float64Array,
    label?: Tensor2D,
    train?: { readonly noise: Noise; readonly step: number },
  ): Tensor;
  readonly doubleDifferentiable: boolean;
}
