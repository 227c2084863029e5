import { describe, expect, it } from 'vitest';
import { createNoise } from '../noise/noise.ts';
import { logNormalLaw, logUniformLaw, uniformTimeLaw } from './noise-law.ts';
import { vpLinear } from './vp-linear.ts';

const noise = createNoise(21n);
const N = 20_000;

const momentsOf = (values: Float64Array): { mean: number; variance: number; kurtosis: number } => {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  const kurtosis = values.reduce((a, b) => a + (b - mean) ** 4, 0) / values.length / variance ** 2;
  return { mean, variance, kurtosis };
};

describe('noise laws (4 standard errors)', () => {
  it('edm: ln ρ ~ N(−1.2, 1.2²)', () => {
    const { mean, variance, kurtosis } = momentsOf(logNormalLaw({ mean: -1.2, std: 1.2 }).levels(N, noise, 0).map(Math.log));
    expect(Math.abs(mean + 1.2)).toBeLessThan((4 * 1.2) / Math.sqrt(N));
    expect(Math.abs(variance - 1.44)).toBeLessThan(4 * 1.44 * Math.sqrt(2 / N));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(4 * Math.sqrt(24 / N));
  });

  it('ve: ln ρ uniform between the ends', () => {
    const levels = logUniformLaw({ min: 0.01, max: 50 }).levels(N, noise, 0);
    expect(Math.min(...levels)).toBeGreaterThanOrEqual(0.01);
    expect(Math.max(...levels)).toBeLessThanOrEqual(50);
    const width = Math.log(5000);
    const { mean, variance } = momentsOf(levels.map(Math.log));
    expect(Math.abs(mean - 0.5 * Math.log(0.01 * 50))).toBeLessThan((4 * width) / Math.sqrt(12 * N));
    expect(Math.abs(variance - width ** 2 / 12)).toBeLessThan((4 * width ** 2) / 12 / Math.sqrt((N * 5) / 4));
  });

  it('vp: t uniform in [tMin, 1], ρ = √(exp(½ β_d t² + β_min t) − 1)', () => {
    const levels = uniformTimeLaw(vpLinear({ tMin: 1e-5 })).levels(N, noise, 0);
    // The time of a level from its own formula: ½·19.9 t² + .1 t = ln(1 + ρ²).
    const times = levels.map((rho) => (Math.sqrt(0.01 + 2 * 19.9 * Math.log1p(rho ** 2)) - 0.1) / 19.9);
    const { mean, variance } = momentsOf(times);
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 / Math.sqrt(12 * N));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 / 12 / Math.sqrt((N * 5) / 4));
    expect(Math.max(...levels)).toBeLessThan(153);
  });

  it('bind a level to its row and step', () => {
    const law = logNormalLaw({ mean: 0, std: 1 });
    const whole = law.levels(6, noise, 4);
    expect(law.levels(2, noise.rows(3), 4)).toEqual(whole.slice(3, 5));
    expect(law.levels(6, noise, 5)).not.toEqual(whole);
  });

  it('refuse what is no law', () => {
    expect(() => logUniformLaw({ min: 0, max: 1 })).toThrow(/no range of levels/);
    expect(() => logNormalLaw({ mean: NaN, std: 1 })).toThrow(/no normal law/);
  });
});
