import * as tf from '@tensorflow/tfjs-core';
import { add, getBackend, grad, memory, mul, setBackend, sub, sum, tensor, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectEngine } from '../select.ts';

/**
 * Every gradient is held against central differences, along a random direction: its own (order 1), and that of a function of it (order 2).
 * float32, Richardson's extrapolation of steps 2h and h = 2⁻⁶: agreement to 2e-3 of the size of the numbers.
 */
const TOLERANCE = 2e-3;
const STEP = 2 ** -6;

const original = getBackend();
/** Always these two, and what the suites run on. */
const engines = [...new Set(['cpu', 'wasm', process.env['TWEEDIE_BACKEND'] || 'wasm'])];
beforeAll(async () => {
  for (const engine of engines) await selectEngine({ engine });
});
afterAll(async () => {
  await setBackend(original);
});

/** Well spread numbers in [low, high), none near another: no ties, no kinks within a step of an integer multiple of `gap`. */
const spreadOut = (shape: number[], low: number, high: number, seed: number): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  const order = Array.from({ length: n }, (_, i) => (i * 7919 + seed * 104729) % n);
  const used = new Set<number>();
  const values = order.map((rank) => {
    while (used.has(rank)) rank = (rank + 1) % n;
    used.add(rank);
    return low + ((high - low) * (rank + 0.5)) / n;
  });
  return tensor(values, shape);
};

type Case = { name: string; f: (x: Tensor) => Tensor; shape?: number[]; range?: [number, number]; orders?: 1 | 2 };

/** ⟨f(x), c⟩ with fixed, unequal c: a scalar function whose gradient meets every element of f. */
const weighted =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Scalar => {
    const y = f(x);
    return sum(mul(y, spreadOut(y.shape, 0.3, 1.7, 3))) as Scalar;
  };

const value = async (f: () => Tensor): Promise<number> => {
  const y = tidy(f);
  const [number] = await y.data();
  y.dispose();
  return number!;
};

const holds = async (f: (x: Tensor) => Scalar, x: Tensor, what: string): Promise<void> => {
  const v = spreadOut(x.shape, -1, 1, 5);
  const got = await value(() => sum(mul(grad(f)(x), v)));
  const difference = async (h: number): Promise<number> =>
    ((await value(() => f(add(x, mul(v, h))))) - (await value(() => f(sub(x, mul(v, h)))))) / (2 * h);
  const [coarse, fine] = [await difference(2 * STEP), await difference(STEP)];
  const expected = (4 * fine - coarse) / 3;
  v.dispose();
  expect(Math.abs(got - expected) / Math.max(1, Math.abs(expected)), `${what}: got ${got}, finite differences ${expected}`).toBeLessThan(
    TOLERANCE,
  );
};

const fixed = (shape: number[], low = -1, high = 1): Tensor => spreadOut(shape, low, high, 11);

const unary: Case[] = [
  ...(
    [
      'abs',
      'asinh',
      'atan',
      'cos',
      'erf',
      'exp',
      'expm1',
      'sigmoid',
      'sin',
      'softplus',
      'square',
      'tanh',
      'relu',
      'relu6',
      'elu',
      'selu',
      'cosh',
      'sinh',
      'tan',
    ] as const
  ).map((name): Case => ({ name, f: (x) => tf[name](x), range: [-1.2, 1.2] })),
  ...(['log', 'log1p', 'reciprocal', 'rsqrt', 'sqrt'] as const).map((name): Case => ({ name, f: (x) => tf[name](x), range: [0.5, 2] })),
  ...(['acos', 'asin', 'atanh'] as const).map((name): Case => ({ name, f: (x) => tf[name](x), range: [-0.7, 0.7] })),
  { name: 'acosh', f: (x) => tf.acosh(x), range: [1.5, 3] },
  { name: 'leakyRelu', f: (x) => tf.leakyRelu(x, 0.3) },
  { name: 'clipByValue', f: (x) => mul(tf.clipByValue(x, -0.4, 0.6), x) },
  { name: 'neg', f: tf.neg, orders: 1 },
  { name: 'swish, x·sigmoid(x)', f: (x) => mul(x, tf.sigmoid(x)) },
  { name: 'swish of a cube', f: (x) => mul(tf.sigmoid(mul(x, mul(x, x))), x) },
  {
    name: 'floor, ceil, round, sign, step beside a square',
    f: (x) => mul(tf.square(x), add(tf.step(x), add(tf.sign(x), tf.floor(mul(x, 0.3))))),
    range: [0.4, 1.4],
  },
  { name: 'cast', f: (x) => tf.cast(tf.square(x), 'float32') },
];

