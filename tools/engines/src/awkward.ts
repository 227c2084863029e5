import { backend_util } from '@tensorflow/tfjs-core';
import { createNoise, STREAM } from '@tweedie/core';
import type { Call, Value } from './recording.ts';

/**
 * Calls that engines get wrong, kernel by kernel: scalars, extents of one, sizes that no vector of four divides, broadcasting, strides, borders,
 * filters larger than what they meet, batches of one. A kernel that the workload uses must be here.
 */
const noise = createNoise(5n);
let drawn = 0;
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
/** Numbers in [low, high), others at each call. */
const numbers = (shape: readonly number[], low = -1, high = 1): Value => {
  const u = noise.hostUniform([1, Math.max(1, sizeOf(shape))], { stream: STREAM.data, step: drawn++ });
  return { shape, dtype: 'float32', values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => low + (high - low) * u[i]!) };
};
const whole = (shape: readonly number[]): Value => ({ shape, dtype: 'int32', values: Int32Array.from(numbers(shape, -9, 9).values) });
const flags = (shape: readonly number[]): Value => ({ shape, dtype: 'bool', values: Uint8Array.from(numbers(shape, 0, 2).values) });

type Cases = readonly Omit<Call, 'kernel'>[];
const call = (inputs: Call['inputs'], attributes: object = {}): Omit<Call, 'kernel'> => ({ inputs, attributes });

const SHAPES = [
  [],
  [1],
  [7],
  [1, 1],
  [3, 5],
  [130, 3],
  [2, 3, 5],
  [1, 2, 1, 3],
  [2, 3, 3, 5],
  [2, 1, 2, 3, 3],
  [2, 1, 2, 1, 2, 3],
] as const;
const PAIRS = [[[], []], [[], [5]], [[7], [1]], [[3, 1], [1, 4]], [[5, 3], [3]], [[2, 3, 4], [1, 3, 1]], [[2, 3, 4, 5], [5]], [[2, 1, 1, 3], [1, 4, 5, 3]], [[2, 1, 2, 1, 3], [1, 3, 1, 2, 1]]] as const; // prettier-ignore

const unary = (low = -2, high = 2, attributes: object = {}): Cases =>
  SHAPES.map((shape) => call({ x: numbers(shape, low, high) }, attributes));
const binary = (low = -2, high = 2): Cases => [
  ...PAIRS.flatMap(([a, b]) => [
    call({ a: numbers(a, low, high), b: numbers(b, low, high) }),
    call({ a: numbers(b, low, high), b: numbers(a, low, high) }),
  ]),
];
const binaryWithWhole = (): Cases => [...binary(), call({ a: whole([3, 1]), b: whole([1, 4]) }), call({ a: whole([]), b: whole([5]) })];

const AXES = [[[7], [0]], [[3, 5], [0]], [[3, 5], [1]], [[3, 5], [0, 1]], [[300, 3], [0]], [[3, 300], [1]], [[2, 3, 5], [1]], [[2, 3, 5], [0, 2]], [[2, 3, 4, 5], [1, 2]], [[1, 2, 1, 3], [0, 3]], [[2, 1, 2, 3, 3], [1, 4]]] as const; // prettier-ignore
const reduction = (name: 'axis' | 'reductionIndices'): Cases =>
  AXES.flatMap(([shape, axes]) => [false, true].map((keepDims) => call({ x: numbers(shape) }, { [name]: [...axes], keepDims })));

/** Convolutions: [input, filter, strides, padding, dilation]. */
const CONVOLUTIONS = [
  [[1, 1, 1, 1], [1, 1, 1, 1], 1, 'valid', 1],
  [[2, 5, 3, 2], [3, 3, 2, 3], 1, 'same', 1],
  [[1, 7, 5, 3], [3, 3, 3, 5], 2, 'same', 1],
  [[2, 8, 6, 4], [3, 3, 4, 8], 2, 1, 1],
  [[1, 6, 9, 1], [2, 4, 1, 7], [2, 3], 'valid', 1],
  [[3, 4, 4, 4], [1, 1, 4, 4], 1, 'same', 1],
  [[2, 5, 5, 6], [1, 1, 6, 3], 2, 'valid', 1],
  [[1, 3, 3, 2], [5, 5, 2, 2], 1, 'same', 1],
  [[1, 5, 5, 2], [2, 2, 2, 3], 1, [[0, 0], [1, 0], [0, 2], [0, 0]], 1],
  [[2, 7, 7, 2], [3, 3, 2, 2], 1, 'same', 2],
] as const; // prettier-ignore
type Convolution = (typeof CONVOLUTIONS)[number];
const settingsOf = ([, , strides, pad, dilations]: Convolution): object => ({
  strides: typeof strides === 'number' ? strides : [...strides],
  pad: typeof pad === 'object' ? structuredClone(pad) : pad,
  dilations,
  dataFormat: 'NHWC',
  ...(typeof pad === 'string' ? {} : { dimRoundingMode: 'floor' }),
});
type Shape4 = [number, number, number, number];
const outputOf = ([x, filter, strides, pad, dilations]: Convolution): Shape4 =>
  backend_util.computeConv2DInfo([...x] as Shape4, [...filter] as Shape4, strides as number, dilations, structuredClone(pad) as 'same', typeof pad === 'string' ? undefined : 'floor').outShape; // prettier-ignore
