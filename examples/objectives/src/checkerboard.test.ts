import { empirical } from '@tweedie/analytic';
import { toy } from '@tweedie/data';
import { expect, it } from 'vitest';
import { checkerboardScore } from './checkerboard.ts';
import { estimate } from './statistics.ts';

it('has the score of the noised checkerboard: that of very many points, where they are dense beside σ', () => {
  const n = 40_000;
  const points = toy({ name: 'checkerboard', seed: 3 }).rows(Int32Array.from({ length: n }, (_, i) => i)).images;
  const truth = empirical(points, { dims: 2 });
  const at = [0.1, 0.2, -0.6, 0.55, 0.9, -0.3, -1.2, -0.8];
  for (const rho of [0.3, 1, 3]) {
    const [exact, sampled] = [checkerboardScore(at, rho), truth.score(Float64Array.from(at), rho)];
    exact.forEach((s, i) => expect(Math.abs(s - sampled[i]!) * rho).toBeLessThan(0.03));
  }
});

it('is the gradient of a density that tails do not spoil', () => {
  // Far out and at little noise the nearest edge pulls: s ≈ −(x − 1)/σ², to O(1/x).
  const [s] = checkerboardScore([1.5, 0.75], 0.05);
  expect(s! / (-0.5 / 0.05 ** 2)).toBeCloseTo(1, 1);
  // In the middle of a cell, many σ from its edges, the density is flat.
  for (const slope of checkerboardScore([-0.75, -0.75], 0.02)) expect(Math.abs(slope)).toBeLessThan(1e-9);
  // The board is symmetric under (x, y) → (y, x).
  expect(checkerboardScore([0.3, -0.4], 0.2)).toEqual(checkerboardScore([-0.4, 0.3], 0.2).reverse());
});

it("has Student's interval", () => {
  expect(estimate([4])).toEqual({ n: 1, mean: 4 });
  const { mean, interval } = estimate([1, 2, 3, 4, 5]);
  expect(mean).toBe(3);
  expect(interval![1] - 3).toBeCloseTo(2.776 * Math.sqrt(2.5 / 5), 12);
});
