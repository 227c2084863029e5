import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { distanceName } from './distance-name.ts';
import { isGrouped } from './jackknife.ts';
import { kernelDistance } from './kernel-distance.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ title: 'kernel-distance, one subset of all', create: () => kernelDistance(), expected: null });
testMetric({ title: 'kernel-distance, on subsets', create: () => kernelDistance({ subsets: 3, subsetSize: 80 }), expected: null });

const filled = (d: number, value: number): number[] => new Array<number>(d).fill(value);
const start = (real: Float32Array, d: number, options: Parameters<typeof kernelDistance>[0] = {}, seed = 2n) =>
  kernelDistance(options).start({ reference: datasetOf(real, [d]), extractor: rawExtractor([d]), seed });
const judge = async (real: Float32Array, got: Float32Array, d: number, options: Parameters<typeof kernelDistance>[0] = {}, seed = 2n) => {
  const accumulator = await start(real, d, options, seed);
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

/** Of x ~ N(0, I_d) from y ~ N(m, I_d), A = ‖m‖² (objectives.md 6.4): E k of pairs xx, yy and xy. */
const closedForm = (d: number, A: number): number => {
  const xx = 1 + 3 / d;
  const xy = 1 + (3 * (A + d)) / d ** 2;
  const yy = 1 + (3 * A) / d + (3 * (A ** 2 + 2 * A + d)) / d ** 2 + (A ** 3 + 6 * A ** 2 + 3 * A * (d + 2)) / d ** 3;
  return xx + yy - 2 * xy;
};

describe('kernel-distance', () => {
  it('has the closed form 1.029297 at d = 16, ‖m‖² = 4', () => expect(closedForm(16, 4)).toBeCloseTo(1.029297, 6));

  it.each([
    [16, 4],
    [16, 1],
    [3, 2],
  ])('of N(0, I) from a shift in d = %i, ‖m‖² = %d, is its closed form', async (d, A) => {
    const n = 2000;
    const mean = filled(d, Math.sqrt(A / d));
    const { value, interval, name, details } = await judge(normalRows(1, n, filled(d, 0)), normalRows(2, n, mean), d, {
      subsetSize: n + 1,
    });
    // The jackknife holds the reference fixed, whose own error is of the same size or smaller: twice the half-width.
    const half = (interval![1] - interval![0]) / 2;
    expect(half).toBeLessThan(0.15 * closedForm(d, A));
    expect(Math.abs(value - closedForm(d, A))).toBeLessThan(2 * half);
    expect(name).toBe('KD-raw');
    expect(details['subsetRows']).toBe('all: 2000 against 2000');
  });

  it('equals the sum over pairs in float64, both diagonals left out and that between the sets kept', async () => {
    const [x, y] = [normalRows(3, 30, [0.3, 0]), normalRows(4, 40, [0, 0])];
    const k = (a: Float32Array, i: number, b: Float32Array, j: number): number =>
      ((a[2 * i]! * b[2 * j]! + a[2 * i + 1]! * b[2 * j + 1]!) / 2 + 1) ** 3;
    let [xx, yy, xy] = [0, 0, 0];
    for (let i = 0; i < 30; i++) for (let j = 0; j < 30; j++) if (i !== j) xx += k(x, i, x, j) / (30 * 29);
    for (let i = 0; i < 40; i++) for (let j = 0; j < 40; j++) if (i !== j) yy += k(y, i, y, j) / (40 * 39);
    for (let i = 0; i < 30; i++) for (let j = 0; j < 40; j++) xy += k(x, i, y, j) / (30 * 40);
    expect(Math.abs((await judge(y, x, 2)).value - (xx + yy - 2 * xy))).toBeLessThan(1e-5);
  });

  it('is unbiased: 0 on average between equal laws, on either side', async () => {
    const values = await Promise.all(
      Array.from({ length: 30 }, async (_, k) => (await judge(normalRows(200 + k, 60, [0, 0]), normalRows(300 + k, 60, [0, 0]), 2)).value),
    );
    const mean = values.reduce((a, b) => a + b) / values.length;
    const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
    expect(Math.abs(mean)).toBeLessThan((4 * sd) / Math.sqrt(values.length));
    expect(Math.min(...values)).toBeLessThan(0);
  });

  it('averages over subsets without replacement that the seed chooses, and says how they spread', async () => {
    const [real, got] = [normalRows(5, 500, [0, 0, 0, 0]), normalRows(6, 400, [0.5, 0, 0, 0])];
    const whole = await judge(real, got, 4, { subsetSize: 1000 });
    const [a, again, b] = await Promise.all([2n, 2n, 3n].map((seed) => judge(real, got, 4, { subsets: 8, subsetSize: 200 }, seed)));
    expect(a!.details).toMatchObject({ subsets: 8, subsetRows: 200 });
    expect(again!.value).toBe(a!.value);
    expect(b!.value).not.toBe(a!.value);
    const spread = a!.details['subsetDeviation'] as number;
    expect(spread).toBeGreaterThan(0);
    expect(Math.abs(a!.value - whole.value)).toBeLessThan((4 * spread) / Math.sqrt(8));
    // A subset of everything is everything: with replacement it would not be.
    const single = await judge(got, got, 4, { subsets: 1, subsetSize: 400 });
    expect(single.value).toBeCloseTo((await judge(got, got, 4, { subsetSize: 401 })).value, 9);
  });

  it('knows its value without each group: that of the others alone', async () => {
    const [real, got] = [normalRows(7, 80, [0, 0]), normalRows(8, 96, [0.4, 0])];
    const accumulator = await start(real, 2);
    await addRows(accumulator, got, [2]);
    const left = isGrouped(accumulator) ? (await accumulator.leftOut())! : [];
    for (const g of [0, 7]) {
      const others = await start(real, 2);
      for (let row = 0; row < 96; row++) if (row % 16 !== g) await addRows(others, got.slice(2 * row, 2 * row + 2), [2], { first: row });
      expect(left[g]).toBeCloseTo((await others.result()).value, 6);
    }
    const few = await start(real, 2);
    await addRows(few, got.slice(0, 100), [2]);
    expect((await few.result()).interval).toBeUndefined();
  });

  it('has an interval that covers', async () => {
    const real = normalRows(9, 500, [0, 0]);
    const results = await Promise.all(Array.from({ length: 40 }, (_, k) => judge(real, normalRows(100 + k, 160, [0.6, 0], 0.8), 2)));
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // 38 expected; below 34 has probability 3e-3 at 95 %
  });
});

it('only the Inception graph of 2015-12-05 gives an FID or a KID', () => {
  expect(distanceName('FD', { id: 'fid-inception-6726825d' })).toBe('FID');
  expect(distanceName('KD', { id: 'fid-inception-6726825d' })).toBe('KID');
  expect(distanceName('FD', { id: 'fid-inception-6726825e' })).toBe('FD-fid-inception-6726825e');
  expect(distanceName('KD', { id: 'cifarnet-12345678' })).toBe('KD-cifarnet-12345678');
});