const plain = CONVOLUTIONS.filter(([, , , , dilations]) => dilations === 1);

const product = (): Cases =>
  [[1, 1, 1, 1], [1, 3, 5, 2], [2, 7, 4, 9], [3, 33, 17, 5], [1, 1, 130, 1], [1, 65, 3, 66]].flatMap(([batch, m, k, n]) =>
    [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) =>
        call(
          { a: numbers([batch!, ...(transposeA ? [k!, m!] : [m!, k!])]), b: numbers([batch!, ...(transposeB ? [n!, k!] : [k!, n!])]) },
          { transposeA, transposeB },
        ),
      ),
    ),
  ); // prettier-ignore

const many = (count: number, shape: readonly number[]): readonly Value[] => Array.from({ length: count }, () => numbers(shape));

/** Kernel → its awkward calls. */
export const awkward: Readonly<Record<string, () => Cases>> = {
  Abs: () => unary(),
  Add: binaryWithWhole,
  AddN: () => [1, 2, 7, 8, 9, 20].map((count) => call(many(count, [3, 5]))),
  AvgPool: () =>
    (
      [
        [[1, 1, 1, 1], 1, 1, 'valid'],
        [[2, 4, 6, 3], 2, 2, 'valid'],
        [[1, 5, 5, 1], 3, 1, 'same'],
        [[2, 5, 3, 5], [3, 2], [2, 1], 'same'],
      ] as const
    ).map(
      // prettier-ignore
      ([x, filterSize, strides, pad]) => call({ x: numbers(x) }, { filterSize, strides, pad }),
    ),
  BatchMatMul: product,
  Cast: () => [
    call({ x: whole([3, 5]) }, { dtype: 'float32' }),
    call({ x: numbers([7], -3, 3) }, { dtype: 'int32' }),
    call({ x: flags([2, 3]) }, { dtype: 'float32' }),
    call({ x: numbers([]) }, { dtype: 'float32' }),
  ],
  ClipByValue: () => unary(-2, 2, { clipValueMin: -0.5, clipValueMax: 0.7 }),
  Concat: () => [
    call([numbers([2, 3]), numbers([2, 1])], { axis: 1 }),
    call([numbers([1, 3]), numbers([4, 3])], { axis: 0 }),
    call(many(12, [3]), { axis: 0 }),
    call([numbers([2, 1, 3]), numbers([2, 4, 3]), numbers([2, 2, 3])], { axis: 1 }),
    call([numbers([1, 2, 2, 3]), numbers([1, 2, 2, 5])], { axis: 3 }),
  ],
  Conv2D: () => CONVOLUTIONS.map((each) => call({ x: numbers(each[0]), filter: numbers(each[1]) }, settingsOf(each))),
  Conv2DBackpropFilter: () =>
    plain.map((each) => call({ x: numbers(each[0]), dy: numbers(outputOf(each)) }, { ...settingsOf(each), filterShape: [...each[1]] })),
  Conv2DBackpropInput: () =>
    plain.map((each) => call({ dy: numbers(outputOf(each)), filter: numbers(each[1]) }, { ...settingsOf(each), inputShape: [...each[0]] })),
  Cos: () => [...unary(-4, 4), call({ x: numbers([64], -1000, 1000) })],
  DepthwiseConv2dNative: () =>
    CONVOLUTIONS.map((each) =>
      call({ x: numbers(each[0]), filter: numbers([...each[1].slice(0, 3), 1 + (each[1][3] % 2)]) }, settingsOf(each)),
    ),
  Equal: () => [call({ a: whole([9, 1]), b: whole([1, 9]) }), call({ a: numbers([]), b: numbers([5]) })],
  Exp: () => [...unary(), call({ x: numbers([64], -80, 80) })],
  Fill: () => [[], [1], [3, 5], [2, 1, 2, 3]].map((shape) => call({}, { shape, value: 0.125, dtype: 'float32' })),
  FusedConv2D: () =>
    CONVOLUTIONS.map((each) =>
      call(
        { x: numbers(each[0]), filter: numbers(each[1]), bias: numbers([each[1][3]]) },
        { ...settingsOf(each), activation: 'linear', leakyreluAlpha: 0 },
      ),
    ),
  Identity: () => unary(),
  Max: () => reduction('reductionIndices'),
  Maximum: () => binaryWithWhole(),
  Mean: () => reduction('axis'),
  Multiply: binaryWithWhole,
  Neg: () => unary(),
  Pack: () => [call(many(3, []), { axis: 0 }), call(many(2, [3, 5]), { axis: 1 }), call(many(11, [2]), { axis: 1 })],
  Pow: () => binary(0.1, 3),
  RealDiv: () => binary(0.2, 2),
  Relu: () => unary(),
  Reshape: () => [call({ x: numbers([]) }, { shape: [1, 1] }), call({ x: numbers([2, 3, 5]) }, { shape: [5, 6] })],
  ResizeNearestNeighbor: () =>
    (
      [
        [
          [1, 1, 1, 1],
          [3, 2],
        ],
        [
          [2, 3, 5, 3],
          [6, 10],
        ],
        [
          [1, 7, 5, 2],
          [3, 4],
        ],
      ] as const
    ).map(
      // prettier-ignore
      ([images, size]) => call({ images: numbers(images) }, { alignCorners: false, halfPixelCenters: false, size: [...size] }),
    ),
  Round: () => [...unary(-3, 3), call({ x: { shape: [6], dtype: 'float32', values: Float32Array.of(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5) } })],
  Rsqrt: () => unary(0.01, 4),
  Select: () =>
    ([[], [7], [3, 5], [2, 1, 2, 3]] as const).map((shape) =>
      call({ condition: flags(shape), t: numbers(shape), e: numbers(shape) }),
    ), // prettier-ignore
  Sigmoid: () => [...unary(), call({ x: numbers([64], -100, 100) })],
  Sin: () => [...unary(-4, 4), call({ x: numbers([64], -1000, 1000) })],
  Slice: () =>
    (
      [
        [[7], [2], [3]],
        [
          [3, 5],
          [0, 4],
          [3, 1],
        ],
        [
          [2, 3, 5],
          [1, 0, 2],
          [1, 3, 3],
        ],
        [
          [2, 3, 4, 5],
          [0, 1, 1, 2],
          [2, 2, 1, 3],
        ],
        [
          [2, 1, 2, 3, 3],
          [1, 0, 0, 1, 0],
          [1, 1, 2, 2, 3],
        ],
      ] as const
    ).map(
      // prettier-ignore
      ([x, begin, size]) => call({ x: numbers(x) }, { begin: [...begin], size: [...size] }),
    ),
  Softmax: () => [[1], [7], [3, 5], [1, 300], [2, 3, 5]].map((shape) => call({ logits: numbers(shape, -9, 9) }, { dim: shape.length - 1 })),
  SplitV: () => [
    call({ x: numbers([7]) }, { numOrSizeSplits: [1, 6], axis: 0 }),
    call({ x: numbers([3, 5]) }, { numOrSizeSplits: [2, 2, 1], axis: 1 }),
    call({ x: numbers([2, 4, 3]) }, { numOrSizeSplits: [1, 1, 1, 1], axis: 1 }),
  ],
  Sqrt: () => unary(0, 4),
  Square: () => unary(),
  Sub: binaryWithWhole,
  Sum: () => [...reduction('axis'), call({ x: whole([3, 5]) }, { axis: [1], keepDims: false })],
  Tanh: () => [...unary(), call({ x: numbers([64], -50, 50) })],
  Tile: () =>
    (
      [
        [[1], [5]],
        [
          [3, 1],
          [2, 3],
        ],
        [
          [2, 3, 2],
          [1, 2, 3],
        ],
        [
          [1, 2, 1, 3],
          [2, 1, 3, 1],
        ],
        [
          [1, 2, 1, 1, 2],
          [2, 1, 1, 3, 1],
        ],
      ] as const
    ).map(
      // prettier-ignore
      ([x, reps]) => call({ x: numbers(x) }, { reps: [...reps] }),
    ),
  Transpose: () =>
    (
      [
        [
          [3, 5],
          [1, 0],
        ],
        [
          [33, 17],
          [1, 0],
        ],
        [
          [2, 3, 5],
          [2, 0, 1],
        ],
        [
          [2, 3, 4, 5],
          [0, 2, 1, 3],
        ],
        [
          [2, 3, 4, 5],
          [3, 1, 0, 2],
        ],
        [
          [2, 1, 2, 3, 3],
          [4, 0, 3, 1, 2],
        ],
      ] as const
    ).map(
      // prettier-ignore
      ([x, perm]) => call({ x: numbers(x) }, { perm: [...perm] }),
    ),
  ZerosLike: () => unary(),
};
