import { broadcast_util, broadcastTo, engine, reshape, sum, type GradConfig, type NamedAttrMap, type Tensor } from '@tensorflow/tfjs-core';

/** What a gradient returns: for each input of the kernel, by its name, the way to its cotangent. Only those that are needed are called. */
export type Pullback = Record<string, () => Tensor>;

/**
 * A gradient of a TensorFlow.js kernel. `saves` names the inputs that the backward pass reads; `'y'` is the kernel's first output.
 *
 * An output is saved outside of the tape: a gradient that is to be differentiated again must not read it (`isDifferentiatedAgain`),
 * or its derivative is silently wrong (https://github.com/tensorflow/tfjs/issues/3252).
 */
export const gradient = <const Names extends readonly string[], Attributes = NamedAttrMap>(
  kernelName: string,
  saves: Names,
  pull: (dy: Tensor, saved: Readonly<Record<Names[number], Tensor>>, attributes: Attributes) => Pullback,
): GradConfig => {
  const inputsToSave = saves.filter((name) => name !== 'y');
  const order = saves.includes('y') ? [...inputsToSave, 'y'] : inputsToSave;
  return {
    kernelName,
    inputsToSave,
    outputsToSave: order.length > inputsToSave.length ? [true] : [],
    gradFunc: (dy, saved, attributes) => {
      const named = Object.fromEntries(order.map((name, i) => [name, saved[i]])) as Record<Names[number], Tensor>;
      return pull(dy as Tensor, named, attributes as unknown as Attributes);
    },
  };
};

/** Whether the running backward pass is itself being taped: it is inside another gradient. */
export const isDifferentiatedAgain = (): boolean => engine().state.gradientDepth > 0;

/** The adjoint of broadcasting: `dy` summed over the axes along which a tensor of this shape was repeated. */
export const sumTo = (dy: Tensor, shape: number[]): Tensor => {
  const axes = broadcast_util.getReductionAxes(shape, dy.shape);
  return reshape(axes.length > 0 ? sum(dy, axes) : dy, shape);
};

/** The adjoint of a sum over `axes`: `dy`, whose summed axes may have been dropped, repeated to `shape`. */
export const spread = (dy: Tensor, shape: number[], axes: readonly number[]): Tensor =>
  broadcastTo(
    reshape(
      dy,
      shape.map((n, i) => (axes.includes(i) ? 1 : n)),
    ),
    shape,
  );
