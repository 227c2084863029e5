import { activated } from './elementwise.ts';
import type { Attribute, Graph } from './graph.ts';
import { refused, type Bound, type Kernel } from './kernel.ts';
import { first, last, type Value } from './values.ts';

const pair = (value: unknown): readonly [number, number] => (typeof value === 'number' ? [value, value] : (value as [number, number]));

const withActivation = (graph: Graph, call: Bound, name: string): string => {
  const made = activated(graph, name, call.attributes);
  if (made === undefined) throw refused(call.kernel, 'its activation is unknown', call.attributes['activation']);
  return made;
};

/** Matrix products; a flag turns the last two axes. */
const matMul: Kernel = (graph, call) => {
  const side = (key: 'a' | 'b', flag: string): string => {
    const value = call.inputs[key]!;
    const { length } = value.shape;
    if (call.attributes[flag] !== true) return last(graph, value);
    const perm = value.shape.map((_, i) => (i < length - 2 ? i : 2 * length - 3 - i));
    return graph.node('Transpose', [last(graph, value)], { perm });
  };
  const product = graph.node('MatMul', [side('a', 'transposeA'), side('b', 'transposeB')]);
  const { bias } = call.inputs;
  const shifted = bias === undefined ? product : graph.node('Add', [product, last(graph, bias)]);
  return [{ ...call.outputs[0]!, last: withActivation(graph, call, shifted) }];
};

/** Zeros around an image, [top, left, bottom, right], as TensorFlow counts them. */
const padding = (call: Bound, image: Value, window: readonly [number, number], dilations: readonly [number, number]): readonly number[] => {
  const { pad } = call.attributes;
  if (typeof pad === 'number') return [pad, pad, pad, pad];
  if (pad === 'valid') return [0, 0, 0, 0];
  if (Array.isArray(pad)) {
    const [, [top, bottom], [left, right]] = pad as [unknown, [number, number], [number, number]];
    return [top, left, bottom, right];
  }
  const strides = pair(call.attributes['strides']);
  const sides = [0, 1].map((i) => {
    const size = image.shape[i + 1]!;
    const total = Math.max(0, (Math.ceil(size / strides[i]!) - 1) * strides[i]! + (window[i]! - 1) * dilations[i]! + 1 - size);
    return [Math.floor(total / 2), total - Math.floor(total / 2)] as const;
  });
  return [sides[0]![0], sides[1]![0], sides[0]![1], sides[1]![1]];
};

const checkFormat = (call: Bound): void => {
  const { dataFormat = 'NHWC', dimRoundingMode } = call.attributes;
  if (dataFormat !== 'NHWC') throw refused(call.kernel, 'the images have channels first', dataFormat);
  if (dimRoundingMode !== undefined && dimRoundingMode !== null && dimRoundingMode !== 'floor')
    throw refused(call.kernel, 'sizes are not rounded down', dimRoundingMode);
};

/** [h, w, from, to] → [to, from, h, w], or of each channel apart: [h, w, from, many] → [from · many, 1, h, w]. */
const filterOf = (graph: Graph, { shape, constant, label, last: name }: Value, apart: boolean): string => {
  const [h, w, from, to] = shape as [number, number, number, number];
  const perm = apart ? [2, 3, 0, 1] : [3, 2, 0, 1];
  const target = apart ? [from * to, 1, h, w] : [to, from, h, w];
  if (constant === undefined) {
    const turned = graph.node('Transpose', [name!], { perm });
    return apart ? graph.node('Reshape', [turned, graph.whole(...target)]) : turned;
  }
  const out = new Float32Array(constant.length);
  for (let p = 0; p < h * w; p++)
    for (let i = 0; i < from; i++)
      for (let o = 0; o < to; o++) out[(apart ? i * to + o : o * from + i) * h * w + p] = constant[(p * from + i) * to + o]!;
  return graph.constant(out, target, label);
};