const binary: Case[] = [
  { name: 'add, sub with broadcasting', f: (x) => tf.square(sub(add(x, fixed([3, 1])), tf.slice(x, [0, 0], [1, 4]))), shape: [3, 4] },
  { name: 'mul of a row and a column', f: (x) => mul(tf.slice(x, [0, 0], [3, 1]), tf.slice(x, [0, 0], [1, 4])), shape: [3, 4] },
  { name: 'div', f: (x) => tf.div(fixed([3, 4]), add(tf.square(x), 1)), shape: [3, 4] },
  { name: 'div by a broadcast row', f: (x) => tf.div(x, tf.slice(x, [0, 0], [1, 4])), shape: [3, 4], range: [0.6, 2] },
  { name: 'pow, in the base', f: (x) => tf.pow(x, 3), range: [0.5, 1.5] },
  { name: 'pow, of a negative base', f: (x) => tf.pow(x, 2) },
  { name: 'pow, in both', f: (x) => tf.pow(x, mul(x, 0.7)), range: [0.5, 1.5] },
  { name: 'squaredDifference', f: (x) => tf.squaredDifference(x, tf.square(x)) },
  { name: 'maximum, minimum', f: (x) => add(tf.maximum(x, mul(tf.square(x), 1.25)), tf.minimum(tf.square(x), 0.36)) },
  { name: 'atan2', f: (x) => tf.atan2(x, add(1, tf.square(x))) },
  { name: 'mod', f: (x) => tf.mod(tf.square(x), 0.61), range: [0.1, 0.7] },
  { name: 'prelu', f: (x) => tf.prelu(x, tf.square(tf.slice(x, [0, 0], [1, 4]))), shape: [3, 4] },
  { name: 'where', f: (x) => tf.where(tf.greater(x, 0.2), tf.square(x), mul(x, mul(x, x))) },
  { name: 'addN', f: (x) => tf.addN([x, tf.square(x), mul(x, 2)]) },
];

const reductions: Case[] = [
  { name: 'sum over the first axis', f: (x) => tf.square(sum(x, 0)), shape: [3, 4] },
  { name: 'sum over the last axis, kept', f: (x) => mul(x, sum(x, -1, true)), shape: [3, 4] },
  { name: 'sum of everything', f: (x) => tf.square(sum(x)), shape: [3, 4] },
  { name: 'mean over outer and inner axes', f: (x) => tf.square(tf.mean(x, [0, 2])), shape: [2, 3, 4] },
  { name: 'max', f: (x) => tf.square(tf.max(x, 1)), shape: [3, 4] },
  { name: 'min over two axes', f: (x) => mul(x, tf.min(x, [0, 1], true)), shape: [3, 4] },
  { name: 'prod', f: (x) => tf.prod(x, 1), shape: [3, 4], range: [0.5, 1.5], orders: 1 },
  { name: 'cumsum', f: (x) => tf.square(tf.cumsum(x, 1)), shape: [3, 4] },
  { name: 'cumsum, exclusive, reverse, not of the last axis', f: (x) => tf.square(tf.cumsum(x, 1, true, true)), shape: [2, 3, 2] },
  { name: 'softmax', f: (x) => tf.softmax(x), shape: [3, 4] },
  { name: 'softmax attention', f: (x) => tf.matMul(tf.softmax(tf.matMul(x, x, false, true)), x), shape: [3, 4] },
  { name: 'logSumExp', f: (x) => tf.logSumExp(x, 1), shape: [3, 4] },
  { name: 'moments', f: (x) => mul(x, tf.rsqrt(add(tf.moments(x, [1], true).variance, 0.1))), shape: [3, 4] },
];

