import { describe, expect, it } from 'vitest';
import { createNoise } from '../noise/noise.ts';
import { z } from 'zod';
import { edm } from './edm.ts';
import { geometricLaw, importanceLaw, logNormalLaw, logUniformLaw, uniformTimeLaw } from './noise-law.ts';
import { checkNoiseSettings, drawLevels, lambdaOverSigma2, noiseLawOf, noiseOptions, type NoiseSettings } from './noise-options.ts';
import { subVp } from './sub-vp.ts';
import { ve } from './ve.ts';
import { vpDiscrete } from './vp-discrete.ts';
import { vpLinear } from './vp-linear.ts';

const settingsOf = (options: z.input<z.ZodObject<typeof noiseOptions>>): NoiseSettings => z.strictObject(noiseOptions).parse(options);

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

describe('discrete laws', () => {
  it('ncsn: ten geometric levels from 1 to .01, equally probable', () => {
    const levels = geometricLaw({ min: 0.01, max: 1, count: 10 }).levels(N, noise, 0);
    const counts = new Map<number, number>();
    levels.forEach((level) => counts.set(level, (counts.get(level) ?? 0) + 1));
    const sorted = [...counts.keys()].sort((a, b) => b - a);
    expect(sorted).toHaveLength(10);
    sorted.forEach((level, i) => expect(level).toBeCloseTo(10 ** ((-2 * i) / 9), 12));
    counts.forEach((count) => expect(Math.abs(count - N / 10)).toBeLessThan(4 * Math.sqrt(N * 0.09)));
  });

  it('ddpm: the thousand steps of the table β = 1e-4 … .02', () => {
    const law = noiseLawOf(settingsOf({ law: 'ddpm' }), edm());
    // ᾱ by its definition, product by product.
    const alphaBar: number[] = [];
    for (let k = 0, product = 1; k < 1000; k++) alphaBar.push((product *= 1 - (1e-4 + (k * (0.02 - 1e-4)) / 999)));
    const table = new Set(alphaBar.map((a) => Math.sqrt(1 / a - 1).toPrecision(9)));
    const levels = law.levels(N, noise, 0);
    levels.forEach((level) => expect(table.has(level.toPrecision(9))).toBe(true));
    expect(new Set(levels).size).toBe(1000);
  });
});

describe('importance sampling of t', () => {
  it.each([
    ['vp', vpLinear({ tMin: 1e-5 })],
    ['sub-vp', subVp({ tMin: 1e-3 })],
    ['ve', ve()],
    ['edm', edm()],
  ] as const)('%s: density ∝ g²/σ², that is uniform in ln ρ, weighed back to uniform t', (_, schedule) => {
    const law = importanceLaw(schedule);
    const { tMin, tMax } = schedule;
    const levels = law.levels(N, noise, 0);
    // The mean of any function of t under the law, weighed, is that of uniform times: here t itself, and 1.
    for (const f of [() => 1, (t: number) => t / tMax]) {
      const values = levels.map((rho) => law.importance!(rho) * f(schedule.timeOf(rho)));
      const mean = values.reduce((a, b) => a + b) / N;
      const error = Math.sqrt(values.reduce((total, v) => total + (v - mean) ** 2, 0) / N / N);
      const wanted = f(0) === 1 ? 1 : (tMin + tMax) / 2 / tMax;
      expect(Math.abs(mean - wanted)).toBeLessThan(4 * error + 1e-6);
    }
    // Under the likelihood weighting every row weighs the same: Z/(tMax − tMin), Z = ∫ g²/σ² dt = 2 ln(ρ_max/ρ_min).
    const total = 2 * Math.log(schedule.rho(tMax) / schedule.rho(tMin));
    const { weight } = drawLevels('test', settingsOf({ law: 'importance', tMin }), { schedule }, 50, noise, 0);
    weight.forEach((w) => expect(w * (tMax - tMin)).toBeCloseTo(total, 8));
    let integral = 0;
    const cells = 20_000;
    for (let i = 0; i < cells; i++) {
      // in ln t, where the integrand is smooth
      const t = tMin * (tMax / tMin) ** ((i + 0.5) / cells);
      integral += (schedule.diffusion2(t) / schedule.sigma(t) ** 2) * t * (Math.log(tMax / tMin) / cells);
    }
    expect(Math.abs(integral / total - 1)).toBeLessThan(1e-3);
  });

  it('has less variance than uniform times under the likelihood weighting of VP', () => {
    const schedule = vpLinear({ tMin: 1e-5 });
    const spread = (law: 'vp' | 'importance'): number => {
      const { weight } = drawLevels('test', settingsOf({ law, weighting: 'likelihood' }), { schedule }, N, noise, 0);
      const mean = weight.reduce((a, b) => a + b) / N;
      return weight.reduce((total, w) => total + (w - mean) ** 2, 0) / N / mean ** 2;
    };
    expect(spread('importance')).toBeLessThan(1e-12);
    expect(spread('vp')).toBeGreaterThan(10);
  });
});

