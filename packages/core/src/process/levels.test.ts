import { describe, expect, it } from 'vitest';
import { edm } from './edm.ts';
import { checkLevels, karras, logSnr, timePower } from './levels.ts';
import { vpLinear } from './vp-linear.ts';

describe('karras', () => {
  it('is the 18-point grid of EDM, then 0', () => {
    const grid = karras({ steps: 18, max: 80, min: 0.002, zero: true });
    const published = [
      80, 57.586, 40.786, 28.375, 19.352, 12.91, 8.401, 5.315, 3.257, 1.923, 1.088, 0.585, 0.296, 0.14, 0.06, 0.023, 0.008, 0.002, 0,
    ];
    expect([...grid].map((rho) => Number(rho.toFixed(3)))).toEqual(published);
  });

  it('skipping K points of an n-point grid is the (n − K)-point grid from there', () => {
    const whole = karras({ steps: 17, max: 80, min: 0.002 });
    const rest = karras({ steps: 13, max: whole[4]!, min: 0.002 });
    rest.forEach((rho, i) => expect(Math.abs(rho - whole[i + 4]!)).toBeLessThan(1e-13 * whole[4]!));
  });
});

describe('other grids', () => {
  it('log-SNR is geometric in ρ', () => {
    const grid = logSnr({ steps: 4, max: 16, min: 1 });
    [16, 8, 4, 2, 1].forEach((rho, i) => expect(grid[i]).toBeCloseTo(rho, 12));
  });

  it('t² on VP linear has the published times', () => {
    const vp = vpLinear();
    const grid = timePower(vp, { steps: 5, power: 2, max: vp.rho(1), min: vp.rho(1e-3) });
    [1, 0.6501592885, 0.3753389328, 0.1755389328, 0.05075928851, 0.001].forEach((t, i) => expect(vp.timeOf(grid[i]!)).toBeCloseTo(t, 9));
  });

  it('N steps are N + 1 levels; zero takes one of them', () => {
    expect(karras({ steps: 1, max: 80, min: 0.002 })).toEqual(Float64Array.of(80, 0.002));
    expect(karras({ steps: 1, max: 80, min: 0.002, zero: true })).toEqual(Float64Array.of(80, 0));
    expect(timePower(edm(), { steps: 2, power: 1, max: 3, min: 1 })).toEqual(Float64Array.of(3, 2, 1));
  });

  it('refuses ends out of order and no steps', () => {
    expect(() => karras({ steps: 0, max: 80, min: 0.002 })).toThrow(/at least one step: got 0/);
    expect(() => karras({ steps: 3, max: 1, min: 2 })).toThrow(/ends of a grid are not in order/);
    expect(() => logSnr({ steps: 3, max: 1, min: 0 })).toThrow(/zero: true/);
  });
});

describe('checkLevels', () => {
  it.each([
    ['duplicates', [3, 1, 1], /level 2 is not below the one before it: got \[1,1\]/],
    ['an increase', [1, 2], /strictly decreasing/],
    ['NaN', [2, NaN], /level 1 is no noise level/],
    ['one level', [2], /two levels or more/],
    ['a zero that cannot be reached', [2, 0], /last level is 0/],
    ['an early zero', [2, 0, -1], /level 2 is no noise level/],
  ])('refuses %s', (_, levels, message) => {
    expect(() => checkLevels('euler', Float64Array.from(levels), { reachesZero: false })).toThrow(message);
  });

  it('accepts a last 0 where it is reached', () => {
    expect(() => checkLevels('euler', Float64Array.of(2, 1, 0), { reachesZero: true })).not.toThrow();
  });
});