const convolution =
  (apart: boolean): Kernel =>
  (graph, call) => {
    checkFormat(call);
    const { x, filter, bias } = call.inputs as Record<string, Value>;
    const [h, w, channels] = filter!.shape as [number, number, number];
    const dilations = pair(call.attributes['dilations'] ?? 1);
    const attributes: Record<string, Attribute> = {
      kernel_shape: [h, w],
      strides: pair(call.attributes['strides']),
      dilations,
      pads: padding(call, x!, [h, w], dilations),
      ...(apart ? { group: channels } : {}),
    };
    const inputs = [first(graph, x!), filterOf(graph, filter!, apart)];
    if (bias !== undefined) inputs.push(last(graph, bias));
    return [{ ...call.outputs[0]!, first: withActivation(graph, call, graph.node('Conv', inputs, attributes)) }];
  };

/** The adjoint of a convolution, as networks double images; its filter is [h, w, to, from]. */
const adjoint: Kernel = (graph, call) => {
  checkFormat(call);
  const { dy, filter } = call.inputs as Record<string, Value>;
  const [h, w] = filter!.shape as [number, number];
  const [output] = call.outputs;
  const strides = pair(call.attributes['strides']);
  const pads = padding(call, output!, [h, w], [1, 1]);
  const missing = [0, 1].map((i) => output!.shape[i + 1]! - ((dy!.shape[i + 1]! - 1) * strides[i]! + [h, w][i]! - pads[i]! - pads[i + 2]!));
  const made = graph.node('ConvTranspose', [first(graph, dy!), filterOf(graph, filter!, false)], {
    kernel_shape: [h, w],
    strides,
    pads,
    output_padding: missing,
  });
  return [{ ...output!, first: made }];
};

const pool =
  (operator: 'AveragePool' | 'MaxPool'): Kernel =>
  (graph, call) => {
    checkFormat(call);
    const x = call.inputs['x']!;
    const window = pair(call.attributes['filterSize']);
    const pads = padding(call, x, window, [1, 1]);
    const whole = operator === 'AveragePool' && window[0] === x.shape[1] && window[1] === x.shape[2] && pads.every((pad) => pad === 0);
    const made = whole
      ? graph.node('GlobalAveragePool', [first(graph, x)])
      : graph.node(operator, [first(graph, x)], { kernel_shape: window, strides: pair(call.attributes['strides']), pads });
    return [{ ...call.outputs[0]!, first: made }];
  };

/** The scale in float32, never below: a runtime rounds down the size that it makes of it. */
const grownBy = (scale: number): number => {
  const near = Math.fround(scale);
  return near < scale ? Math.fround(near * (1 + 2 ** -23)) : near;
};

const resize =
  (mode: 'nearest' | 'linear'): Kernel =>
  (graph, call) => {
    const images = call.inputs['images']!;
    const [height, width] = call.attributes['size'] as [number, number];
    const coordinates =
      call.attributes['alignCorners'] === true
        ? 'align_corners'
        : call.attributes['halfPixelCenters'] === true
          ? 'half_pixel'
          : 'asymmetric';
    if (mode === 'nearest' && coordinates !== 'asymmetric') throw refused(call.kernel, 'its pixels are not at whole numbers', coordinates);
    const scales = [height / images.shape[1]!, width / images.shape[2]!].map(grownBy);
    const made = graph.node('Resize', [first(graph, images), '', graph.constant(Float32Array.of(1, 1, ...scales), [4])], {
      mode,
      coordinate_transformation_mode: coordinates,
      ...(mode === 'nearest' ? { nearest_mode: 'floor' } : {}),
    });
    return [{ ...call.outputs[0]!, first: made }];
  };

export const PRODUCTS: Readonly<Record<string, Kernel>> = {
  BatchMatMul: matMul,
  _FusedMatMul: matMul,
  Conv2D: convolution(false),
  FusedConv2D: convolution(false),
  DepthwiseConv2dNative: convolution(true),
  FusedDepthwiseConv2D: convolution(true),
  Conv2DBackpropInput: adjoint,
  AvgPool: pool('AveragePool'),
  MaxPool: pool('MaxPool'),
  ResizeNearestNeighbor: resize('nearest'),
  ResizeBilinear: resize('linear'),
};
