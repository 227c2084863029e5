import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Model } from './model.ts';
import type { Noise } from './noise.ts';

/** What an objective sees of one training step. Lent. */
export interface Batch {
  /** [B, …], in [−1, 1] for images. */
  readonly x0: Tensor;
  /** One-hot [B, K]; a zero row is unconditional (label dropout has already happened). */
  readonly label?: Tensor2D;
  /** [n, …] with n ≥ B: further data points, the mini-batch its first rows. Given when `needs.reference` asks for it. */
  readonly reference?: Tensor;
  /** One-hot [n, K], the labels of `reference`. */
  readonly referenceLabel?: Tensor2D;
  /** The training step, from 0: the `step` of every draw. */
  readonly step: number;
}

/** What an objective can tell of a step beside its loss, if somebody listens. Tensors are lent for the length of the call. */
export interface Note {
  /** The loss is `value + constant`, where the constant, free of θ, would drown the rest in float32: the drain adds them in float64. */
  readonly informative?: { readonly value: Scalar; readonly constant: number };
  /** Effective number of reference points that each row's target is made of, [B], and the rows' noise levels. */
  readonly ess?: { readonly values: Tensor1D; readonly rho: Float64Array };
}

/** A training objective. `loss` is a mean over the rows of the batch, in float32, differentiable in the model's weights. */
export interface Objective {
  readonly kind: 'objective';
  readonly api: 1;
  readonly name: string;
  readonly needs: {
    /** Size of the reference batch, if one is needed. */
    readonly reference?: number;
    /** 2 where gradients of gradients are taken: needs a model that is `doubleDifferentiable`. */
    readonly derivatives: 1 | 2;
    /** Whether the Gaussian kernel p(x_t | x₀) is used (true), or only samples of x_t (false). */
    readonly kernel: boolean;
  };
  /** BibTeX of the source. */
  readonly reference: string;
  /** Refuses a model that the objective cannot serve, before any step: a size, a head. What is refused here need not be by `loss`. */
  check?(model: Pick<Model, 'shape' | 'head' | 'schedule'>): void;
  /** Synchronous: it runs inside `variableGrads`. May be negative. Row i depends on row i of the batch and of the noise alone (a reference batch excepted). */
  loss(model: Model, batch: Batch, noise: Noise, note?: (note: Note) => void): Scalar;
}
