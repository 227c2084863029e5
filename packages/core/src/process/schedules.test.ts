import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schedule } from '../contracts/schedule.ts';
import { edm } from './edm.ts';
import { subVp } from './sub-vp.ts';
import { ve } from './ve.ts';
import { vpCosine } from './vp-cosine.ts';
import { vpDiscrete } from './vp-discrete.ts';
import { vpLinear } from './vp-linear.ts';

const schedules: readonly Schedule[] = [
  vpLinear(),
  subVp(),
  vpCosine(),
  vpDiscrete(),
  vpDiscrete({ interpolant: 'alpha-bar' }),
  ve(),
  edm(),
];
const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(b);

describe.each(schedules.map((schedule) => [schedule.id, schedule] as const))('%s', (_, schedule) => {
  const time = fc.double({ min: 0.001, max: 0.999, noNaN: true }).map((u) => schedule.tMin + u * (schedule.tMax - schedule.tMin));

  it('ρ = σ/α, increasing, and timeOf is its inverse', () => {
    fc.assert(
      fc.property(time, (t) => {
        expect(relative(schedule.rho(t), schedule.sigma(t) / schedule.alpha(t))).toBeLessThan(1e-12);
        expect(schedule.rho(t * 1.0001)).toBeGreaterThan(schedule.rho(t));
        expect(relative(schedule.timeOf(schedule.rho(t)), t)).toBeLessThan(1e-9);
        expect(relative(schedule.rho(schedule.timeOf(schedule.rho(t))), schedule.rho(t))).toBeLessThan(1e-12);
      }),
    );
  });

  it('drift = d log α/dt and g² = dσ²/dt − 2 a σ² (central differences)', () => {
    fc.assert(
      fc.property(time, (t) => {
        const h = t * 1e-5;
        if (schedule.id.startsWith('vp-discrete') && Math.floor((t + h) * 1000) !== Math.floor((t - h) * 1000)) return; // a knot between
        const slope = (f: (t: number) => number): number => (f(t + h) - f(t - h)) / (2 * h);
        const drift = slope((s) => Math.log(schedule.alpha(s)));
        expect(Math.abs(schedule.drift(t) - drift)).toBeLessThan(1e-6 * (1 + Math.abs(drift)));
        const diffusion2 = slope((s) => schedule.sigma(s) ** 2) - 2 * schedule.drift(t) * schedule.sigma(t) ** 2;
        expect(Math.abs(schedule.diffusion2(t) - diffusion2)).toBeLessThan(1e-6 * (1 + Math.abs(diffusion2)));
        if (schedule.beta !== undefined) expect(schedule.drift(t)).toBeCloseTo(-0.5 * schedule.beta(t), 10);
      }),
    );
  });
});

describe('golden numbers', () => {
  // VP linear, β₀ = .1, β₁ = 20, computed in float64 to 12 digits.
  it.each([
    [1e-4, 0.999994950263, 0.00317796302688, 0.00317797907484],
    [1e-3, 0.999945026511, 0.0104854163351, 0.0104859927867],
    [0.1, 0.946721798821, 0.322052535525, 0.340176529077],
    [0.5, 0.281182880797, 0.959654202068, 3.41291830907],
    [1, 0.00657158649493, 0.999978406892, 152.166970284],
  ])('VP linear at t = %d', (t, alpha, sigma, rho) => {
    const vp = vpLinear();
    expect(relative(vp.alpha(t), alpha)).toBeLessThan(1e-11);
    expect(relative(vp.sigma(t), sigma)).toBeLessThan(1e-11);
    expect(relative(vp.rho(t), rho)).toBeLessThan(1e-11);
  });

  it('the discrete table is the product of 1 − β', () => {
    const table = vpDiscrete();
    const product = Array.from({ length: 500 }, (_, k) => 1 - (1e-4 + (k * (0.02 - 1e-4)) / 999)).reduce((a, b) => a * b, 1);
    expect(relative(table.alpha(0.5) ** 2, product)).toBeLessThan(1e-12);
  });

  it('both interpolants agree at the knots and differ between', () => {
    const [log, bar] = [vpDiscrete(), vpDiscrete({ interpolant: 'alpha-bar' })];
    expect(relative(log.alpha(0.4), bar.alpha(0.4))).toBeLessThan(1e-12);
    expect(relative(log.alpha(0.4005), bar.alpha(0.4005))).toBeGreaterThan(1e-8);
  });
});
