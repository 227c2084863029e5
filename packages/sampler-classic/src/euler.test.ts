import { memory } from '@tensorflow/tfjs-core';
import { createNoise, edm, karras, logSnr, STREAM, timePower, vpLinear, type PlanStep } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import {
  along,
  combine,
  distance,
  FIXTURE,
  flow,
  G5,
  lifted,
  M3,
  posteriorMean,
  relative,
  run,
  slopes,
  starts,
  toRows,
  type Denoise64,
  type Point,
} from '../test/problems.ts';
import { ddim, euler } from './euler.ts';

const noise = createNoise(3n);

/** Euler as it is written: y ← y + (ρ' − ρ)(y − D)/ρ. */
const eulerReference = (denoise: Denoise64, start: Point, levels: Float64Array): number[] => {
  let y = [...start];
  for (let i = 0; i + 1 < levels.length; i++) {
    const rho = levels[i]!;
    const d = denoise(y, rho).map((x0, k) => (y[k]! - x0) / rho);
    y = along(y, d, levels[i + 1]! - rho);
  }
  return y;
};

/** DDIM(η) as it is written, in x under VP: x_s = α_s x̂ + √(σ_s² − v) ε̂ + √v z, v = η² σ²_{t|s} σ_s²/σ_t². */
const ddimReference = (denoise: Denoise64, start: Point, levels: Float64Array, eta: number, z: (i: number) => Point): number[] => {
  const vp = vpLinear();
  let y = [...start];
  for (let i = 0; i + 1 < levels.length; i++) {
    const [t, s] = [vp.timeOf(levels[i]!), vp.timeOf(levels[i + 1]!)];
    const [alphaT, sigmaT, alphaS, sigmaS] = [vp.alpha(t), vp.sigma(t), vp.alpha(s), vp.sigma(s)];
    const x0 = denoise(y, levels[i]!);
    const eps = y.map((yk, k) => (alphaT * yk - alphaT * x0[k]!) / sigmaT);
    const between = sigmaT ** 2 - (alphaT / alphaS) ** 2 * sigmaS ** 2;
    const v = (eta ** 2 * between * sigmaS ** 2) / sigmaT ** 2;
    y = combine([alphaS, x0], [Math.sqrt(sigmaS ** 2 - v), eps], [Math.sqrt(v), z(i)]).map((x) => x / alphaS);
  }
  return y;
};

/** The plan alone, in float64. */
const byPlan = (denoise: Denoise64, start: Point, levels: Float64Array, steps: readonly PlanStep[]): number[] =>
  steps.reduce<number[]>(
    (y, step, i) => combine([step['keep'] as number, y], [(step['model'] as number[])[0]!, denoise(y, levels[i]!)]),
    [...start],
  );

