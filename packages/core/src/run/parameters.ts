import { reshape, split, tensor, tensor1d, variable, type Tensor, type Tensor1D, type Variable } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { ParameterSpec, Weights } from '../contracts/network.ts';

/**
 * The trainable weights of a network as one flat float32 vector, its parts in the order of `specs`.
 *
 * One vector makes the optimiser, the moving average, clipping and the checkpoint a handful of operations each, whatever
 * the network. Buffers (trainable: false) stand beside it and never change.
 */
export interface Parameters {
  readonly specs: readonly ParameterSpec[];
  readonly flat: Variable;
  /** Weights by name: differentiable views of `vector` (default `flat`). The tensors are the caller's, buffers excepted. */
  weights(vector?: Tensor): Weights;
  /** Values by name of a vector that was read back: for files. */
  values(vector: Float32Array): Record<string, Float32Array>;
  dispose(): void;
}

export const createParameters = (specs: readonly ParameterSpec[], initial: Readonly<Record<string, Float32Array>>): Parameters => {
  const trained = specs.filter(({ trainable = true }) => trainable);
  const kept = specs.filter(({ trainable = true }) => !trainable);
  const sizes = trained.map(sizeOf);
  const start = tensor1d(join(trained, initial), 'float32');
  const flat = variable(start);
  start.dispose();
  const buffers = toTensors(kept, initial);
  return Object.freeze<Parameters>({
    specs,
    flat,
    weights: (vector = flat) => {
      const parts = split(vector as Tensor1D, sizes);
      const views = trained.map(({ name, shape }, i) => [name, reshape(parts[i]!, [...shape])] as const);
      parts.forEach((part) => part.dispose());
      return { ...Object.fromEntries(views), ...buffers };
    },
    values: (vector) => {
      let at = 0;
      const parts = trained.map(({ name }, i) => [name, vector.slice(at, (at += sizes[i]!))] as const);
      return { ...Object.fromEntries(parts), ...Object.fromEntries(kept.map(({ name }) => [name, initial[name]!])) };
    },
    dispose: () => {
      flat.dispose();
      Object.values(buffers).forEach((buffer) => buffer.dispose());
    },
  });
};

/** Weights as constant tensors, for inference. They are the caller's. */
export const toTensors = (specs: readonly ParameterSpec[], values: Readonly<Record<string, Float32Array>>): Record<string, Tensor> =>
  Object.fromEntries(specs.map((spec) => [spec.name, tensor(checkValue(spec, values[spec.name]), [...spec.shape], 'float32')]));

const sizeOf = ({ shape }: ParameterSpec): number => shape.reduce((product, n) => product * n, 1);

const checkValue = (spec: ParameterSpec, value: Float32Array | undefined): Float32Array => {
  if (value?.length === sizeOf(spec)) return value;
  throw tweedieError({
    subject: 'weights',
    problem: `"${spec.name}" does not fit the network`,
    got: value === undefined ? 'nothing' : `${value.length} numbers`,
    expected: `${sizeOf(spec)} for shape [${spec.shape.join(', ')}]`,
    remedy: 'use the weights of this very network (its config is stored with them)',
  });
};

const join = (specs: readonly ParameterSpec[], values: Readonly<Record<string, Float32Array>>): Float32Array => {
  const out = new Float32Array(specs.reduce((sum, spec) => sum + sizeOf(spec), 0));
  let at = 0;
  for (const spec of specs) {
    out.set(checkValue(spec, values[spec.name]), at);
    at += sizeOf(spec);
  }
  return out;
};
