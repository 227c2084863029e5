import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { precisionRecall } from './precision-recall.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ create: () => precisionRecall(), expected: { value: 1, tolerance: 0 } });

const judge = async (real: Float32Array, got: Float32Array, d: number, options: Parameters<typeof precisionRecall>[0] = {}) => {
  const context = { reference: datasetOf(real, [d]), extractor: rawExtractor([d]), seed: 2n };
  const accumulator = await precisionRecall(options).start(context);
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};
const zeros = (d: number): number[] => new Array<number>(d).fill(0);

describe('precision-recall', () => {
  it('is 1, 1 of identical sets and 0, 0 of sets that are far apart', async () => {
    const rows = normalRows(1, 100, zeros(8));
    const same = await judge(rows, rows, 8);
    expect([same.details['precision'], same.details['recall'], same.value]).toEqual([1, 1, 1]);
    expect(same.name).toBe('PR-raw');
    const far = await judge(rows, normalRows(2, 100, zeros(8).fill(50)), 8);
    expect([far.details['precision'], far.details['recall'], far.value]).toEqual([0, 0, 0]);
  });

  it('is precision 1, recall ½ of half of the modes', async () => {
    const [one, other] = [normalRows(3, 60, [0, 0, 0]), normalRows(4, 60, [40, 0, 0])];
    const both = Float32Array.from([...one, ...other]);
    const { details, value } = await judge(both, one, 3);
    expect([details['precision'], details['recall']]).toEqual([1, 0.5]);
    expect(value).toBeCloseTo(2 / 3, 12);
    // And the other way round: all of one mode, half of what is judged in another.
    const turned = await judge(one, both, 3);
    expect([turned.details['precision'], turned.details['recall']]).toEqual([0.5, 1]);
  });

  it('equals its definition in float64: closed balls to the k-th nearest other row', async () => {
    const [real, got] = [normalRows(5, 40, zeros(3)), normalRows(6, 30, [0.8, 0, 0], 0.7)];
    const squared = (a: Float32Array, i: number, b: Float32Array, j: number): number =>
      [0, 1, 2].reduce((sum, c) => sum + (a[3 * i + c]! - b[3 * j + c]!) ** 2, 0);
    const radii = (rows: Float32Array, n: number, k: number): number[] =>
      Array.from({ length: n }, (_, i) => {
        const others = Array.from({ length: n }, (__, j) => j).filter((j) => j !== i);
        return others.map((j) => squared(rows, i, rows, j)).sort((p, q) => p - q)[k - 1]!;
      });
    const inside = (a: Float32Array, n: number, b: Float32Array, m: number, k: number): number => {
      const r = radii(b, m, k);
      return Array.from({ length: n }, (_, i) => r.some((radius, j) => squared(a, i, b, j) <= radius)).filter(Boolean).length / n;
    };
    for (const k of [1, 3, 5]) {
      const { details } = await judge(real, got, 3, { k });
      expect(details).toMatchObject({ k, precision: inside(got, 30, real, 40, k), recall: inside(real, 40, got, 30, k) });
    }
    // On the sphere: 2 is the nearest other of 0, and as far from it as 4 from 2.
    const line = await judge(Float32Array.of(0, 2), Float32Array.of(4, 5), 1, { k: 1 });
    expect(line.details['precision']).toBe(0.5);
  });

  it("has Wilson's interval of precision that covers, and the floor of real against real", async () => {
    const real = normalRows(7, 400, [0, 0]);
    const results = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const { details } = await judge(real, normalRows(100 + i, 150, [1.5, 0]), 2, { floor: false });
        const { precision, precisionLow, precisionHigh } = details as Record<string, number>;
        return { value: precision!, interval: [precisionLow!, precisionHigh!] as const };
      }),
    );
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // below has probability 3e-3 at 95 %
    const { floor, value } = await judge(real, normalRows(8, 150, [1.5, 0]), 2);
    expect(floor!).toBeGreaterThan(value);
    expect(floor!).toBeGreaterThan(0.85);
    expect((await judge(real, normalRows(8, 300, [0, 0]), 2)).floor).toBeUndefined();
  });

  it('warns where the two sides are of quite different size, and refuses fewer rows than neighbours', async () => {
    const real = normalRows(9, 200, [0, 0]);
    expect((await judge(real, normalRows(10, 50, [0, 0]), 2)).details['warning']).toMatch(/50 images against 200 real rows/);
    expect((await judge(real, normalRows(10, 50, [0, 0]), 2, { referenceRows: 60 })).details['warning']).toBeUndefined();
    await expect(judge(real, normalRows(10, 3, [0, 0]), 2)).rejects.toThrow(/too few rows were judged/);
    await expect(judge(normalRows(9, 3, [0, 0]), real, 2)).rejects.toThrow(/too few real rows/);
  });
});
