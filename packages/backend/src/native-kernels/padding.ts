import {
  Conv2D,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  DepthwiseConv2dNative,
  DepthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput,
  FusedConv2D,
  FusedDepthwiseConv2D,
  pad as padded,
  reshape,
  slice,
  stridedSlice,
  tidy,
  type KernelFunc,
  type NamedAttrMap,
  type Tensor,
} from '@tensorflow/tfjs-core';

type Pair = readonly [before: number, after: number];

interface Convolution {
  readonly pad: 'valid' | 'same' | number | readonly Pair[];
  readonly strides: number | readonly [number, number];
  readonly dilations?: number | readonly [number, number] | null;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly inputShape?: readonly number[];
  readonly filterShape?: readonly number[];
}

const two = (value: number | readonly [number, number] | null | undefined): readonly [number, number] =>
  typeof value === 'object' && value !== null ? value : [value ?? 1, value ?? 1];

const axesOf = ({ dataFormat }: Convolution): readonly [number, number] => (dataFormat === 'NCHW' ? [2, 3] : [1, 2]);

/** Pixels on the four sides. */
const sides = (attributes: Convolution): Pair[] => {
  const { pad } = attributes;
  const all = typeof pad === 'number' ? [0, 1, 2, 3].map((): Pair => [pad, pad]) : (pad as readonly Pair[]);
  const axes = axesOf(attributes);
  return [0, 1, 2, 3].map((axis): Pair => (axes.includes(axis) ? all[axis]! : [0, 0]));
};

/** TensorFlow's own word for these sides, where it has one: `same` is half a filter on each, at stride 1. */
const wordFor = (attributes: Convolution, pads: readonly Pair[], filter: readonly number[]): 'valid' | 'same' | undefined => {
  if (pads.every(([before, after]) => before === 0 && after === 0)) return 'valid';
  const [strides, dilations] = [two(attributes.strides), two(attributes.dilations)];
  const half = axesOf(attributes).every((axis, i) => {
    const reach = (filter[i]! - 1) * dilations[i]!;
    return strides[i] === 1 && pads[axis]![0] * 2 === reach && pads[axis]![1] * 2 === reach;
  });
  return half ? 'same' : undefined;
};

/**
 * tfjs-node knows paddings by word alone. A convolution with a number of pixels on its sides is one without padding, of an input that has
 * them; the gradient in the input is that of the wider one, cut.
 */
const withSides =
  (shipped: KernelFunc): KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const attributes = attrs as unknown as Convolution;
    const run = (changed: object, x = inputs['x']): Tensor =>
      shipped({
        inputs: x === undefined ? inputs : { ...inputs, x },
        attrs: { ...attrs, ...changed } as unknown as NamedAttrMap,
        backend,
      }) as Tensor;
    if (typeof attributes.pad === 'string') return run({});
    const pads = sides(attributes);
    const word = wordFor(attributes, pads, attributes.filterShape ?? inputs['filter']!.shape);
    if (word !== undefined) return run({ pad: word });
    return tidy(() => {
      const { inputShape } = attributes;
      if (inputShape === undefined) return run({ pad: 'valid' }, padded(inputs['x'] as Tensor, pads as [number, number][]));
      const wide = inputShape.map((size, axis) => size + pads[axis]![0] + pads[axis]![1]);
      return slice(
        run({ pad: 'valid', inputShape: wide }),
        pads.map(([before]) => before),
        [...inputShape],
      );
    });
  };

/**
 * TensorFlow's own depthwise convolutions know no dilation; those of oneDNN, which it takes on some processors alone, do. A dilated
 * filter is a wider one with zeros between its entries, and its gradient is that of the wider one at those entries.
 */
const withDilations =
  (inner: KernelFunc): KernelFunc =>
  (call) => {
    const { inputs, attrs, backend } = call;
    const { dilations, filterShape } = attrs as unknown as Convolution;
    const [down, across] = two(dilations);
    if (down === 1 && across === 1) return inner(call);
    const wide = ([height, width, ...rest]: readonly number[]): number[] => [(height! - 1) * down + 1, (width! - 1) * across + 1, ...rest];
    const spread = (filter: Tensor): Tensor => {
      const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
      const apart = padded(reshape(filter, [height, 1, width, 1, channels, multiplier]), [
        [0, 0],
        [0, down - 1],
        [0, 0],
        [0, across - 1],
        [0, 0],
        [0, 0],
      ]);
      return slice(reshape(apart, [height * down, width * across, channels, multiplier]), [0, 0, 0, 0], wide(filter.shape));
    };
    return tidy(() => {
      const filter = inputs['filter'] as Tensor | undefined;
      const out = inner({
        inputs: filter === undefined ? inputs : { ...inputs, filter: spread(filter) },
        attrs: {
          ...attrs,
          dilations: [1, 1],
          ...(filterShape === undefined ? {} : { filterShape: wide(filterShape) }),
        } as unknown as NamedAttrMap,
        backend,
      }) as Tensor;
      return filterShape === undefined ? out : stridedSlice(out, [0, 0, 0, 0], out.shape, [down, across, 1, 1]);
    });
  };

/** The kernels that take a padding, each with what makes it take any; depthwise ones any dilation too. */
export const paddedKernels = (shipped: (kernelName: string) => KernelFunc): { kernelName: string; kernelFunc: KernelFunc }[] => [
  ...[Conv2D, FusedConv2D, Conv2DBackpropFilter, Conv2DBackpropInput].map((kernelName) => ({
    kernelName,
    kernelFunc: withSides(shipped(kernelName)),
  })),
  ...[DepthwiseConv2dNative, FusedDepthwiseConv2D, DepthwiseConv2dNativeBackpropFilter, DepthwiseConv2dNativeBackpropInput].map(
    (kernelName) => ({ kernelName, kernelFunc: withDilations(withSides(shipped(kernelName))) }),
  ),
];
