import { memory } from '@tensorflow/tfjs-core';
import { createNoise, edm, karras, logSnr, STREAM, timePower, vpLinear, type PlanStep } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import {
  along,
  combine,
  distance,
  FIXTURE,
  flow,
  lifted,
  M3,
  posteriorMean,
  relative,
  run,
  slopes,
  starts,
  type Denoise64,
  type Point,
} from '../test/problems.ts';
import { heun, type HeunOptions } from './heun.ts';

const noise = createNoise(5n);

/** Algorithm 2 of the paper as it is written. */
const heunReference = (
  denoise: Denoise64,
  start: Point,
  levels: Float64Array,
  { sChurn = 0, sMin = 0, sMax = Infinity, sNoise = 1 }: HeunOptions = {},
  z: (i: number) => Point = (i) => start.map(() => i * NaN),
): number[] => {
  const count = levels.length - 1;
  let y = [...start];
  for (let i = 0; i < count; i++) {
    const [t, next] = [levels[i]!, levels[i + 1]!];
    const gamma = t >= sMin && t <= sMax ? Math.min(sChurn / count, Math.sqrt(2) - 1) : 0;
    const hat = t + gamma * t;
    const yHat = gamma > 0 ? along(y, z(i), sNoise * Math.sqrt(hat ** 2 - t ** 2)) : y;
    const slope = (at: Point, rho: number): number[] => denoise(at, rho).map((x0, k) => (at[k]! - x0) / rho);
    const d = slope(yHat, hat);
    y = along(yHat, d, next - hat);
    if (next !== 0) {
      const dPrime = slope(y, next);
      y = combine([1, yHat], [0.5 * (next - hat), d], [0.5 * (next - hat), dPrime]);
    }
  }
  return y;
};

/** The plan alone, in float64, without noise. */
const byPlan = (denoise: Denoise64, start: Point, levels: Float64Array, steps: readonly PlanStep[]): number[] =>
  steps.reduce<number[]>(
    (y, step, i) => {
      const [keep, pull] = step['predict'] as [number, number];
      const first = denoise(y, step['hat'] as number);
      const predicted = combine([keep, y], [pull, first]);
      const [a, b, c] = step['correct'] as number[];
      return a === undefined ? predicted : combine([a, y], [b!, first], [c!, denoise(predicted, levels[i + 1]!)]);
    },
    [...start],
  );

