import { STREAM, tweedieError, type Noise, type ParameterSpec, type Weights } from '@tweedie/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Where a parameter starts: Glorot's uniform times `gain`, a normal with standard deviation `deviation`, one number everywhere, or given values. */
export type Start =
  | { readonly kind: 'xavier'; readonly gain: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'values'; readonly values: Float32Array };

/** A parameter and where it starts. */
export interface Parameter extends ParameterSpec {
  readonly start: Start;
}

/** Xavier-uniform: U(−a, a) · gain with a = √(6/(fan_in + fan_out)); fans of [in, out], or of [k, k, in, out] with k² each. */
export const xavier = (gain = 1): Start => ({ kind: 'xavier', gain });
export const normal = (deviation: number): Start => ({ kind: 'normal', deviation });
export const constant = (value: number): Start => ({ kind: 'constant', value });

/** A weight with its bias, 0 at the start. `shape` ends in [in, out]. */
export const affineParameters = (name: string, shape: readonly number[], gain = 1): Parameter[] => [
  { name: `${name}.weight`, shape, start: xavier(gain) },
  { name: `${name}.bias`, shape: [shape.at(-1)!], start: constant(0) },
];

/** Scale 1 and shift 0 of a norm. */
export const normParameters = (name: string, channels: number): Parameter[] => [
  { name: `${name}.weight`, shape: [channels], start: constant(1) },
  { name: `${name}.bias`, shape: [channels], start: constant(0) },
];

/** Initial weights by name. Parameter i draws at step i of the stream `initialise`: the same seed gives the same weights everywhere. */
export const initialise = (parameters: readonly Parameter[], noise: Noise): Record<string, Float32Array> =>
  Object.fromEntries(parameters.map(({ name, shape, start }, i) => [name, initial(start, shape, noise, i)]));

/** What the contract shows of parameters. */
export const specsOf = (parameters: readonly Parameter[]): readonly ParameterSpec[] =>
  Object.freeze(
    parameters.map(({ name, shape, trainable }) =>
      Object.freeze({ name, shape: Object.freeze([...shape]), ...(trainable === undefined ? {} : { trainable }) }),
    ),
  );

/** Looks up weights by name; a missing one is an error that names it. */
export const weightsOf =
  (subject: string, weights: Weights) =>
  <T extends Tensor>(name: string): T => {
    const weight = weights[name];
    if (weight === undefined) {
      throw tweedieError({
        subject,
        problem: `the weight "${name}" is missing`,
        got: `${Object.keys(weights).length} weights`,
        remedy: 'load a checkpoint of this very network, or start from init',
      });
    }
    return weight as T;
  };

const initial = (start: Start, shape: readonly number[], noise: Noise, index: number): Float32Array => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const at = { stream: STREAM.initialise, step: index };
  switch (start.kind) {
    case 'xavier': {
      const field = shape.slice(0, -2).reduce((product, extent) => product * extent, 1);
      const bound = start.gain * Math.sqrt(6 / (field * (shape.at(-2)! + shape.at(-1)!)));
      return Float32Array.from(noise.hostUniform([1, size], at), (u) => bound * (2 * u - 1));
    }
    case 'normal':
      return Float32Array.from(noise.hostNormal([1, size], at), (z) => start.deviation * z);
    case 'constant':
      return new Float32Array(size).fill(start.value);
    case 'values':
      return Float32Array.from(start.values);
  }
};
