import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechet } from './frechet.ts';
import { groupOf, isGrouped, jackknifed, pairedDifference, type LeftOut } from './jackknife.ts';
import { rawExtractor } from './raw-extractor.ts';
import { slicedWasserstein } from './sliced-wasserstein.ts';

const D = 2;
const N = 320;
const real = normalRows(1, 2000, [0, 0]);
const METRICS = { frechet: frechet({ floor: false }), 'sliced-wasserstein': slicedWasserstein({ directions: 30, floor: false }) };

const judge = async (metric: keyof typeof METRICS, rows: Float32Array, split = N): Promise<LeftOut> => {
  const accumulator = await METRICS[metric].start({ extractor: rawExtractor([D]), reference: datasetOf(real, [D]), seed: 1n });
  // The later part first: neither order nor split may matter.
  if (split < N) await addRows(accumulator, rows.slice(split * D), [D], { first: split });
  await addRows(accumulator, rows.slice(0, split * D), [D]);
  if (!isGrouped(accumulator)) throw new Error('no groups');
  return { value: (await accumulator.result()).value, leftOut: (await accumulator.leftOut())! };
};

/** The same z twice: once as it is, once moved and shrunk, so that the difference of their distances from N(0, I) is known. */
const pair = async (metric: keyof typeof METRICS, seed: number) => {
  const a = await judge(metric, normalRows(seed, N, [0.5, 0], 0.8));
  const b = await judge(metric, normalRows(seed, N, [0.3, 0], 0.9));
  return { a, b };
};

describe.each(['frechet', 'sliced-wasserstein'] as const)('the paired difference of %s', (metric) => {
  // N(0, I) from N(m, s²I): FD = ‖m‖² + d(1 − s)², SW₂² = ‖m‖²/d + (1 − s)².
  const scale = metric === 'frechet' ? 1 : 1 / D;
  const truth = scale * (0.25 + D * 0.04 - (0.09 + D * 0.01));

  it('is the known one of two Gaussians, and its interval covers it', async () => {
    let [widths, unpaired] = [0, 0];
    const found: { readonly value: number; readonly interval: readonly [number, number] }[] = [];
    const repeats = 30;
    for (let k = 0; k < repeats; k++) {
      const { a, b } = await pair(metric, 100 + k);
      const { value, half, interval } = pairedDifference(a, b);
      found.push({ value, interval });
      widths += half;
      unpaired += Math.hypot(jackknifed(a).half, jackknifed(b).half);
    }
    const mean = found.reduce((sum, { value }) => sum + value, 0) / repeats;
    expect(Math.abs(mean - truth)).toBeLessThan(0.02 * scale + 0.02);
    // The reference and the directions are held fixed: what is covered is the value against them, the mean over the repeats.
    const covered = found.filter(({ interval: [low, high] }) => low <= mean && mean <= high).length;
    expect(covered).toBeGreaterThanOrEqual(25); // below has probability 3e-3 at 95 %
    expect(widths).toBeLessThan(0.7 * unpaired); // what the pairing is for
  });

  it('is nothing between a set and itself, and turns its sign with its sides', async () => {
    const { a, b } = await pair(metric, 7);
    expect(pairedDifference(a, a)).toEqual({ value: 0, half: 0, interval: [0, 0] });
    const [there, back] = [pairedDifference(a, b), pairedDifference(b, a)];
    expect([back.value, back.half]).toEqual([-there.value, there.half]);
  });

  it('deals rows to groups by their index, in whatever order they come', async () => {
    const rows = normalRows(11, N, [0.2, 0]);
    const [whole, split] = [await judge(metric, rows), await judge(metric, rows, 101)];
    split.leftOut.forEach((value, g) => expect(value).toBeCloseTo(whole.leftOut[g]!, 10));
    // Without group 3: the others alone.
    const others = Array.from({ length: N }, (_, row) => row).filter((row) => groupOf(row) !== 3);
    const alone = await METRICS[metric].start({ extractor: rawExtractor([D]), reference: datasetOf(real, [D]), seed: 1n });
    for (const row of others) await addRows(alone, rows.slice(row * D, (row + 1) * D), [D], { first: row });
    expect((await alone.result()).value).toBeCloseTo(whole.leftOut[3]!, 6);
  });
});

it('deals any run of rows, and each label that repeats, to groups of equal size', () => {
  for (const [from, count] of [
    [0, 400],
    [1234, 1000],
    [4_000_000_000, 640],
  ] as const) {
    for (const every of [1, 2, 10]) {
      for (let label = 0; label < every; label++) {
        const sizes = new Array<number>(16).fill(0);
        for (let row = from + label; row < from + count; row += every) sizes[groupOf(row)]!++;
        const even = count / every / 16;
        expect(Math.max(...sizes.map((size) => Math.abs(size - even)))).toBeLessThan(1 + 1.5 * Math.sqrt(even)); // by i mod 16, half of the groups have none of a label mod 10
      }
    }
  }
});

it('refuses groups that are not the same, and has none of too few rows', async () => {
  expect(() => pairedDifference({ value: 1, leftOut: [1, 2] }, { value: 1, leftOut: [1] })).toThrow(/judged in different groups/);
  expect(() => jackknifed({ value: 1, leftOut: [1, 2] })).toThrow(/not one value a group/);
  for (const metric of Object.values(METRICS)) {
    const few = await metric.start({ extractor: rawExtractor([D]), reference: datasetOf(real, [D]), seed: 1n });
    await addRows(few, normalRows(3, 40, [0, 0]), [D]);
    expect(isGrouped(few) && (await few.leftOut())).toBeUndefined();
  }
});