describe('heun', () => {
  it('reproduces the golden trajectories of the 1-D mixture (samplers.md 13.6)', async () => {
    const levels = karras({ steps: 8, max: 80, min: 0.002 });
    const denoise = posteriorMean(FIXTURE);
    const golden = [[0.6564718985], [0.1361637591], [0.3944980494]];
    const from = [[40], [-25], [3]];
    expect(
      distance(
        from.map((y) => heunReference(denoise, y, levels)),
        golden,
      ),
    ).toBeLessThan(1e-9);
    expect(
      distance(
        from.map((y) => byPlan(denoise, y, levels, heun().plan(edm(), levels).steps)),
        golden,
      ),
    ).toBeLessThan(1e-9);
    expect(distance(await run(heun(), lifted(denoise), from, heun().plan(edm(), levels), noise), golden)).toBeLessThan(1e-5);
  });

  it('is second order: slope 2 ± .15 on Karras, log-SNR and t² grids (12.2)', () => {
    const denoise = posteriorMean(M3);
    const vp = vpLinear();
    const grids = [
      (steps: number) => karras({ steps, max: 80, min: 0.002 }),
      (steps: number) => logSnr({ steps, max: 80, min: 0.002 }),
      (steps: number) => timePower(vp, { steps, max: vp.rho(1), min: vp.rho(1e-3), power: 2 }),
    ];
    for (const grid of grids) {
      const [max, min] = [grid(1)[0]!, grid(1)[1]!];
      const from = starts(max, 3);
      const exact = from.map((y) => flow(denoise, y, max, min));
      const errors = [20, 40, 80, 160, 320].map((steps) => {
        const levels = grid(steps);
        const { steps: plan } = heun().plan(edm(), levels);
        return distance(
          from.map((y) => byPlan(denoise, y, levels, plan)),
          exact,
        );
      });
      const last = slopes(errors).at(-1)!;
      expect(last).toBeGreaterThan(1.85);
      expect(last).toBeLessThan(2.15);
    }
  });

  it('E1: a constant ε̂ is integrated exactly; a last step to 0 is the Euler step that gives x̂₀', () => {
    const levels = karras({ steps: 12, max: 80, min: 0.002, zero: true });
    const end = byPlan((y, rho) => [y[0]! - rho * 0.7, y[1]! + rho * 1.3], [40, -25], levels, heun().plan(edm(), levels).steps);
    expect(distance([end], [[40 - 0.7 * 80, -25 + 1.3 * 80]])).toBeLessThan(1e-12 * 80);
    expect(heun().plan(edm(), levels).steps.at(-1)).toMatchObject({ predict: [0, 1], correct: [] });
  });

  it('E22: without churn it is the two-stage rule of ρRK, in ε̂ and in any schedule', () => {
    const levels = timePower(vpLinear(), { steps: 9, max: vpLinear().rho(1), min: vpLinear().rho(1e-3), power: 2 });
    const denoise = posteriorMean(M3);
    for (const start of starts(levels[0]!, 3)) {
      let y = [...start];
      for (let i = 0; i < 9; i++) {
        const h = levels[i + 1]! - levels[i]!;
        const k1 = denoise(y, levels[i]!).map((d, k) => (y[k]! - d) / levels[i]!);
        const mid = along(y, k1, h);
        const k2 = denoise(mid, levels[i + 1]!).map((d, k) => (mid[k]! - d) / levels[i + 1]!);
        y = combine([1, y], [h / 2, k1], [h / 2, k2]);
      }
      expect(distance([byPlan(denoise, start, levels, heun().plan(vpLinear(), levels).steps)], [y])).toBeLessThan(1e-12 * levels[0]!);
    }
    expect(heun().plan(vpLinear(), levels).steps).toEqual(heun().plan(edm(), levels).steps);
  });

  it('churns as algorithm 2 does, noise for noise, within [S_min, S_max] alone', async () => {
    const levels = karras({ steps: 9, max: 80, min: 0.002, zero: true });
    const denoise = posteriorMean(M3);
    const from = starts(80, 3);
    const options = { sChurn: 2.5, sMin: 0.05, sMax: 50, sNoise: 1.003 };
    const sampler = heun(options);
    const plan = sampler.plan(edm(), levels);
    plan.steps.forEach(({ noise: sd, hat }, i) => {
      const inside = levels[i]! >= 0.05 && levels[i]! <= 50;
      expect((sd as number) > 0).toBe(inside);
      expect(hat as number).toBeCloseTo(levels[i]! * (inside ? 1 + 2.5 / 9 : 1), 12);
    });
    const z = (i: number, row: number): Point => [...noise.rows(row).hostNormal([1, 3], { stream: STREAM.sampler, step: i })];
    const got = await run(sampler, lifted(denoise), from, plan, noise);
    expect(
      relative(
        got,
        from.map((y, row) => heunReference(denoise, y, levels, options, (i) => z(i, row))),
      ),
    ).toBeLessThan(1e-5);
    expect(heun({ sChurn: 40 }).plan(edm(), levels)).toMatchObject({ notes: [expect.stringContaining('√2 − 1')] });
    expect(() => heun({ sMin: 2, sMax: 1 })).toThrow(/range of churn is empty/);
  });

  it('D7: float32 tensors agree with float64 over whole runs of 50 steps, to 0 as well', async () => {
    const denoise = posteriorMean(M3);
    const from = starts(80, 3);
    for (const zero of [false, true]) {
      const levels = karras({ steps: 50, max: 80, min: 0.002, zero });
      const got = await run(heun(), lifted(denoise), from, heun().plan(edm(), levels), noise);
      expect(
        relative(
          got,
          from.map((y) => heunReference(denoise, y, levels)),
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it('costs 2N − 1 calls to 0 and 2N elsewhere, is finite at N = 1, and leaks nothing', async () => {
    const before = memory().numTensors;
    const inner = lifted(posteriorMean(M3));
    for (const grid of [
      [80, 0],
      [80, 0.002],
      [80, 1, 0],
      [80, 1, 0.1],
    ]) {
      for (const sampler of [heun(), heun({ sChurn: 1 })]) {
        const plan = sampler.plan(edm(), Float64Array.from(grid));
        let calls = 0;
        const end = await run(sampler, (y, rho) => (calls++, inner(y, rho)), starts(80, 3), plan, noise);
        expect(end.flat().every(Number.isFinite)).toBe(true);
        expect(calls).toBe(plan.nfe);
        expect(plan.nfe).toBe(2 * (grid.length - 1) - (grid.at(-1) === 0 ? 1 : 0));
      }
    }
    expect(memory().numTensors).toBe(before);
    expect(() => heun().plan(edm(), Float64Array.of(2, 0, 0))).toThrow(/^\[heun\]/);
  });
});
