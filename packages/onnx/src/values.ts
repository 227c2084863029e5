import type { Graph } from './graph.ts';

/**
 * A tensor in the graph. ONNX convolves channels first, TensorFlow.js channels last: a value of rank 4 may be there in either order
 * of axes, or in both, and is turned only when it is asked for in the other one.
 */
export interface Value {
  /** As TensorFlow.js sees it, −1 for what grows with the batch. */
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Numbers, where the value is a constant. */
  readonly constant?: ArrayLike<number>;
  /** What a constant is called in the file. */
  readonly label?: string | undefined;
  /** Its names in the graph. */
  last?: string;
  first?: string;
}

export const TO_FIRST = [0, 3, 1, 2] as const;
export const TO_LAST = [0, 2, 3, 1] as const;

/** Where axis i of a channels-last tensor is when channels come first. */
export const axisFirst = (axis: number): number => TO_FIRST.indexOf(axis as 0 | 1 | 2 | 3);

/** The name of a value in TensorFlow.js's own order of axes. */
export const last = (graph: Graph, value: Value): string => {
  if (value.last !== undefined) return value.last;
  if (value.constant !== undefined) return (value.last = graph.constant(Float32Array.from(value.constant), value.shape, value.label));
  const { shape } = value;
  return (value.last = isPixel(shape)
    ? graph.node('Reshape', [value.first!, graph.whole(...shape)])
    : graph.node('Transpose', [value.first!], { perm: TO_LAST }));
};

/** The name of a value of rank ≤ 4 with channels first; lower ranks are what broadcasts against images: [C] → [C, 1, 1]. */
export const first = (graph: Graph, value: Value): string => {
  if (value.first !== undefined) return value.first;
  const { shape, constant } = value;
  if (shape.length === 0) return last(graph, value);
  const wide = [1, 1, 1, 1].map((one, i) => shape[i - 4 + shape.length] ?? one);
  const turned = TO_FIRST.map((axis) => wide[axis]!);
  if (constant !== undefined) return (value.first = graph.constant(turnedNumbers(constant, wide), turned, value.label));
  if (isPixel(wide)) return (value.first = graph.node('Reshape', [last(graph, value), graph.whole(...turned)]));
  const four = shape.length === 4 ? last(graph, value) : graph.node('Reshape', [last(graph, value), graph.whole(...wide)]);
  return (value.first = graph.node('Transpose', [four], { perm: TO_FIRST }));
};

/** Whether both orders of axes are one order of numbers: a pixel, or one channel. */
const isPixel = (shape: readonly number[]): boolean => shape[3] === 1 || (shape[1] === 1 && shape[2] === 1);

const turnedNumbers = (data: ArrayLike<number>, shape: readonly number[]): Float32Array => {
  const [n, h, w, c] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < n; i++) for (let k = 0; k < c; k++) for (let p = 0; p < h * w; p++) out[at++] = data[(i * h * w + p) * c + k]!;
  return out;
};
