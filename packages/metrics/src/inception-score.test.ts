import { judge as judgeAll, type Extractor } from '@tweedie/core';
import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { inceptionScore } from './inception-score.ts';
import { isGrouped } from './jackknife.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ create: () => inceptionScore(), expected: null });
testMetric({ title: 'inception-score in splits', create: () => inceptionScore({ splits: 3 }), expected: null });

/** Rows taken as logits. */
const classifier = (classes: number): Extractor => ({ ...rawExtractor([classes]), logits: rawExtractor([classes]).features });
const start = (classes: number, options: Parameters<typeof inceptionScore>[0] = {}, seed = 1n) =>
  inceptionScore(options).start({ extractor: classifier(classes), seed });
const judge = async (logits: Float32Array, classes: number, options: Parameters<typeof inceptionScore>[0] = {}, seed = 1n) => {
  const accumulator = await start(classes, options, seed);
  await addRows(accumulator, logits, [classes]);
  return accumulator.result();
};
const repeated = (rows: readonly (readonly number[])[], times: number): Float32Array =>
  Float32Array.from(Array.from({ length: times }, () => rows.flat()).flat());

describe('inception-score', () => {
  it('is 1 where all predictions are equal, K for K equally frequent classes without doubt', async () => {
    const all = await judge(repeated([[2, -1, 0.5]], 100), 3);
    expect(all.value).toBeCloseTo(1, 12);
    expect(all.name).toBe('IS-raw');
    const oneHot = Array.from({ length: 7 }, (_, k) => Array.from({ length: 7 }, (__, j) => (j === k ? 800 : -800)));
    expect((await judge(repeated(oneHot, 20), 7)).value).toBeCloseTo(7, 12);
  });

  it('is its closed form for two classes: exp( H(p̄) − H(a) ), natural logarithms', async () => {
    const a = 0.85;
    const sure = Math.log(a / (1 - a));
    // Three of four rows give a to the first class, one to the second.
    const mean = 0.75 * a + 0.25 * (1 - a);
    const entropy = (p: number): number => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    const rows = repeated([[sure, 0], [sure, 0], [0, sure], [sure + 3, 3]], 40); // prettier-ignore
    expect((await judge(rows, 2)).value).toBeCloseTo(Math.exp(entropy(mean) - entropy(a)), 6);
  });

  it('of shards is that of the whole, to 1e-10', async () => {
    const rows = normalRows(1, 200, [0, 1, 0], 3);
    const whole = await judge(rows, 3);
    const [left, right] = [await start(3), await start(3)];
    await addRows(left, rows.slice(0, 90), [3]);
    await addRows(right, rows.slice(90), [3], { first: 30 });
    right.merge(left.state());
    expect(Math.abs((await right.result()).value - whole.value)).toBeLessThan(1e-10);
    const nothing = await start(3);
    nothing.merge((await start(3)).state());
    nothing.merge(right.state());
    expect((await nothing.result()).value).toBe(whole.value);
    expect(() => nothing.merge(right.state())).toThrow(/came twice/);
  });

  it('averages over equal splits that the seed shuffles, with their population deviation', async () => {
    // In order, each split would hold one class alone and score 1.
    const rows = Float32Array.from([...repeated([[9, 0]], 100), ...repeated([[0, 9]], 100)]);
    const { value, details } = await judge(rows, 2, { splits: 4 });
    expect(value).toBeGreaterThan(1.9);
    expect(details['splits']).toBe(4);
    expect(details['splitDeviation']).toBeGreaterThan(0);
    expect(details['splitDeviation']).toBeLessThan(0.1);
    expect((await judge(rows, 2, { splits: 4 }, 5n)).value).not.toBe(value);
    // Of one row a split nothing can be said.
    await expect(judge(rows.slice(0, 6), 2, { splits: 2 })).rejects.toThrow(/too few rows/);
  });

  it('needs no labels and no real data, and refuses logits that are not finite and what is no classifier', async () => {
    async function* batches() {
      const { tensor2d } = await import('@tensorflow/tfjs-core');
      const images = tensor2d(normalRows(2, 40, [0, 0]), [40, 2]);
      yield { images, first: 0 };
      images.dispose();
    }
    const [result] = await judgeAll([inceptionScore()], { extractor: classifier(2), seed: 1n }, batches());
    expect(result!.value).toBeGreaterThan(1);
    expect(result!.details['warning']).toBeUndefined();
    expect((await judge(normalRows(2, 20, [0, 0]), 2)).details['warning']).toMatch(/20 rows a split for 2 classes/);
    const accumulator = await start(2);
    const { tensor2d } = await import('@tensorflow/tfjs-core');
    const logits = tensor2d([[0, NaN]]);
    await expect(addRows(accumulator, Float32Array.of(1, 2), [2], { logits, first: 7 })).rejects.toThrow(/image 7 is not finite/);
    logits.dispose();
    await expect(async () => inceptionScore().start({ extractor: rawExtractor([3]), seed: 1n })).rejects.toThrow(/no classifier/);
    expect(() => accumulator.merge(new Uint8Array(3))).toThrow();
    const wider = await start(3);
    await addRows(wider, normalRows(3, 4, [0, 0, 0]), [3]);
    await addRows(accumulator, normalRows(3, 4, [0, 0]), [2]);
    expect(() => accumulator.merge(wider.state())).toThrow(/another metric/);
  });

  it('knows its value without each group, and has an interval that covers', async () => {
    const rows = normalRows(4, 64, [0, 0.5, 0], 2);
    const accumulator = await start(3);
    await addRows(accumulator, rows, [3]);
    const left = isGrouped(accumulator) ? (await accumulator.leftOut())! : [];
    const others = await start(3);
    for (let row = 0; row < 64; row++) if (row % 16 !== 5) await addRows(others, rows.slice(3 * row, 3 * row + 3), [3], { first: row });
    expect(left[5]).toBeCloseTo((await others.result()).value, 12);
    const results = await Promise.all(Array.from({ length: 40 }, (_, k) => judge(normalRows(100 + k, 320, [0, 0.5, 0], 2), 3)));
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // below has probability 3e-3 at 95 %
  });

  it('warns of images in another range than the real ones', async () => {
    const context = { extractor: classifier(2), reference: datasetOf(normalRows(5, 50, [0, 0], 0.2), [2], [-1, 1]), seed: 1n };
    const accumulator = await inceptionScore().start(context);
    await addRows(accumulator, normalRows(6, 50, [0, 0], 0.2).map(Math.abs), [2]);
    expect((await accumulator.result()).details['warning']).toMatch(/no value is below 0/);
  });
});
