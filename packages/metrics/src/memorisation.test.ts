import { testMetric } from '@tweedie/conformance';
import type { Dataset } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { memorisation } from './memorisation.ts';
import { rawExtractor } from './raw-extractor.ts';

const [D, ZEROS] = [4, [0, 0, 0, 0]];
const named = (id: string, values: Float32Array, shape: readonly number[] = [D]): Dataset => ({ ...datasetOf(values, shape), id });
const training = named('training', normalRows(1, 300, ZEROS), [2, 2, 1]);

testMetric({ create: () => memorisation(), context: { training }, expected: { value: 2 / 240 } });
testMetric({ title: 'memorisation of features', create: () => memorisation({ space: 'features' }), context: { training }, expected: null });

interface Rows {
  readonly trained: Float32Array;
  readonly held: Float32Array;
  readonly got: Float32Array;
}
const judge = async ({ trained, held, got }: Rows, options: Parameters<typeof memorisation>[0] = {}, d = D) => {
  const context = {
    training: named('training', trained, [d]),
    reference: named('held', held, [d]),
    extractor: rawExtractor([d]),
    seed: 3n,
  };
  const accumulator = await memorisation(options).start(context);
  await addRows(accumulator, got, [d]);
  return accumulator.result();
};

describe('memorisation', () => {
  it('is 1 of copies of the training data, and says which the closest is', async () => {
    const trained = normalRows(2, 400, ZEROS);
    const { value, details, name, interval } = await judge({
      trained,
      held: normalRows(3, 200, ZEROS),
      got: trained.slice(D * 100, D * 180),
    });
    expect(value).toBe(1);
    expect(interval![0]).toBeGreaterThan(0.9);
    expect(name).toBe('memorised-data');
    expect(details).toMatchObject({ copies: 80, closest: 'image 0 to training row 100', closestDistance: 0, trainingRows: 400 });
    // One copy, slightly disturbed, among fresh images.
    const got = normalRows(4, 60, ZEROS);
    got.set(trained.slice(D * 321, D * 322).map((x) => x + 1e-4), D * 17); // prettier-ignore
    const one = await judge({ trained, held: normalRows(3, 200, ZEROS), got });
    expect(one.details).toMatchObject({ copies: 0, closest: 'image 17 to training row 321' });
    expect(one.details['closestDistance']).toBeCloseTo(2e-4, 6);
  });

  it('is the fraction of copies, and the quantile of the rest, of a set with some', async () => {
    const trained = normalRows(5, 500, ZEROS);
    const got = normalRows(6, 400, ZEROS);
    got.set(trained.slice(0, D * 200));
    const { value } = await judge({ trained, held: normalRows(7, 999, ZEROS), got }, { quantile: 0.1 });
    expect(Math.abs(value - (0.5 + 0.5 * 0.1))).toBeLessThan(4 * Math.sqrt((0.1 * 0.9) / 200 + (0.1 * 0.9) / 999) * 0.5);
  });

  it('is r/(m + 1) on average of fresh draws from the same law', async () => {
    const [m, quantile, n, repeats] = [99, 0.05, 100, 60];
    const results = [];
    for (let i = 0; i < repeats; i++) {
      const [trained, held, got] = [normalRows(1000 + i, 120, [0, 0]), normalRows(2000 + i, m, [0, 0]), normalRows(3000 + i, n, [0, 0])];
      results.push(await judge({ trained, held, got }, { quantile }, 2));
    }
    const p = 5 / (m + 1);
    expect(results[0]!.floor).toBeCloseTo(p, 14);
    const mean = results.reduce((sum, { value }) => sum + value, 0) / repeats;
    // The threshold's own probability is Beta(r, m + 1 − r).
    const variance = (p * (1 - p)) / n + (p * (1 - p)) / (m + 2);
    expect(Math.abs(mean - p)).toBeLessThan(4 * Math.sqrt(variance / repeats));
  });

  it('is far below the quantile where the images are far from all', async () => {
    const [trained, held] = [normalRows(8, 300, ZEROS), normalRows(9, 300, ZEROS)];
    expect((await judge({ trained, held, got: normalRows(10, 100, [9, 9, 9, 9]) })).value).toBe(0);
  });

  it('has an interval that covers, at a threshold held fixed', async () => {
    const [trained, held] = [normalRows(11, 200, [0, 0]), normalRows(12, 200, [0, 0])];
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, k) => judge({ trained, held, got: normalRows(100 + k, 200, [0, 0], 0.8) }, { quantile: 0.2 }, 2)),
    );
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // below has probability 3e-3 at 95 %
  });

  it('warns of a threshold that many held-out rows share', async () => {
    const trained = normalRows(13, 100, [0]);
    const held = Float32Array.from([...trained.slice(0, 20), ...normalRows(14, 80, [0])]);
    const { details, floor } = await judge({ trained, held, got: normalRows(15, 50, [0]) }, {}, 1);
    expect(details['threshold']).toBe(0);
    expect(details['warning']).toMatch(/20 held-out rows, not 1/);
    expect(floor).toBeCloseTo(20 / 101, 12);
  });

  it('refuses what it cannot compare', async () => {
    const reference = named('held', normalRows(16, 120, ZEROS));
    await expect(memorisation().start({ reference, seed: 1n })).rejects.toThrow(/no training data/);
    await expect(memorisation().start({ training: reference, reference, seed: 1n })).rejects.toThrow(/held-out data are the training data/);
    await expect(memorisation().start({ training, reference, seed: 1n })).rejects.toThrow(/differ in shape/);
    const few = named('few', normalRows(17, 98, ZEROS));
    await expect(memorisation().start({ training: reference, reference: few, seed: 1n })).rejects.toThrow(/no held-out distance.*98.*99/s);
    await expect(memorisation({ space: 'features' }).start({ training: few, reference, seed: 1n })).rejects.toThrow(/no feature extractor/);
  });
});