describe('the shared options', () => {
  it.each([
    ['edm', 'log-normal(-1.2,1.2)', 2 * (1 + (0.3 / 0.5) ** 2)],
    ['ve', 'log-uniform(0.002,80)', 1],
    ['ncsn', 'geometric(0.01,1,10)', 1],
    ['vp', 'uniform-time(vp-linear(0.1,20),0.00001,1)', 1],
    ['sub-vp', 'uniform-time(sub-vp(0.1,20),0.00001,1)', 1],
    ['ddpm', 'discrete-time(vp-discrete(0.0001,0.02,1000,log-alpha),1000)', 1],
    ['importance', 'importance(edm(0.002,80),0.002,80)', 2 / 0.3],
  ] as const)('law %s under edm is %s', (law, id, weight) => {
    expect(noiseLawOf(settingsOf({ law }), edm()).id).toBe(id);
    expect(lambdaOverSigma2(settingsOf({ law }), { schedule: edm() }, 0.3)).toBeCloseTo(weight, 10);
  });

  it('take free parameters from the model’s own schedule', () => {
    expect(noiseLawOf(settingsOf({ law: 'vp' }), vpLinear({ betaMax: 15 })).id).toBe('uniform-time(vp-linear(0.1,15),0.001,1)');
    expect(noiseLawOf(settingsOf({ law: 'vp', tMin: 1e-5 }), vpLinear()).id).toBe('uniform-time(vp-linear(0.1,20),0.00001,1)');
    expect(noiseLawOf(settingsOf({ law: 'sub-vp' }), subVp({ betaMax: 15 })).id).toBe('uniform-time(sub-vp(0.1,15),0.001,1)');
    expect(noiseLawOf(settingsOf({ law: 'vp', betaMin: 1, betaMax: 2 }), vpLinear()).id).toBe('uniform-time(vp-linear(1,2),0.00001,1)');
    expect(noiseLawOf(settingsOf({ law: 'ddpm' }), vpDiscrete({ count: 100 })).id).toBe(
      'discrete-time(vp-discrete(0.0001,0.02,100,log-alpha),100)',
    );
    expect(noiseLawOf(settingsOf({ law: 've', sigmaMin: 0.02 }), ve()).id).toBe(`log-uniform(0.02,${ve().rho(1)})`);
  });

  it('refuse half of β, and a level that is none, by row', () => {
    expect(() => checkNoiseSettings('x', settingsOf({ betaMax: 3 }))).toThrow('[x] half of β');
    expect(() => drawLevels('x', settingsOf({ pMean: -2000, pStd: 0 }), { schedule: edm() }, 2, noise, 0)).toThrow(
      '[x] row 0 is trained at a noise level that is none: got 0, expected a finite ρ > 0; choose other parameters of the law edm',
    );
    expect(() => drawLevels('x', settingsOf({ pMean: 2000, pStd: 0 }), { schedule: edm() }, 2, noise, 0)).toThrow('got Infinity');
  });
});