const shapes: Case[] = [
  { name: 'reshape, expandDims, squeeze', f: (x) => tf.square(tf.squeeze(tf.expandDims(tf.reshape(x, [2, 6]), 1))), shape: [3, 4] },
  { name: 'transpose', f: (x) => mul(tf.transpose(tf.square(x), [2, 0, 1]), fixed([4, 2, 3])), shape: [2, 3, 4] },
  { name: 'concat, split', f: (x) => tf.concat(tf.split(tf.square(x), [1, 3], 1).toReversed(), 1), shape: [3, 4] },
  { name: 'stack, unstack', f: (x) => tf.stack(tf.unstack(tf.square(x), 1).toReversed(), 0), shape: [3, 4] },
  { name: 'slice, pad', f: (x) => tf.square(tf.pad(tf.slice(x, [1, 1], [2, 2]), [[1, 0], [2, 1]])), shape: [3, 4] }, // prettier-ignore
  { name: 'mirrorPad, reflect', f: (x) => tf.square(tf.mirrorPad(x, [[2, 1], [1, 3]], 'reflect')), shape: [3, 4] }, // prettier-ignore
  { name: 'mirrorPad, symmetric', f: (x) => tf.square(tf.mirrorPad(x, [[3, 1], [0, 4]], 'symmetric')), shape: [3, 4] }, // prettier-ignore
  { name: 'tile', f: (x) => tf.square(tf.tile(x, [2, 1, 3])), shape: [2, 3, 2] },
  { name: 'tile of rank 5', f: (x) => tf.square(tf.tile(x, [1, 2, 1, 1, 2])), shape: [1, 2, 1, 2, 2] },
  { name: 'broadcastTo', f: (x) => tf.square(tf.broadcastTo(x, [2, 3, 4])), shape: [3, 1] },
  { name: 'reverse', f: (x) => mul(x, tf.reverse(tf.square(x), 1)), shape: [3, 4] },
  { name: 'gather along the first axis', f: (x) => tf.square(tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'))), shape: [3, 4] },
  { name: 'gather along the second axis, a table of indices', f: (x) => tf.square(tf.gather(x, tf.tensor2d([[3, 0], [3, 1]], [2, 2], 'int32'), 1)), shape: [3, 4, 2] }, // prettier-ignore
  { name: 'unsortedSegmentSum', f: (x) => tf.square(tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1], 'int32'), 3)), shape: [3, 4] },
  { name: 'spaceToBatchND, batchToSpaceND', f: (x) => tf.square(tf.spaceToBatchND(tf.batchToSpaceND(tf.square(x), [2, 2], [[0, 0], [0, 0]]), [2, 2], [[0, 0], [0, 0]])), shape: [4, 2, 2, 1] }, // prettier-ignore
];

const products: Case[] = [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): Case => {
      const [a, b] = [transposeA ? [2, 4, 3] : [2, 3, 4], transposeB ? [2, 5, 4] : [2, 4, 5]];
      return {
        name: `matMul ${transposeA ? 'aᵀ' : 'a'}${transposeB ? 'bᵀ' : 'b'}, in both`,
        shape: [64],
        f: (x) => tf.matMul(tf.reshape(tf.slice(x, 0, 24), a), tf.reshape(tf.slice(x, 24, 40), b), transposeA, transposeB),
      };
    }),
  ),
  ...(
    [
      { name: 'same', strides: 1, pad: 'same', dilations: 1 },
      { name: 'stride 2, valid', strides: 2, pad: 'valid', dilations: 1 },
      { name: 'stride 2, pad 1', strides: 2, pad: 1, dilations: 1 },
      { name: 'dilation 2', strides: 1, pad: 'same', dilations: 2 },
    ] as const
  ).flatMap(({ name, strides, pad, dilations }): Case[] => [
    {
      name: `conv2d, ${name}, in both`,
      shape: [50 * 2 + 36],
      f: (x) =>
        tf.conv2d(
          tf.reshape<tf.Rank.R4>(tf.slice(x, 0, 100), [2, 5, 5, 2]),
          tf.reshape<tf.Rank.R4>(tf.slice(x, 100, 36), [3, 3, 2, 2]),
          strides,
          pad,
          'NHWC',
          dilations,
        ),
    },
    {
      name: `depthwiseConv2d, ${name}, in both`,
      shape: [100 + 36],
      f: (x) =>
        tf.depthwiseConv2d(
          tf.reshape<tf.Rank.R4>(tf.slice(x, 0, 100), [2, 5, 5, 2]),
          tf.reshape<tf.Rank.R4>(tf.slice(x, 100, 36), [3, 3, 2, 2]),
          strides,
          pad,
          'NHWC',
          dilations,
        ),
    },
  ]),
  {
    name: 'depthwiseConv2d, dilation 1 × 2, in both',
    shape: [100 + 36],
    f: (x) =>
      tf.depthwiseConv2d(
        tf.reshape<tf.Rank.R4>(tf.slice(x, 0, 100), [2, 5, 5, 2]),
        tf.reshape<tf.Rank.R4>(tf.slice(x, 100, 36), [3, 3, 2, 2]),
        1,
        'same',
        'NHWC',
        [1, 2],
      ),
  },
  {
    name: 'conv2d 1×1, in both',
    shape: [100 + 6],
    f: (x) =>
      tf.conv2d(
        tf.reshape<tf.Rank.R4>(tf.slice(x, 0, 100), [2, 5, 5, 2]),
        tf.reshape<tf.Rank.R4>(tf.slice(x, 100, 6), [1, 1, 2, 3]),
        1,
        'same',
      ),
  },
  {
    name: 'conv2dTranspose, stride 2, in both',
    shape: [36 + 36],
    f: (x) =>
      tf.conv2dTranspose(
        tf.reshape<tf.Rank.R4>(tf.slice(x, 0, 36), [2, 3, 3, 2]),
        tf.reshape<tf.Rank.R4>(tf.slice(x, 36, 36), [3, 3, 2, 2]),
        [2, 6, 6, 2],
        2,
        'same',
      ),
  },
  {
    name: 'batchNorm',
    shape: [3, 4],
    f: (x) =>
      tf.batchNorm(
        x,
        tf.mean(x, 0) as tf.Tensor1D,
        add(tf.mean(tf.square(x), 0), 0.5) as tf.Tensor1D,
        tf.ones([4]),
        tf.slice(tf.reshape(x, [12]), 0, 4),
        0.1,
      ),
  },
];

