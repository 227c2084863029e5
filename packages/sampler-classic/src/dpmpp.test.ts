import { memory } from '@tensorflow/tfjs-core';
import { createNoise, edm, karras, logSnr, timePower, vpLinear, type PlanStep } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import {
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
import { dpmpp2m } from './dpmpp.ts';

const noise = createNoise(7n);
const never = dpmpp2m({ lowerOrderFinal: 'never' });

/** 2M as it is written, in x and λ under VP: x' = (σ'/σ) x − α' expm1(−h) [x̂₀ + (x̂₀ − x̂₀₋₁)/2r₀]; returns y. */
const inX = (denoise: Denoise64, start: Point, levels: Float64Array, lowered = false): number[] => {
  const vp = vpLinear();
  const at = (rho: number): { alpha: number; sigma: number; lambda: number } => {
    const t = vp.timeOf(rho);
    return { alpha: vp.alpha(t), sigma: vp.sigma(t), lambda: Math.log(vp.alpha(t) / vp.sigma(t)) };
  };
  let x = start.map((y) => y * at(levels[0]!).alpha);
  let old: number[] | undefined;
  for (let i = 0; i + 1 < levels.length; i++) {
    const [now, next] = [at(levels[i]!), at(levels[i + 1]!)];
    const x0 = denoise(
      x.map((xk) => xk / now.alpha),
      levels[i]!,
    );
    const h = next.lambda - now.lambda;
    const r0 = old === undefined ? 1 : (now.lambda - at(levels[i - 1]!).lambda) / h;
    const last = lowered && i + 2 === levels.length;
    const d = old === undefined || last ? x0 : combine([1 + 1 / (2 * r0), x0], [-1 / (2 * r0), old]);
    x = combine([next.sigma / now.sigma, x], [-next.alpha * Math.expm1(-h), d]);
    old = x0;
  }
  return x.map((xk) => xk / at(levels.at(-1)!).alpha);
};

/** The plan alone, in float64. */
const byPlan = (denoise: Denoise64, start: Point, levels: Float64Array, steps: readonly PlanStep[]): number[] => {
  let y = [...start];
  let old: number[] = [];
  steps.forEach((step, i) => {
    const x0 = denoise(y, levels[i]!);
    const [newest, older] = step['model'] as number[];
    y = combine([step['keep'] as number, y], [newest!, x0], ...(older === undefined ? [] : [[older, old] as const]));
    old = x0;
  });
  return y;
};

describe('dpmpp-2m', () => {
  it('reproduces the golden trajectories of the 1-D mixture (samplers.md 13.6)', async () => {
    const levels = karras({ steps: 8, max: 80, min: 0.002 });
    const denoise = posteriorMean(FIXTURE);
    const golden = [[0.6763360235], [0.1205119989], [0.4087446207]];
    const from = [[40], [-25], [3]];
    expect(
      distance(
        from.map((y) => byPlan(denoise, y, levels, never.plan(edm(), levels).steps)),
        golden,
      ),
    ).toBeLessThan(1e-9);
    expect(distance(await run(never, lifted(denoise), from, never.plan(edm(), levels), noise), golden)).toBeLessThan(1e-5);
  });

  it('is second order: slope 2 ± .1 (12.2; lower-order-final off)', () => {
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
        const { steps: plan } = never.plan(edm(), levels);
        return distance(
          from.map((y) => byPlan(denoise, y, levels, plan)),
          exact,
        );
      });
      const last = slopes(errors).at(-1)!;
      expect(last).toBeGreaterThan(1.9);
      expect(last).toBeLessThan(2.1);
    }
  });

  it('E1, E2: constant ε̂ and constant x̂₀ are integrated exactly', () => {
    const levels = karras({ steps: 12, max: 80, min: 0.002 });
    const start = [40, -25];
    const x0 = byPlan(() => [0.25, -0.5], start, levels, never.plan(edm(), levels).steps);
    expect(distance([x0], [[0.25 + (0.002 / 80) * (40 - 0.25), -0.5 + (0.002 / 80) * (-25 + 0.5)]])).toBeLessThan(1e-14);
    const eps = byPlan((y, rho) => [y[0]! - rho * 0.7, y[1]! + rho * 1.3], start, levels, never.plan(edm(), levels).steps);
    expect(distance([eps], [[40 + 0.7 * (0.002 - 80), -25 - 1.3 * (0.002 - 80)]])).toBeLessThan(1e-11);
  });

  it('E7: the published form in x and λ under VP is the plan in y and ρ', () => {
    const vp = vpLinear();
    const levels = timePower(vp, { steps: 12, max: vp.rho(1), min: vp.rho(1e-3), power: 2 });
    const denoise = posteriorMean(M3);
    for (const [sampler, lowered] of [
      [never, false],
      [dpmpp2m(), true],
    ] as const) {
      for (const start of starts(levels[0]!, 3)) {
        expect(
          distance([byPlan(denoise, start, levels, sampler.plan(vp, levels).steps)], [inX(denoise, start, levels, lowered)]),
        ).toBeLessThan(1e-10);
      }
    }
    expect(never.plan(vp, levels).steps).toEqual(never.plan(edm(), levels).steps);
  });

  it('lowers the last step below 15 steps, always, or never, and says so; the first step and a step to 0 have order 1', () => {
    const orders = (sampler: typeof never, steps: number, zero = false): number[] =>
      sampler.plan(edm(), karras({ steps, max: 80, min: 0.002, zero })).steps.map(({ model }) => (model as number[]).length);
    expect(orders(dpmpp2m(), 4)).toEqual([1, 2, 2, 1]);
    expect(orders(dpmpp2m(), 14).at(-1)).toBe(1);
    expect(orders(dpmpp2m(), 15).at(-1)).toBe(2);
    expect(orders(dpmpp2m({ lowerOrderFinal: 'always' }), 20).at(-1)).toBe(1);
    expect(orders(never, 4)).toEqual([1, 2, 2, 2]);
    expect(orders(never, 4, true)).toEqual([1, 2, 2, 1]);
    expect(never.plan(edm(), Float64Array.of(80, 1, 0)).steps.at(-1)).toEqual({ keep: 0, model: [1] });
    expect(dpmpp2m().plan(edm(), karras({ steps: 4, max: 80, min: 1 })).notes[0]).toMatch(/last of 4 steps are of lower order/);
    expect(dpmpp2m().plan(edm(), Float64Array.of(80, 1)).notes[0]).toMatch(/order 1 at most/);
    expect(dpmpp2m().plan(edm(), karras({ steps: 15, max: 80, min: 1 })).notes).toEqual([]);
  });

  it('D7: float32 tensors agree with float64 over whole runs of 50 steps', async () => {
    const denoise = posteriorMean(M3);
    const from = starts(80, 3);
    const levels = karras({ steps: 50, max: 80, min: 0.002 });
    const got = await run(never, lifted(denoise), from, never.plan(edm(), levels), noise);
    expect(
      relative(
        got,
        from.map((y) => inX(denoise, y, levels)),
      ),
    ).toBeLessThan(1e-5);
  });

  it('D5: two runs of one instance, interleaved, are what they are alone', async () => {
    const denoise = lifted(posteriorMean(M3));
    const levels = karras({ steps: 6, max: 80, min: 0.002, zero: true });
    const sampler = dpmpp2m();
    const plan = sampler.plan(edm(), levels);
    const [a, b] = [starts(80, 3).slice(0, 4), starts(80, 3).slice(4, 8)];
    const alone = [await run(sampler, denoise, a, plan, noise), await run(sampler, denoise, b, plan, noise)];
    const together = await Promise.all([run(sampler, denoise, a, plan, noise), run(sampler, denoise, b, plan, noise)]);
    expect(together).toEqual(alone);
  });

  it('D4, D8: is finite at N = 1, 2, 3, 9, 27 and to 0, refuses duplicates, and leaks nothing', async () => {
    const before = memory().numTensors;
    for (const steps of [1, 2, 3, 9, 27]) {
      for (const zero of [false, true]) {
        if (zero && steps === 1) continue;
        const plan = dpmpp2m().plan(edm(), karras({ steps, max: 80, min: 0.002, zero }));
        const end = await run(dpmpp2m(), lifted(posteriorMean(M3)), starts(80, 3), plan, noise);
        expect(end.flat().every(Number.isFinite)).toBe(true);
        expect(plan.nfe).toBe(steps);
      }
    }
    expect(memory().numTensors).toBe(before);
    expect(() => dpmpp2m().plan(edm(), Float64Array.of(2, 1, 1))).toThrow(/^\[dpmpp-2m\]/);
  });
});
