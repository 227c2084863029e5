/** Gradients of products and convolutions. Each is bilinear, and the three kernels of a convolution are each other's gradients, to any order. */
import {
  BatchMatMul,
  Conv2D,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  Conv3D,
  Conv3DBackpropFilterV2,
  Conv3DBackpropInputV2,
  DepthwiseConv2dNative,
  DepthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput,
  FusedBatchNorm,
  add,
  engine,
  matMul,
  mul,
  neg,
  pad,
  reshape,
  rsqrt,
  scalar,
  slice,
  sub,
  type GradConfig,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient, sumTo } from './gradient.ts';

type Convolution = {
  strides: number | [number, number];
  pad: unknown;
  dilations?: number | [number, number];
  dataFormat?: string;
  dimRoundingMode?: string;
  inputShape?: number[];
  filterShape?: number[];
};

/** The names of a convolution and of its two adjoints. */
type Family = { forward: string; toInput: string; toFilter: string };

const DENSE: Family = { forward: Conv2D, toInput: Conv2DBackpropInput, toFilter: Conv2DBackpropFilter };
const DEPTHWISE: Family = {
  forward: DepthwiseConv2dNative,
  toInput: DepthwiseConv2dNativeBackpropInput,
  toFilter: DepthwiseConv2dNativeBackpropFilter,
};

const run = (kernelName: string, inputs: NamedTensorMap, attributes: unknown): Tensor =>
  engine().runKernel(kernelName, inputs, attributes as NamedAttrMap) as Tensor;

const pair = (value: number | readonly [number, number] | undefined): readonly [number, number] =>
  typeof value === 'object' ? value : [value ?? 1, value ?? 1];

/** [h, w, …] with (d − 1) zeros between its taps: a convolution with it and dilation 1 is the dilated one. */
const dilate = (filter: Tensor, [dh, dw]: readonly [number, number]): Tensor => {
  const [h, w, cin, cout] = filter.shape as [number, number, number, number];
  const spread = pad(reshape(filter, [h, 1, w, 1, cin * cout]), [[0, 0], [0, dh - 1], [0, 0], [0, dw - 1], [0, 0]]); // prettier-ignore
  return slice(reshape(spread, [h * dh, w * dw, cin, cout]), [0, 0, 0, 0], [(h - 1) * dh + 1, (w - 1) * dw + 1, cin, cout]);
};

/** The adjoint of `dilate`: the taps alone. */
const undilate = (dilated: Tensor, shape: readonly number[], [dh, dw]: readonly [number, number]): Tensor => {
  const [h, w, cin, cout] = shape as [number, number, number, number];
  const whole = pad(dilated, [[0, dh - 1], [0, dw - 1], [0, 0], [0, 0]]); // prettier-ignore
  return reshape(slice(reshape(whole, [h, dh, w, dw, cin * cout]), [0, 0, 0, 0, 0], [h, 1, w, 1, cin * cout]), [...shape]);
};

/** y = x ⊛ f: x̄ = ȳ ⊛ᵀ f and f̄ = x ⋆ ȳ. The adjoint kernels know no dilation: the filter is dilated instead. */
const forward = ({ forward, toInput, toFilter }: Family): GradConfig =>
  gradient(forward, ['x', 'filter'], (dy, { x, filter }, { dilations, inputShape: _, filterShape: __, ...attributes }: Convolution) => {
    const rate = pair(dilations);
    const dilated = rate[0] > 1 || rate[1] > 1;
    const undilated = { ...attributes, dilations: [1, 1] };
    return {
      x: () => run(toInput, { dy, filter: dilated ? dilate(filter, rate) : filter }, { ...undilated, inputShape: x.shape }),
      filter: () => {
        const [h, w, cin, cout] = filter.shape as [number, number, number, number];
        const filterShape = [(h - 1) * rate[0] + 1, (w - 1) * rate[1] + 1, cin, cout];
        const taps = run(toFilter, { x, dy }, { ...undilated, filterShape });
        return dilated ? undilate(taps, filter.shape, rate) : taps;
      },
    };
  });

/** x̄ = ȳ ⊛ᵀ f, given the cotangent X of x̄: that of ȳ is X ⊛ f, that of f is X ⋆ ȳ. It is also the gradient of a transposed convolution. */
const toInput = ({ forward, toInput, toFilter }: Family): GradConfig =>
  gradient(toInput, ['dy', 'filter'], (X, { dy, filter }, { inputShape: _, ...attributes }: Convolution) => ({
    dy: () => run(forward, { x: X, filter }, { ...attributes, dilations: [1, 1] }),
    filter: () => run(toFilter, { x: X, dy }, { ...attributes, dilations: [1, 1], filterShape: filter.shape }),
  }));

/** f̄ = x ⋆ ȳ, given the cotangent F of f̄: that of x is ȳ ⊛ᵀ F, that of ȳ is x ⊛ F. */
const toFilter = ({ forward, toInput, toFilter }: Family): GradConfig =>
  gradient(toFilter, ['x', 'dy'], (F, { x, dy }, { filterShape: _, ...attributes }: Convolution) => ({
    x: () => run(toInput, { dy, filter: F }, { ...attributes, dilations: [1, 1], inputShape: x.shape }),
    dy: () => run(forward, { x, filter: F }, { ...attributes, dilations: [1, 1] }),
  }));

export const products: readonly GradConfig[] = [
  gradient(BatchMatMul, ['a', 'b'], (dy, { a, b }, { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean }) => ({
    a: () => sumTo(transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB), a.shape),
    b: () => sumTo(transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false), b.shape),
  })),
  ...[DENSE, DEPTHWISE].flatMap((family) => [forward(family), toInput(family), toFilter(family)]),
  gradient(Conv3D, ['x', 'filter'], (dy, { x, filter }, { strides, pad: padding }: { strides: unknown; pad: unknown }) => ({
    x: () => run(Conv3DBackpropInputV2, { dy, filter }, { strides, pad: padding, inputShape: x.shape }),
    filter: () => run(Conv3DBackpropFilterV2, { x, dy }, { strides, pad: padding, filterShape: filter.shape }),
  })),
  // y = (x − μ)(v + ε)^{−½} s + o, all but x of the shape of the last axis, or of x
  gradient(
    FusedBatchNorm,
    ['x', 'mean', 'variance', 'scale'],
    (dy, { x, mean, variance, scale }, { varianceEpsilon }: { varianceEpsilon: number }) => {
      const s = (scale as Tensor | undefined) ?? scalar(1);
      const inverse = (): Tensor => rsqrt(add(variance, varianceEpsilon));
      const centred = (): Tensor => sub(x, mean);
      return {
        x: () => mul(dy, mul(inverse(), s)),
        mean: () => sumTo(neg(mul(dy, mul(inverse(), s))), mean.shape),
        variance: () => {
          const r = inverse();
          return sumTo(mul(mul(dy, centred()), mul(mul(mul(r, r), mul(r, s)), -0.5)), variance.shape);
        },
        scale: () => sumTo(mul(dy, mul(centred(), inverse())), s.shape),
        offset: () => sumTo(dy, mean.shape),
      };
    },
  ),
];
