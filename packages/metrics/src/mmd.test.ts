import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { mmd } from './mmd.ts';

testMetric({ create: () => mmd(), expected: null });

const zeros = (d: number): number[] => new Array<number>(d).fill(0);
const judge = async (real: Float32Array, got: Float32Array, d: number, options: Parameters<typeof mmd>[0] = {}) => {
  const accumulator = await mmd(options).start({ reference: datasetOf(real, [d]), seed: 2n });
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

describe('mmd', () => {
  it('of N(0, I₁₆) from a shift of ‖m‖² = 4, h² = 4, is .0221210 (objectives.md 6.5), within its own interval', async () => {
    const d = 16;
    const shift = zeros(d).map(() => 0.5);
    const { value, interval, details, name } = await judge(normalRows(1, 4000, zeros(d)), normalRows(2, 4000, shift), d, {
      bandwidth: 2,
      referenceRows: 4000,
    });
    // The jackknife holds the reference fixed, whose own error is of the same size: twice the half-width.
    const half = (interval![1] - interval![0]) / 2;
    expect(half).toBeLessThan(0.002);
    expect(Math.abs(value - 0.022121)).toBeLessThan(2 * half);
    expect(name).toBe('MMD²-data');
    expect(details['bandwidth']).toBe(2);
  });

  it('has the closed form 2(h²/(h² + 2s²))^{d/2} (1 − exp(−‖m‖²/2(h² + 2s²))) (objectives.md 6.5)', async () => {
    const closedForm = (d: number, s: number, h2: number, A: number): number =>
      2 * (h2 / (h2 + 2 * s * s)) ** (d / 2) * (1 - Math.exp(-A / (2 * (h2 + 2 * s * s))));
    expect(closedForm(16, 1, 4, 4)).toBeCloseTo(0.022121, 7);
    // Far apart and in few dimensions, where rows spread less than the value: to 5 %.
    const truth = closedForm(3, 0.5, 2, 9);
    const { value, interval } = await judge(normalRows(11, 2000, zeros(3), 0.5), normalRows(12, 2000, [3, 0, 0], 0.5), 3, {
      bandwidth: Math.SQRT2,
    });
    expect(Math.abs(value - truth)).toBeLessThan(interval![1] - interval![0]);
    expect(interval![1] - interval![0]).toBeLessThan(0.05 * truth);
  });

  it('equals the sum over pairs in float64, diagonals left out', async () => {
    const [x, y] = [normalRows(3, 30, [0.3, 0]), normalRows(4, 40, [0, 0])];
    const k = (a: Float32Array, i: number, b: Float32Array, j: number): number =>
      Math.exp(-((a[2 * i]! - b[2 * j]!) ** 2 + (a[2 * i + 1]! - b[2 * j + 1]!) ** 2) / (2 * 0.7 ** 2));
    let [xx, yy, xy] = [0, 0, 0];
    for (let i = 0; i < 30; i++) for (let j = 0; j < 30; j++) if (i !== j) xx += k(x, i, x, j) / (30 * 29);
    for (let i = 0; i < 40; i++) for (let j = 0; j < 40; j++) if (i !== j) yy += k(y, i, y, j) / (40 * 39);
    for (let i = 0; i < 30; i++) for (let j = 0; j < 40; j++) xy += k(x, i, y, j) / (30 * 40);
    const { value } = await judge(y, x, 2, { bandwidth: 0.7 });
    expect(Math.abs(value - (xx + yy - 2 * xy))).toBeLessThan(1e-6);
  });

  it('is unbiased: 0 on average between equal laws, on either side', async () => {
    const values = await Promise.all(
      Array.from(
        { length: 30 },
        async (_, k) => (await judge(normalRows(200 + k, 60, [0, 0]), normalRows(300 + k, 60, [0, 0]), 2, { bandwidth: 1 })).value,
      ),
    );
    const mean = values.reduce((a, b) => a + b) / values.length;
    const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
    expect(Math.abs(mean)).toBeLessThan((4 * sd) / Math.sqrt(values.length));
    expect(Math.min(...values)).toBeLessThan(0);
  });

  it('takes the median distance of real rows as bandwidth and says so; refuses rows that are all alike', async () => {
    const { details } = await judge(normalRows(5, 400, [0, 0]), normalRows(6, 50, [0, 0]), 2);
    // ‖a − b‖² of N(0, I₂) pairs is 2χ²₂: its median is 4 ln 2.
    expect(Math.abs((details['bandwidth'] as number) - Math.sqrt(4 * Math.log(2)))).toBeLessThan(0.15);
    expect(details['bandwidthChosen']).toMatch(/median/);
    await expect(judge(new Float32Array(20), normalRows(6, 50, [0, 0]), 2)).rejects.toThrow(/all alike/);
  });
});
