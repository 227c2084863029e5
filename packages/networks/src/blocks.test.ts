import {
  add,
  div,
  mean,
  memory,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  tensor4d,
  tidy,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { checkDerivative, randn, type Fn } from '../test/derivatives.ts';
import { attention } from './attention.ts';
import { convolution } from './convolution.ts';
import { groupNorm } from './group-norm.ts';
import { patched, unpatched } from './patch.ts';
import { double, halve } from './resample.ts';
import { sigmoid, silu } from './silu.ts';
import { softmax } from './softmax.ts';
import { spatialMean, spread } from './spatial-mean.ts';

const four = (x: Tensor | undefined): Tensor4D => x as Tensor4D;
const smooth = { filter: [1, 3, 3, 1], padding: 1 };
const pair = { filter: [1, 1], padding: 0 };
const image = [2, 4, 4, 8];

/** Linear maps are squared, so that there is a second derivative to check. */
const blocks: readonly (readonly [string, Fn, readonly (readonly number[])[]])[] = [
  ['sigmoid', (x) => sigmoid(x), [[3, 7]]],
  ['SiLU', (x) => silu(x), [[3, 7]]],
  ['softmax', (x) => softmax(x), [[3, 7]]],
  ['spatial mean', (x) => square(spatialMean(four(x))), [image]],
  ['spread', (x) => square(spread(four(x), 3, 2)), [[2, 1, 1, 8]]],
  ['group norm', (x, a, b, t) => square(groupNorm(four(x), { groups: 2, scale: a, shift: b, offset: t })), [image, [8], [8], [8]]],
  ['group norm, SiLU', (x, a, b) => groupNorm(four(x), { groups: 2, scale: a, shift: b, activate: true }), [image, [8], [8]]],
  [
    'group norm with FiLM, offset and SiLU',
    (x, a, b, t) => groupNorm(four(x), { groups: 4, scale: a, shift: b, offset: t, activate: true }),
    [image, [2, 8], [2, 8], [2, 8]],
  ],
  ['halving', (x) => square(halve(four(x), pair)), [image]],
  ['doubling', (x) => square(double(four(x), pair)), [image]],
  ['halving, smooth', (x) => square(halve(four(x), smooth)), [image]],
  ['doubling, smooth', (x) => square(double(four(x), smooth)), [image]],
  ['halving, smooth, no padding', (x) => square(halve(four(x), { ...smooth, padding: 0 })), [[2, 6, 6, 3]]],
  ['convolution 3×3', (x, w) => square(convolution(four(x), four(w))), [image, [3, 3, 8, 5]]],
  ['convolution 3×3 with bias', (x, w, b) => square(convolution(four(x), four(w), b as Tensor1D)), [image, [3, 3, 8, 5], [5]]],
  ['convolution 3×3, padding 2', (x, w, b) => square(convolution(four(x), four(w), b as Tensor1D, 2)), [image, [3, 3, 8, 5], [5]]],
  ['convolution 1×1', (x, w, b) => square(convolution(four(x), four(w), b as Tensor1D)), [image, [1, 1, 8, 5], [5]]],
  ['attention', (x, w, b) => attention(four(x), four(w), b as Tensor1D), [image, [1, 1, 8, 24], [24]]],
  ['patches', (x) => square(patched(four(x), 2)), [image]],
  ['patches, back', (x) => square(unpatched(four(x), 2)), [image]],
];

describe('first and second derivatives are those of finite differences, and leave no tensor behind', () => {
  it.each(blocks)('%s', async (_name, f, shapes) => {
    const inputs = shapes.map((shape, i) => randn(shape, i, shape.length === 4 && i > 0 ? 0.3 : 1));
    for (const order of [1, 2] as const) {
      const { analytic, numeric, leaked } = await checkDerivative(order, f, inputs);
      expect(Math.abs(numeric), `order ${order}`).toBeGreaterThan(1e-3);
      expect(Math.abs(analytic - numeric), `order ${order}`).toBeLessThan(1e-3 * order * (1 + Math.abs(numeric)));
      expect(leaked).toBe(0);
    }
    for (const t of inputs) t.dispose();
  });
});

const values = async (make: () => Tensor): Promise<number[]> => {
  const result = tidy(make);
  const data = [...(await result.data())];
  result.dispose();
  return data;
};
const worst = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)), a.length === b.length ? 0 : Infinity);

describe('values', () => {
  it('group norm is its definition, at a mean far from 0 too', async () => {
    const x = randn([2, 4, 4, 8], 0);
    const [a, b, t] = [randn([8], 1), randn([8], 2), randn([2, 8], 3)];
    const got = await values(() => groupNorm(add<Tensor4D>(x, 50), { groups: 2, scale: a, shift: b, offset: t, epsilon: 1e-6 }));
    const expected = await values(() => {
      const grouped = reshape(add(add(x, 50), reshape(t, [2, 1, 1, 8])), [2, 16, 2, 4]);
      const centred = sub(grouped, mean(grouped, [1, 3], true));
      const normed = reshape(div(centred, sqrt(add(mean(square(centred), [1, 3], true), 1e-6))), [2, 4, 4, 8]);
      return add(mul(normed, a), b);
    });
    expect(worst(got, expected)).toBeLessThan(2e-5);
    for (const u of [x, a, b, t]) u.dispose();
  });

  it('doubling with [1, 3, 3, 1] is the transposed convolution with 4 f', async () => {
    // One pixel of 1 at (1, 1) of 3×3 becomes 4 f ⊗ f around (2…5, 2…5), less the frame.
    const point = tensor4d([0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 3, 3, 1]);
    const taps = [0, 0.25, 0.75, 0.75, 0.25, 0];
    const got = await values(() => double(point, smooth));
    expect(
      worst(
        got,
        taps.flatMap((p) => taps.map((q) => p * q)),
      ),
    ).toBeLessThan(1e-6);
    point.dispose();
  });

  it('halving and doubling are adjoint, up to 4', async () => {
    const x = randn([1, 6, 6, 2], 0) as Tensor4D;
    for (const resampling of [pair, smooth]) {
      const y = randn([1, 3, 3, 2], 1) as Tensor4D;
      const [left] = await values(() => sum(mul(halve(x, resampling), y)));
      const [right] = await values(() => sum(mul(double(y, resampling), x)));
      expect(4 * left!).toBeCloseTo(right!, 4);
      y.dispose();
    }
    x.dispose();
  });

  it('patches put row, then column, then channel into the channels, and back', async () => {
    const x = tensor4d([...Array(16).keys()], [1, 4, 4, 1]);
    expect((await values(() => patched(x, 2))).slice(0, 8)).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
    expect(await values(() => unpatched(patched(x, 2), 2))).toEqual([...Array(16).keys()]);
    x.dispose();
  });

  it('a forward pass leaves nothing behind', () => {
    const x = randn(image, 0) as Tensor4D;
    const a = randn([8], 1);
    const before = memory().numTensors;
    groupNorm(x, { groups: 2, scale: a, shift: a, activate: true }).dispose();
    expect(memory().numTensors).toBe(before);
    x.dispose();
    a.dispose();
  });
});
