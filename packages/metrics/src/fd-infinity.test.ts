import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechet } from './frechet.ts';
import { rawExtractor } from './raw-extractor.ts';
import type { ReferenceStatistics } from './reference-statistics.ts';

/** N(0, I) itself. */
const standard = (d: number): ReferenceStatistics => ({
  mean: new Float64Array(d),
  covariance: Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0)),
  source: 'N(0, I)',
});
const zeros = (d: number): number[] => new Array<number>(d).fill(0);

const judge = async (rows: Float32Array, d: number, options: Parameters<typeof frechet>[0], seed = 1n) => {
  const accumulator = await frechet(options).start({ extractor: rawExtractor([d]), seed });
  await addRows(accumulator, rows, [d]);
  return accumulator.result();
};
const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('FD∞', () => {
  it('of N(0, I₆₄) from itself is 0, where FD is .109 at n = 10 000 (half of objectives.md 6.1: one side is exact)', async () => {
    const d = 64;
    const against = standard(d);
    const results = [];
    for (const seed of [1, 2, 3]) {
      const rows = normalRows(seed, 10_000, zeros(d));
      results.push({ far: await judge(rows, d, { against, infinity: true }), near: await judge(rows, d, { against }) });
    }
    const [far, near] = [average(results.map((r) => r.far.value)), average(results.map((r) => r.near.value))];
    expect(Math.abs(near - 0.109)).toBeLessThan(0.006); // spread of one .0036
    // Spread of one .0048, and −.0022 of what is not linear at n/8 = 1250.
    expect(Math.abs(far)).toBeLessThan(0.0022 + (3.5 * 0.0048) / Math.sqrt(3));
    for (const r of results) {
      expect(r.far.name).toBe('FD∞-raw');
      expect(r.far.details).toMatchObject({ smallestSubset: 1250, reference: 'N(0, I)' });
      expect(r.far.details['valueAtN']).toBeCloseTo(r.near.value, 12);
      expect(r.far.details['warning']).toBeUndefined();
      const [low, high] = r.far.interval!;
      expect(high - low).toBeLessThan(0.04);
      expect(low).toBeLessThan(0.003);
      expect(high).toBeGreaterThan(-0.003);
    }
  });

  it('of a law that is off is that law’s distance', async () => {
    // N(m, .9² I) from N(0, I): ‖m‖² + d (1 − .9)² = .25 + .16.
    const d = 16;
    const means = zeros(d).map((_, i) => (i === 0 ? 0.5 : 0));
    const results = await Promise.all(
      [11, 12, 13, 14, 15, 16].map((seed) => judge(normalRows(seed, 1000, means, 0.9), d, { against: standard(d), infinity: true })),
    );
    expect(Math.abs(average(results.map(({ value }) => value)) - 0.41)).toBeLessThan((3.5 * 0.033) / Math.sqrt(6));
    expect(results.filter(({ interval: i }) => i![0] <= 0.41 && 0.41 <= i![1]).length).toBeGreaterThanOrEqual(4);
  });

  it('leaves the bias of a finite reference in, and says what the floor is', async () => {
    const d = 16;
    const context = { extractor: rawExtractor([d]), reference: datasetOf(normalRows(21, 2000, zeros(d)), [d]), seed: 1n };
    const accumulator = await frechet({ infinity: true }).start(context);
    await addRows(accumulator, normalRows(22, 1000, zeros(d)), [d]);
    const { value, floor } = await accumulator.result();
    // About d(d + 3)/4m (.04 at m = 2000): by m rows, in the value; of 1000 against the other 1000, twice that, in the floor.
    expect(Math.abs(value - 0.04)).toBeLessThan(0.05);
    expect(Math.abs(floor! - 0.08)).toBeLessThan(0.06);
  });

  it('is a function of rows and seed: subsets are drawn by it, order and split do not matter', async () => {
    const d = 4;
    const rows = normalRows(31, 640, zeros(d));
    const options = { against: standard(d), infinity: true };
    const one = await judge(rows, d, options);
    expect((await judge(rows, d, options)).value).toBe(one.value);
    expect((await judge(rows, d, options, 2n)).value).not.toBe(one.value);
    const shards = await frechet(options).start({ extractor: rawExtractor([d]), seed: 1n });
    const later = await frechet(options).start({ extractor: rawExtractor([d]), seed: 1n });
    await addRows(later, rows.slice(301 * d), [d], { first: 301 });
    shards.merge(later.state());
    await addRows(shards, rows.slice(0, 301 * d), [d]);
    expect((await shards.result()).value).toBeCloseTo(one.value, 10);
  });

  it('warns where subsets are too small for a line, and refuses fewer than 64 rows', async () => {
    const d = 32;
    const { details } = await judge(normalRows(41, 400, zeros(d)), d, { against: standard(d), infinity: true });
    expect(details['warning']).toMatch(/smallest subset, of (49|50|51) rows, is not well above the 32 features/);
    await expect(judge(normalRows(42, 63, zeros(2)), 2, { against: standard(2), infinity: true })).rejects.toThrow(/too few rows/);
  });
});
