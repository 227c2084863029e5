import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { slicedWasserstein, wasserstein2 } from './sliced-wasserstein.ts';

testMetric({ title: 'sliced-wasserstein of the data', create: () => slicedWasserstein({ directions: 50 }) });
testMetric({ title: 'sliced-wasserstein of features', create: () => slicedWasserstein({ directions: 50, space: 'features' }) });

const judge = async (real: Float32Array, got: Float32Array, d: number, directions = 300) => {
  const accumulator = await slicedWasserstein({ directions }).start({ reference: datasetOf(real, [d]), seed: 2n });
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

describe('wasserstein2', () => {
  it('is the mean of squares of sorted samples, and of quantile functions where the sizes differ', () => {
    expect(wasserstein2([0, 1, 2], [1, 1, 5])).toBeCloseTo((1 + 0 + 9) / 3, 14);
    expect(wasserstein2([0, 1], [0, 0, 1, 1])).toBe(0); // the same law, twice the rows
    expect(wasserstein2([0], [1, 2, 3])).toBeCloseTo(14 / 3, 14);
    // By brute force on the common refinement of 3 and 5.
    const [x, y] = [
      [-1, 0.5, 2],
      [-2, 0, 0.25, 1, 3],
    ];
    let sum = 0;
    for (let k = 0; k < 15; k++) sum += (x[Math.floor(k / 5)]! - y[Math.floor(k / 3)]!) ** 2;
    expect(wasserstein2(x, y)).toBeCloseTo(sum / 15, 13);
  });
});

describe('sliced-wasserstein', () => {
  // objectives.md 6.7; the spread over directions is in the result, that over rows about 2‖m‖/√(d n).
  it('of N(0, I) from N(m, I) is ‖m‖²/d', async () => {
    const d = 5;
    const mean = [1, -0.5, 0.25, 2, 0];
    const truth = mean.reduce((sum, m) => sum + m * m, 0) / d;
    const { value, name, details, floor } = await judge(normalRows(1, 4000, [0, 0, 0, 0, 0]), normalRows(2, 2000, mean), d);
    expect(name).toBe('SW2²-data');
    expect(Math.abs(value - truth)).toBeLessThan(4 * (details['directionError'] as number) + 0.08);
    expect(floor!).toBeLessThan(0.01);
  });

  it('of N(0, a²I) from N(0, b²I) is (a − b)²', async () => {
    const { value } = await judge(normalRows(3, 4000, [0, 0, 0]), normalRows(4, 4000, [0, 0, 0], 2), 3);
    expect(Math.abs(value - 1)).toBeLessThan(0.08);
  });

  it('refuses rows of another size, rows that came twice, and real data that are not there', async () => {
    const accumulator = await slicedWasserstein().start({ reference: datasetOf(normalRows(5, 20, [0, 0, 0]), [3]), seed: 1n });
    await expect(addRows(accumulator, new Float32Array(8), [2])).rejects.toThrow(/another size than the real ones/);
    await addRows(accumulator, new Float32Array(6), [3]);
    await expect(addRows(accumulator, new Float32Array(3), [3], { first: 1 })).rejects.toThrow(/row 1 came twice/);
    await expect(slicedWasserstein().start({ seed: 1n })).rejects.toThrow(/no real data/);
  });
});
