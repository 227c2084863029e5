import { describe, expect, it } from 'vitest';
import type { Quality } from './digits.ts';
import { speedUp, type Point } from './speed-up.ts';

/** FD = c/iterations; groups left out move it by a factor of their own. */
const point = (iterations: number, c: number, spread = 0): Point => {
  const fd = c / iterations;
  const quality: Quality = {
    nfe: 2 * iterations,
    fd,
    interval: null,
    floor: null,
    leftOut: Array.from({ length: 16 }, (_, g) => fd * (1 + spread * Math.sin(g))),
    extractor: 'none',
    seconds: 0,
  };
  return { iterations, quality };
};
const curve = [10, 20, 40, 80].map((n) => point(n, 100));

describe('speedUp', () => {
  it('is the ratio of iterations at an equal distance, between points too', () => {
    expect(speedUp(curve, point(10, 50))!.factor).toBeCloseTo(2, 12);
    expect(speedUp(curve, point(10, 30))!.factor).toBeCloseTo(100 / 30, 12);
    expect(speedUp(curve, point(20, 100))!.factor).toBeCloseTo(1, 12);
  });

  it('has an interval about the factor, and none of width where every group agrees', () => {
    const { factor, interval } = speedUp(curve, point(10, 50, 0.02))!;
    expect(interval![0]).toBeLessThan(factor);
    expect(interval![1]).toBeGreaterThan(factor);
    const sure = speedUp(curve, point(10, 50))!;
    expect(sure.interval![1] - sure.interval![0]).toBeLessThan(1e-9);
  });

  it('says nothing where the curve is never that good or is so from the start, and has no interval without groups', () => {
    expect(speedUp(curve, point(10, 5))).toBeUndefined();
    expect(speedUp(curve, point(5, 100))).toBeUndefined();
    const { quality, iterations } = point(10, 50);
    expect(speedUp(curve, { iterations, quality: { ...quality, leftOut: null } })).toEqual({
      factor: expect.closeTo(2, 12) as number,
      interval: null,
    });
    const low = quality.leftOut!.map((fd, g) => (g === 3 ? 1 : fd)); // without that group the curve never comes down to it
    expect(speedUp(curve, { iterations, quality: { ...quality, leftOut: low } })?.interval).toBeNull();
  });
});