const resampling: Case[] = [
  { name: 'avgPool 2×2', f: (x) => tf.square(tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid')), shape: [2, 4, 4, 2] },
  { name: 'avgPool 3×3, overlapping, same', f: (x) => tf.square(tf.avgPool(x as tf.Tensor4D, 3, 1, 'same')), shape: [2, 4, 4, 2] },
  { name: 'maxPool', f: (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), shape: [2, 4, 4, 2], orders: 1 },
  { name: 'resizeNearestNeighbor', f: (x) => tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [6, 6])), shape: [2, 3, 3, 2] },
  {
    name: 'resizeNearestNeighbor, half pixels',
    f: (x) => tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [6, 6], false, true)),
    shape: [2, 3, 3, 2],
  },
  { name: 'resizeBilinear', f: (x) => tf.square(tf.image.resizeBilinear(x as tf.Tensor4D, [5, 7])), shape: [2, 3, 3, 2] },
];

/** A block like a network's: convolution, normalisation, SiLU, attention, resampling. */
const block: Case = {
  name: 'convolution, GroupNorm, SiLU, attention, pooling and up-sampling together',
  shape: [2, 4, 4, 4],
  f: (x) => {
    const h = tf.conv2d(x as tf.Tensor4D, fixed([3, 3, 4, 4], -0.3, 0.3) as tf.Tensor4D, 1, 'same');
    const groups = tf.reshape(h, [2, 16, 2, 2]);
    const { mean, variance } = tf.moments(groups, [1, 3], true);
    const normal = tf.reshape(mul(sub(groups, mean), tf.rsqrt(add(variance, 0.5))), [2, 4, 4, 4]);
    const active = mul(normal, tf.sigmoid(normal));
    const q = tf.reshape(active, [2, 16, 4]);
    const attended = tf.reshape(tf.matMul(tf.softmax(tf.matMul(q, q, false, true)), q), [2, 4, 4, 4]);
    return tf.image.resizeNearestNeighbor(tf.avgPool(attended as tf.Tensor4D, 2, 2, 'valid') as tf.Tensor4D, [4, 4]);
  },
};

describe.each(engines)('gradients on %s', (engine) => {
  beforeAll(async () => {
    await selectEngine({ engine });
  });

  describe.each(Object.entries({ unary, binary, reductions, shapes, products, resampling, block: [block] }))('%s', (_, cases) => {
    it.each(cases)('$name', async ({ name, f, shape = [2, 6], range: [low, high] = [-1.2, 1.2], orders = 2 }) => {
      const before = memory().numTensors;
      const x = spreadOut(shape, low, high, 1);
      await holds(weighted(f), x, `${name}, order 1`);
      const slope = (z: Tensor): Scalar => {
        const g = grad(weighted(f))(z);
        return sum(mul(g, add(fixed(g.shape), mul(g, 0.5)))) as Scalar;
      };
      if (orders === 2) await holds(slope, x, `${name}, order 2`);
      x.dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});
