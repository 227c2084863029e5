import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { coverageOfEqualLaws, densityCoverage } from './density-coverage.ts';
import { isGrouped } from './jackknife.ts';
import { precisionRecall } from './precision-recall.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ create: () => densityCoverage(), expected: { value: 1, tolerance: 0 } });

const contextOf = (real: Float32Array, d: number) => ({ reference: datasetOf(real, [d]), extractor: rawExtractor([d]), seed: 2n });
const judge = async (real: Float32Array, got: Float32Array, d: number, options: Parameters<typeof densityCoverage>[0] = {}) => {
  const accumulator = await densityCoverage(options).start(contextOf(real, d));
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

describe('density-coverage', () => {
  it('is at its expected values for equal laws, whichever they are: density 1, coverage 1 − ∏(N − i)/(N + M − i)', async () => {
    const [N, M] = [60, 40];
    for (const [k, d, sd] of [
      [5, 2, 1],
      [2, 3, [1, 3, 0.2]],
    ] as const) {
      // prettier-ignore
      const [density, coverage]: [number[], number[]] = [[], []];
      for (let i = 0; i < 80; i++) {
        const mean = new Array<number>(d).fill(0);
        const { details, floor } = await judge(normalRows(1000 + i, N, mean, sd), normalRows(2000 + i, M, mean, sd), d, { k });
        density.push(details['density'] as number);
        coverage.push(details['coverage'] as number);
        expect(floor).toBe(coverageOfEqualLaws(N, M, k));
      }
      const held = (values: number[], truth: number): void => {
        const mean = values.reduce((a, b) => a + b) / values.length;
        const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
        expect(Math.abs(mean - truth)).toBeLessThan((4 * sd) / Math.sqrt(values.length));
      };
      held(density, 1);
      held(coverage, coverageOfEqualLaws(N, M, k));
    }
    expect(coverageOfEqualLaws(3, 2, 1)).toBeCloseTo(1 - 2 / 4, 14);
    expect(coverageOfEqualLaws(1e7, 1e7, 5)).toBeCloseTo(1 - 2 ** -5, 6);
  });

  it('is density 1 + 1/k, coverage 1 of identical sets, 0 of sets far apart, and half covered by half of the modes', async () => {
    const one = normalRows(1, 60, [0, 0, 0]);
    const same = await judge(one, one, 3);
    // Each ball holds its centre and k others.
    expect([same.details['density'], same.details['coverage']]).toEqual([6 / 5, 1]);
    expect(same.name).toBe('DC-raw');
    const far = await judge(one, normalRows(2, 60, [50, 0, 0]), 3);
    expect([far.details['density'], far.value]).toEqual([0, 0]);
    expect((await judge(Float32Array.from([...one, ...normalRows(3, 60, [40, 0, 0])]), one, 3)).value).toBe(0.5);
  });

  it('is not taken in by one real outlier, as precision is', async () => {
    // The ball about (30, 0) reaches to its neighbours near 0: what is judged lies in it, and in no other.
    const real = Float32Array.from([...normalRows(4, 200, [0, 0]), 30, 0]);
    const got = normalRows(5, 200, [20, 0], 0.5);
    const context = contextOf(real, 2);
    const precision = await precisionRecall({ floor: false }).start(context);
    await addRows(precision, got, [2]);
    expect((await precision.result()).details['precision']).toBe(1);
    const { details, value } = await judge(real, got, 2);
    expect(details['density']).toBeCloseTo(1 / 5, 12);
    expect(value).toBeCloseTo(1 / 201, 12);
  });

  it('knows its value without each group, and has an interval that covers', async () => {
    const [real, rows] = [normalRows(6, 300, [0, 0]), normalRows(7, 96, [1, 0])];
    const accumulator = await densityCoverage().start(contextOf(real, 2));
    await addRows(accumulator, rows, [2]);
    const left = isGrouped(accumulator) ? (await accumulator.leftOut())! : [];
    const others = await densityCoverage().start(contextOf(real, 2));
    for (let row = 0; row < 96; row++) if (row % 16 !== 5) await addRows(others, rows.slice(2 * row, 2 * row + 2), [2], { first: row });
    expect(left[5]).toBe((await others.result()).value);
    const results = await Promise.all(Array.from({ length: 40 }, (_, k) => judge(real, normalRows(100 + k, 160, [1, 0]), 2)));
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // below has probability 3e-3 at 95 %
    expect((await judge(real, rows.slice(0, 60), 2)).interval).toBeUndefined();
  });

  it('refuses fewer real rows than neighbours', async () => {
    await expect(judge(normalRows(8, 5, [0]), normalRows(9, 5, [0]), 1)).rejects.toThrow(/too few real rows/);
  });
});
