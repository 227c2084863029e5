import { engine, scalar, tensor1d, variableGrads, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { Noise } from '../contracts/noise.ts';
import type { Batch } from '../contracts/objective.ts';
import type { Feed } from './feed.ts';
import { listener, type Told } from './listener.ts';
import type { Parameters } from './parameters.ts';
import type { Loss, Observer } from './score-loss.ts';

/** What a gradient is made from. */
export interface GradientOptions {
  readonly parameters: Parameters;
  readonly loss: Loss;
  readonly feed: Feed;
  readonly noise: Noise;
}

/** Rows [from, from + count) of a batch: one of the equal parts that a step is averaged over. */
export interface BatchPart {
  readonly from: number;
  readonly count: number;
}

/** Loss and gradient of one part, read back: what a shard sends. */
export interface PartGradient {
  readonly value: number;
  readonly gradient: Float32Array;
  readonly told: Told;
}

/** Computes the parts of a step elsewhere, at once: other threads, other processes, other machines. */
export interface Shards {
  /** One answer a part, in their order, at these weights. The drain adds them in that order: who computed which does not matter. */
  gradients(step: number, parameters: Float32Array, parts: readonly BatchPart[]): Promise<readonly PartGradient[]>;
}

/** Loss and gradient of one part of a step, as the drain itself computes it, read back: a shard's work. */
export const partGradient = async (options: GradientOptions, step: number, { from, count }: BatchPart): Promise<PartGradient> => {
  const heard = listener();
  try {
    const batch = options.feed.batch(step, from, count);
    const { value, gradient } = valueAndGradient(options, batch, from, { note: (note) => heard.note(note, batch.label) });
    try {
      const [number] = await value.data();
      return { value: number!, gradient: Float32Array.from((await gradient.data()) as Float32Array), told: await heard.read() };
    } finally {
      [value, gradient].forEach((tensor) => tensor.dispose());
    }
  } finally {
    heard.dispose();
  }
};

/** A part that a shard computed, on the engine. */
export const received = ({ value, gradient }: PartGradient): { value: Scalar; gradient: Tensor } => ({
  value: scalar(value, 'float32'),
  gradient: tensor1d(gradient, 'float32'),
});

/** The loss and its gradient with respect to the flat vector, of rows [from, …) of a batch, which is freed. */
export const valueAndGradient = (
  { parameters, loss, noise }: GradientOptions,
  batch: Batch,
  from: number,
  observer: Observer,
): { value: Scalar; gradient: Tensor } => {
  try {
    const { value, grads } = variableGrads(() => loss(parameters.weights(), batch, noise.rows(from), observer), [parameters.flat]);
    return { value, gradient: grads[parameters.flat.name]! };
  } catch (error) {
    // TensorFlow.js frees what the tape saved only when the loss returns.
    for (const { saved } of engine().state.activeTape ?? []) saved?.forEach((tensor) => tensor.dispose());
    throw error;
  } finally {
    for (const tensor of [batch.x0, batch.label, batch.reference, batch.referenceLabel]) tensor?.dispose();
  }
};