describe('euler and ddim', () => {
  it('reproduce the golden trajectories of the 1-D mixture (samplers.md 13.6)', async () => {
    const levels = karras({ steps: 8, max: 80, min: 0.002 });
    const denoise = posteriorMean(FIXTURE);
    const golden = [[0.4522344861], [0.0713292087], [0.2636721012]];
    const from = [[40], [-25], [3]];
    expect(
      distance(
        from.map((y) => eulerReference(denoise, y, levels)),
        golden,
      ),
    ).toBeLessThan(1e-9);
    expect(
      distance(
        from.map((y) => byPlan(denoise, y, levels, euler().plan(edm(), levels).steps)),
        golden,
      ),
    ).toBeLessThan(1e-9);
    expect(distance(await run(euler(), lifted(denoise), from, euler().plan(edm(), levels), noise), golden)).toBeLessThan(1e-5);
    const exact = [0.5444605206, 0.1322564505, 0.3484495381];
    from.forEach((y, i) => expect(flow(denoise, y, 80, 0.002)[0]).toBeCloseTo(exact[i]!, 8)); // the oracle itself
  });

  it('are first order: slope .97–1.03 (12.2, N = 20…320)', () => {
    const denoise = posteriorMean(M3);
    const from = starts(80, 3);
    const exact = from.map((y) => flow(denoise, y, 80, 0.002));
    for (const grid of [karras, logSnr]) {
      const errors = [20, 40, 80, 160, 320].map((steps) => {
        const levels = grid({ steps, max: 80, min: 0.002 });
        const { steps: plan } = euler().plan(edm(), levels);
        return distance(
          from.map((y) => byPlan(denoise, y, levels, plan)),
          exact,
        );
      });
      const last = slopes(errors).at(-1)!;
      expect(last).toBeGreaterThan(0.97);
      expect(last).toBeLessThan(1.03);
    }
  });

  it('E1, E2: constant ε̂ and constant x̂₀ are integrated exactly', () => {
    const levels = karras({ steps: 12, max: 80, min: 0.002 });
    const { steps } = euler().plan(edm(), levels);
    const start = [40, -25];
    const eps = byPlan((y, rho) => [y[0]! - rho * 0.7, y[1]! + rho * 1.3], start, levels, steps);
    expect(distance([eps], [[40 + 0.7 * (0.002 - 80), -25 - 1.3 * (0.002 - 80)]])).toBeLessThan(1e-11);
    const x0 = byPlan(() => [0.25, -0.5], start, levels, steps);
    expect(distance([x0], [[0.25 + (0.002 / 80) * (40 - 0.25), -0.5 + (0.002 / 80) * (-25 + 0.5)]])).toBeLessThan(1e-14);
  });

  it('E5, E7: DDIM(0) under VP, in x, is Euler under EDM on the same ρ', () => {
    const levels = timePower(vpLinear(), { steps: 10, max: vpLinear().rho(1), min: vpLinear().rho(1e-3), power: 2 });
    const denoise = posteriorMean(M3);
    const from = starts(levels[0]!, 3);
    const inX = from.map((y) => ddimReference(denoise, y, levels, 0, () => [0, 0, 0]));
    expect(
      distance(
        inX,
        from.map((y) => eulerReference(denoise, y, levels)),
      ),
    ).toBeLessThan(1e-11);
    expect(ddim({ eta: 0 }).plan(vpLinear(), levels).steps).toEqual(euler().plan(edm(), levels).steps);
  });

  it('E24: DDIM(1) adds the posterior variance, and DDIM(η) is the published rule, noise for noise', async () => {
    const levels = karras({ steps: 7, max: 20, min: 0.02, zero: true });
    const { steps } = ddim({ eta: 1 }).plan(edm(), levels);
    steps.forEach(({ noise: sd }, i) => {
      const [rho, next] = [levels[i]!, levels[i + 1]!];
      // p(y' | y, x₀) in y: precision 1/ρ'² + 1/(ρ² − ρ'²).
      const variance = next === 0 ? 0 : 1 / (1 / next ** 2 + 1 / (rho ** 2 - next ** 2));
      expect(Math.abs((sd as number) ** 2 - variance)).toBeLessThan(1e-13 * Math.max(1, variance));
    });
    const denoise = posteriorMean(M3);
    const grid = karras({ steps: 7, max: 20, min: 0.02 });
    const from = starts(20, 3);
    const z = (i: number, row: number): Point => [...noise.rows(row).hostNormal([1, 3], { stream: STREAM.sampler, step: i })];
    for (const eta of [0.5, 1]) {
      const sampler = ddim({ eta });
      const got = await run(sampler, lifted(denoise), from, sampler.plan(vpLinear(), grid), noise);
      const want = from.map((y, row) => ddimReference(denoise, y, grid, eta, (i) => z(i, row)));
      expect(relative(got, want)).toBeLessThan(1e-5);
    }
  });

  it('D1: DDIM(1) on a Gaussian keeps its variance to first order (weak order 1)', () => {
    // On an isotropic mode v the run is linear: the variance obeys m ← a² m + noise², exactly.
    const error = (steps: number): number => {
      const levels = karras({ steps, max: 80, min: 0.002 });
      const plan = ddim({ eta: 1 }).plan(edm(), levels).steps;
      return Math.max(
        ...G5.variances[0]!.map((v) => {
          let m = v + 80 ** 2;
          plan.forEach(({ keep, model, noise: sd }, i) => {
            const a = (keep as number) + ((model as number[])[0]! * v) / (v + levels[i]! ** 2);
            m = a * a * m + (sd as number) ** 2;
          });
          return Math.abs(m - v - 0.002 ** 2);
        }),
      );
    };
    const last = slopes([160, 320, 640].map(error)).at(-1)!;
    expect(last).toBeGreaterThan(0.95);
    expect(last).toBeLessThan(1.05);
  });

  it('D7: float32 tensors agree with float64 over whole runs of 50 steps, to 0 as well', async () => {
    const denoise = posteriorMean(M3);
    const from = starts(80, 3);
    for (const zero of [false, true]) {
      const levels = karras({ steps: 50, max: 80, min: 0.002, zero });
      const got = await run(euler(), lifted(denoise), from, euler().plan(edm(), levels), noise);
      expect(
        relative(
          got,
          from.map((y) => eulerReference(denoise, y, levels)),
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it('yields y at levels[i] and x0 = D(y; levels[i]) before each update, one call a step', async () => {
    const levels = karras({ steps: 5, max: 80, min: 0.002, zero: true });
    let calls = 0;
    const inner = lifted(posteriorMean(M3));
    const seen: number[] = [];
    const end = await run(
      euler(),
      (y, rho) => (calls++, inner(y, rho)),
      starts(80, 3),
      euler().plan(edm(), levels),
      noise,
      async ({ i, rho, y, x0 }) => {
        expect(rho).toBe(levels[i]);
        const again = await inner(y, rho);
        expect(distance(await toRows(again), await toRows(x0))).toBe(0);
        again.dispose();
        seen.push(i);
      },
    );
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(calls).toBe(euler().plan(edm(), levels).nfe);
    expect(end.flat().every(Number.isFinite)).toBe(true);
  });

  it('D4, D8: refuses grids it cannot use, is finite at N = 1, and leaks nothing', async () => {
    for (const bad of [[1], [1, 1], [1, 2], [2, 0, 0], [2, 1, -1], [NaN, 1]]) {
      expect(() => euler().plan(edm(), Float64Array.from(bad))).toThrow(/^\[euler\]/);
    }
    expect(() => ddim({ eta: 2 })).toThrow();
    const before = memory().numTensors;
    for (const grid of [
      [80, 0],
      [80, 0.002],
      [80, 1, 0],
    ]) {
      for (const sampler of [euler(), ddim({ eta: 1 })]) {
        const end = await run(sampler, lifted(posteriorMean(M3)), starts(80, 3), sampler.plan(edm(), Float64Array.from(grid)), noise);
        expect(end.flat().every(Number.isFinite)).toBe(true);
      }
    }
    expect(memory().numTensors).toBe(before);
  });
});
