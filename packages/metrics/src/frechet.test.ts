import { testMetric } from '@tweedie/conformance';
import { decodeSafetensors } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechetDistance } from './frechet-distance.ts';
import { frechet, type FrechetOptions } from './frechet.ts';
import { isGrouped } from './jackknife.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ create: () => frechet() });

const zeros = (d: number): number[] => new Array<number>(d).fill(0);

/** Judges rows against rows, on the rows themselves. */
const judge = async (real: Float32Array, got: Float32Array, d: number, seed = 1n, options: FrechetOptions = {}) => {
  const accumulator = await frechet(options).start({ extractor: rawExtractor([d]), reference: datasetOf(real, [d]), seed });
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

describe('frechet', () => {
  it('is the closed form of two Gaussians, Σ₁Σ₂ not symmetric', () => {
    // d = 1: (μ₁ − μ₂)² + (σ₁ − σ₂)².
    expect(
      frechetDistance(
        { mean: Float64Array.of(1), covariance: Float64Array.of(4) },
        { mean: Float64Array.of(-0.5), covariance: Float64Array.of(0.25) },
      ),
    ).toBeCloseTo(2.25 + 2.25, 12);
    // 2 × 2: tr (Σ₁Σ₂)^½ = √(tr Σ₁Σ₂ + 2 √det Σ₁Σ₂).
    const [a, b] = [Float64Array.of(1, 0.6, 0.6, 0.5), Float64Array.of(2, -0.3, -0.3, 1)];
    const trace = a[0]! * b[0]! + 2 * a[1]! * b[1]! + a[3]! * b[3]!;
    const root = Math.sqrt(trace + 2 * Math.sqrt((a[0]! * a[3]! - a[1]! ** 2) * (b[0]! * b[3]! - b[1]! ** 2)));
    const mean = Float64Array.of(0, 0);
    expect(frechetDistance({ mean, covariance: a }, { mean, covariance: b })).toBeCloseTo(4.5 - 2 * root, 10);
  });

  it('measures it on samples, to what the bias allows', async () => {
    const d = 4;
    const n = 20_000;
    // N(0, 1) against N(m, .25): ‖m‖² + d (1 − ½)² = 1 + 1. The spread of ‖m̂‖² is 2‖m‖√(1.25/n).
    const { value, name, interval, floor } = await judge(normalRows(1, n, zeros(d)), normalRows(2, n / 4, [0.5, 0.5, 0.5, 0.5], 0.5), d);
    expect(name).toBe('FD-raw');
    expect(Math.abs(value - 2)).toBeLessThan(0.08);
    expect(interval![0]).toBeLessThan(value);
    expect(interval![1]).toBeGreaterThan(value);
    expect(interval![1] - interval![0]).toBeLessThan(0.3);
    expect(floor!).toBeLessThan(0.02);
  });

  it('is biased upward as 1/n: real from real of N(0, I₆₄) is 4.39 at n = 500 (objectives.md 6.1)', async () => {
    const d = 64;
    const values = await Promise.all(
      [3, 13, 23, 33, 43].map(async (seed) => (await judge(normalRows(seed, 500, zeros(d)), normalRows(seed + 1, 500, zeros(d)), d)).value),
    );
    // One draw spreads by about .19.
    expect(Math.abs(values.reduce((a, b) => a + b) / 5 - 4.39)).toBeLessThan((4 * 0.19) / Math.sqrt(5));
    expect((await judge(normalRows(3, 900, zeros(d)), normalRows(4, 500, zeros(d)), d)).floor).toBeUndefined(); // 900 real rows cannot show 500 against others
    const less = await judge(normalRows(3, 1500, zeros(d)), normalRows(4, 500, zeros(d)), d);
    expect(less.value).toBeLessThan(values[0]!);
    // 500 real rows against the other 1000: the same law, so the same bias.
    expect(Math.abs(less.floor! - 3.2)).toBeLessThan(0.6);
  });

  it('is the same of shards as of the whole, to 1e-10, however they are cut and merged', async () => {
    const [d, n] = [6, 400];
    const rows = normalRows(51, n, [3, 0, 0, 0, 0, -3], [1, 2, 1, 1, 1, 0.1]);
    const context = { extractor: rawExtractor([d]), reference: datasetOf(normalRows(50, 600, zeros(d)), [d]), seed: 1n };
    const shard = async (...ranges: readonly (readonly [number, number])[]) => {
      const accumulator = await frechet().start(context);
      for (const [from, to] of ranges) await addRows(accumulator, rows.slice(from * d, to * d), [d], { first: from });
      return accumulator;
    };
    const whole = await (await shard([0, n])).result();
    const singly = await shard(...Array.from({ length: n }, (_, i) => [n - 1 - i, n - i] as const));
    const halves = await shard([200, n]);
    halves.merge((await shard([0, 200])).state());
    // ((4 + 3) + (2 + 1)), out of order, each through its bytes.
    const [one, two, three, four] = await Promise.all([shard([0, 7]), shard([7, 130]), shard([130, 131], [300, n]), shard([131, 300])]);
    four.merge(three.state());
    two.merge(one.state());
    const empty = await frechet().start(context);
    empty.merge(four.state());
    empty.merge(two.state());
    for (const parts of [singly, halves, empty]) {
      const got = await parts.result();
      expect(got.n).toBe(n);
      expect(Math.abs(got.value / whole.value - 1)).toBeLessThan(1e-10);
      got.interval!.forEach((end, i) => expect(Math.abs(end / whole.interval![i]! - 1)).toBeLessThan(1e-8));
      expect(got.details).toEqual(whole.details);
    }
    const again = await frechet().start(context);
    again.merge(empty.state());
    expect(await again.result()).toEqual(await empty.result());
  });

  it('keeps sixteen groups up to 512 features, one above, where there is no interval', async () => {
    const groups = async (d: number, options: FrechetOptions = {}): Promise<number> => {
      const against = { mean: new Float64Array(d), covariance: new Float64Array(d * d), source: 'nothing' };
      const accumulator = await frechet({ ...options, against }).start({ extractor: rawExtractor([d]), seed: 1n });
      return decodeSafetensors(accumulator.state(), 'state').tensors['second']!.shape[0]!;
    };
    expect([await groups(64), await groups(512), await groups(513), await groups(513, { infinity: true })]).toEqual([16, 16, 1, 16]);
    const d = 520;
    const wide = await frechet({ floor: false }).start({
      extractor: rawExtractor([d]),
      reference: datasetOf(normalRows(1, 20, zeros(d)), [d]),
      seed: 1n,
    });
    await addRows(wide, normalRows(2, 100, zeros(d)), [d]);
    expect(isGrouped(wide) && (await wide.leftOut())).toBeUndefined();
    expect((await wide.result()).interval).toBeUndefined();
  });

  it('warns where n is not above the dimension, of constant images and of another range', async () => {
    const d = 8;
    const few = await judge(normalRows(5, 50, zeros(d)), normalRows(6, 6, zeros(d)), d);
    expect(few.value).toBeGreaterThan(0);
    expect(few.interval).toBeUndefined();
    expect(few.details['warning']).toMatch(/n = 6 is not above the 8 features/);
    const constant = await judge(normalRows(5, 50, zeros(d)), new Float32Array(80), d);
    expect(constant.details['warning']).toMatch(/the images are constant/);
    expect(Number.isFinite(constant.value)).toBe(true);
    const context = { extractor: rawExtractor([d]), reference: datasetOf(normalRows(5, 50, zeros(d), 0.2), [d], [-1, 1]), seed: 1n };
    const zeroToOne = await frechet().start(context);
    await addRows(
      zeroToOne,
      normalRows(7, 50, zeros(d), 0.2).map((v) => Math.abs(v)),
      [d],
    );
    expect((await zeroToOne.result()).details['warning']).toMatch(/no value is below 0/);
    const bytes = await frechet().start(context);
    await expect(
      addRows(
        bytes,
        normalRows(7, 50, zeros(d), 0.2).map((v) => 127.5 * (1 + v)),
        [d],
      ),
    ).rejects.toThrow(/image 0 is in another range.*127\.5/);
  });

  it('refuses what it cannot judge, and names the image', async () => {
    const context = { extractor: rawExtractor([2]), reference: datasetOf(normalRows(8, 50, [0, 0]), [2]), seed: 1n };
    const nan = await frechet().start(context);
    await expect(addRows(nan, Float32Array.of(0, 0, 1, NaN), [2], { first: 40 })).rejects.toThrow(
      /image 41 holds a value that is not finite/,
    );
    await expect(frechet().start({ seed: 1n, reference: context.reference })).rejects.toThrow(/no feature extractor/);
    await expect(frechet().start({ seed: 1n, extractor: context.extractor })).rejects.toThrow(/no real data/);
    const other = await frechet().start({ ...context, extractor: { ...rawExtractor([2]), id: 'other' } });
    expect(() => nan.merge(other.state())).toThrow(/another metric or extractor/);
  });

  it('has an interval that covers: 95 % of repeated judgements hold the value at that n', async () => {
    // At d = 2 the bias is small; 40 repeats, each its own rows; the truth is the mean of all.
    const real = normalRows(9, 4000, [0, 0]);
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, k) => judge(real, normalRows(100 + k, 400, [0.6, 0], 0.8), 2, 1n, { floor: false })),
    );
    const truth = results.reduce((sum, { value }) => sum + value, 0) / results.length;
    const held = results.filter(({ interval }) => interval![0] <= truth && truth <= interval![1]).length;
    expect(held).toBeGreaterThanOrEqual(34); // 38 expected; below 34 has probability 3e-3 at 95 %
  });
});
