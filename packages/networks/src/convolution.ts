import {
  Conv2DBackpropFilter,
  conv2d as conv2dKernel,
  conv2dTranspose,
  customGrad,
  engine,
  fused,
  matMul,
  mul,
  reshape,
  sum,
  type GradSaveFunc,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { spatialMean } from './spatial-mean.ts';

/**
 * x ⊛ filter + bias at stride 1: [B, H, W, Cin] ⊛ [k, k, Cin, Cout], with `padding` zeros on each side (default k/2 rounded down: the size stays).
 *
 * The convolution and its two adjoints are three faces of one trilinear form, so that their derivatives of every order are each other.
 */
export const convolution = (x: Tensor4D, filter: Tensor4D, bias?: Tensor1D, padding = Math.floor(filter.shape[0] / 2)): Tensor4D => {
  if (bias === undefined) return correlate(x, filter, padding);
  return customGrad((...args) => {
    const [at, w, b] = args as Tensor[] as [Tensor4D, Tensor4D, Tensor1D];
    (args[3] as GradSaveFunc)([at, w]);
    const gradFunc = (dy: Tensor4D, [at2, w2]: Tensor[]): Tensor[] => [
      spreadOut(dy, w2 as Tensor4D, at2!.shape as Tensor4D['shape'], padding),
      filterGradient(at2 as Tensor4D, dy, w2!.shape as Tensor4D['shape'], padding),
      reshape(mul(sum(spatialMean(dy), 0), dy.shape[1] * dy.shape[2]), [-1]),
    ];
    return { value: fused.conv2d({ x: at, filter: w, strides: 1, pad: padding, bias: b }), gradFunc };
  })(x, filter, bias);
};

const correlate = (x: Tensor4D, filter: Tensor4D, padding: number): Tensor4D =>
  customGrad((...args) => {
    (args[2] as GradSaveFunc)(args.slice(0, 2) as Tensor[]);
    const gradFunc = (dy: Tensor4D, [at, w]: Tensor[]): Tensor[] => [
      spreadOut(dy, w as Tensor4D, at!.shape as Tensor4D['shape'], padding),
      filterGradient(at as Tensor4D, dy, w!.shape as Tensor4D['shape'], padding),
    ];
    return { value: conv2dKernel(args[0] as Tensor4D, args[1] as Tensor4D, 1, padding), gradFunc };
  })(x, filter);

/** The adjoint in x: dL/dx of dL/dy. */
const spreadOut = (dy: Tensor4D, filter: Tensor4D, shape: Tensor4D['shape'], padding: number): Tensor4D =>
  customGrad((...args) => {
    (args[2] as GradSaveFunc)(args.slice(0, 2) as Tensor[]);
    const gradFunc = (ddx: Tensor4D, [at, w]: Tensor[]): Tensor[] => [
      correlate(ddx, w as Tensor4D, padding),
      filterGradient(ddx, at as Tensor4D, w!.shape as Tensor4D['shape'], padding),
    ];
    return { value: adjoint(args[0] as Tensor4D, args[1] as Tensor4D, shape, padding), gradFunc };
  })(dy, filter);

/** The adjoint in the filter: dL/dw of dL/dy. */
const filterGradient = (x: Tensor4D, dy: Tensor4D, shape: Tensor4D['shape'], padding: number): Tensor4D =>
  customGrad((...args) => {
    (args[2] as GradSaveFunc)(args.slice(0, 2) as Tensor[]);
    const gradFunc = (ddw: Tensor4D, [at, dy2]: Tensor[]): Tensor[] => [
      spreadOut(dy2 as Tensor4D, ddw, at!.shape as Tensor4D['shape'], padding),
      correlate(at as Tensor4D, ddw, padding),
    ];
    return { value: adjointFilter(args[0] as Tensor4D, args[1] as Tensor4D, shape, padding), gradFunc };
  })(x, dy);

// A 1×1 convolution is a matrix product over all pixels.
const pointwise = (shape: Tensor4D['shape'], padding: number): boolean => shape[0] === 1 && shape[1] === 1 && padding === 0;
const pixels = (x: Tensor4D): Tensor2D => reshape(x, [-1, x.shape[3]]);

const adjoint = (dy: Tensor4D, filter: Tensor4D, shape: Tensor4D['shape'], padding: number): Tensor4D =>
  pointwise(filter.shape, padding)
    ? reshape(matMul(pixels(dy), reshape(filter, filter.shape.slice(2) as [number, number]), false, true), shape)
    : conv2dTranspose(dy, filter, shape, 1, padding);

const adjointFilter = (x: Tensor4D, dy: Tensor4D, shape: Tensor4D['shape'], padding: number): Tensor4D =>
  pointwise(shape, padding)
    ? reshape(matMul(pixels(x), pixels(dy), true, false), shape)
    : engine().runKernel<Tensor4D>(
        Conv2DBackpropFilter,
        { x, dy },
        { strides: [1, 1], pad: padding, dataFormat: 'NHWC', filterShape: shape },
      );
