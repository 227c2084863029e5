/** Gradients of kernels that reduce or accumulate along axes. */
import {
  ArgMax,
  ArgMin,
  Cumsum,
  Max,
  Mean,
  Min,
  Prod,
  Softmax,
  Sum,
  cast,
  cumprod,
  cumsum,
  div,
  equal,
  max,
  min,
  mul,
  softmax,
  sub,
  sum,
  util,
  zeros,
  type GradConfig,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient, isDifferentiatedAgain, spread } from './gradient.ts';

type Reduction = { axis?: number | number[]; reductionIndices?: number | number[]; keepDims?: boolean };

/** The axes that a reduction of x ran over. */
const axesOf = (x: Tensor, { axis, reductionIndices }: Reduction): number[] => util.parseAxisParam((axis ?? reductionIndices)!, x.shape);

/** An extremum: its gradient goes to every element that attains it, as TensorFlow.js does. */
const extremum = (kernelName: string, f: (x: Tensor, axes: number[], keepDims: boolean) => Tensor): GradConfig =>
  gradient(kernelName, ['x'], (dy, { x }, attributes: Reduction) => {
    const axes = axesOf(x, attributes);
    return { x: () => mul(spread(dy, x.shape, axes), cast(equal(x, f(x, axes, true)), 'float32')) };
  });

export const reductions: readonly GradConfig[] = [
  gradient(Sum, ['x'], (dy, { x }, attributes: Reduction) => ({ x: () => spread(dy, x.shape, axesOf(x, attributes)) })),
  gradient(Mean, ['x'], (dy, { x }, attributes: Reduction) => {
    const axes = axesOf(x, attributes);
    const n = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
    return { x: () => spread(div(dy, n), x.shape, axes) };
  }),
  extremum(Max, max),
  extremum(Min, min),
  // ∂/∂xᵢ Π x = (Π before i)(Π after i): right where some xᵢ is zero. It has no second derivative.
  gradient(Prod, ['x'], (dy, { x }, attributes: Reduction) => {
    const axes = axesOf(x, attributes);
    const others = (axis: number): Tensor => mul(cumprod(x, axis, true, false), cumprod(x, axis, true, true));
    if (axes.length !== 1) throw new Error('Prod has a gradient along one axis only: reshape first.');
    return { x: () => mul(spread(dy, x.shape, axes), others(axes[0]!)) };
  }),
  gradient(Cumsum, [], (dy, _, { axis, exclusive, reverse }: { axis: number; exclusive: boolean; reverse: boolean }) => ({
    x: () => cumsum(dy, axis, exclusive, !reverse),
  })),
  gradient(Softmax, ['logits', 'y'], (dy, { logits, y: output }, { dim }: { dim: number }) => ({
    logits: () => {
      const y = isDifferentiatedAgain() ? softmax(logits, dim) : output;
      const dyy = mul(dy, y);
      return sub(dyy, mul(sum(dyy, dim, true), y));
    },
  })),
  ...[ArgMax, ArgMin].map((kernelName) => gradient(kernelName, ['x'], (_, { x }) => ({ x: () => zeros(x.shape) }))),
];
