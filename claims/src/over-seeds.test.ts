import { createNoise } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { below, between, equivalent, overSeeds, ratioOfDeviations } from './over-seeds.ts';

describe('overSeeds', () => {
  it('has Student’s interval: 2 ± 4.303/√3 of 1, 2, 3', () => {
    const { mean, deviation, interval } = overSeeds([1, 2, 3]);
    expect([mean, deviation]).toEqual([2, 1]);
    expect(interval[1] - 2).toBeCloseTo(4.303 / Math.sqrt(3), 3);
    expect(overSeeds([7])).toEqual({ n: 1, mean: 7, deviation: 0, interval: [-Infinity, Infinity] });
    expect(() => overSeeds([])).toThrow(/no seed/);
  });
});

describe('ratioOfDeviations', () => {
  it('holds the truth in 95 of 100 pairs, correlated or not', () => {
    const trials = 2000;
    for (const correlation of [0, 0.8]) {
      const z = createNoise(5).hostNormal([trials, 10], { stream: 1 });
      let held = 0;
      for (let trial = 0; trial < trials; trial++) {
        const a = Array.from({ length: 5 }, (_, i) => z[trial * 10 + i]!);
        const b = a.map((x, i) => 3 * (correlation * x + Math.sqrt(1 - correlation ** 2) * z[trial * 10 + 5 + i]!));
        const { interval } = ratioOfDeviations(a, b)!;
        if (interval[0] <= 1 / 3 && 1 / 3 <= interval[1]) held++;
      }
      expect(Math.abs(held / trials - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / trials));
    }
  });

  it('says nothing of two seeds, or of no spread', () => {
    expect(ratioOfDeviations([1, 2], [1, 3])).toBeUndefined();
    expect(ratioOfDeviations([1, 1, 1], [1, 2, 3])).toBeUndefined();
    expect(() => ratioOfDeviations([1, 2, 3], [1, 2])).toThrow(/not the same seeds/);
  });
});

it('decides by intervals', () => {
  expect([below([0, 1], 2), below([3, 4], 2), below([1, 3], 2)]).toEqual(['held', 'not held', 'not decided']);
  expect([equivalent([-1, 1], 2), equivalent([3, 4], 2), equivalent([1, 3], 2), equivalent([0, 0], 0)]).toEqual([
    'held',
    'not held',
    'not decided',
    'not decided',
  ]);
  expect(between([-1.234, 5])).toBe('(−1.2 … 5)');
});
