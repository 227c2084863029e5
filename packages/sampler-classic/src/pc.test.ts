import { gaussian } from '@tweedie/analytic';
import { testSampler } from '@tweedie/conformance';
import { createNoise, edm, karras, STREAM, timePower, ve, vpLinear, type Plan, type Sampler, type Schedule } from '@tweedie/core';
import { mul, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { distance, lifted, M3, posteriorMean, run, starts, type Point } from '../test/problems.ts';
import { pc } from './pc.ts';

testSampler({ create: () => pc() });
testSampler({ title: 'pc, three Langevin steps', create: () => pc({ correctorSteps: 3, snr: 0.1 }) });
testSampler({ title: 'pc, predictor alone', create: () => pc({ correctorSteps: 0 }) });
testSampler({ title: 'pc as published', create: () => pc({ parity: 'published' }) });

const noise = createNoise(3);

/** score_sde's predictor–corrector in x, line by line, of one image: α, σ and β of discrete levels. */
const inX = (
  denoise: typeof host,
  start: Point,
  levels: Float64Array,
  schedule: Schedule,
  snr: number,
  corrections: number,
  row: number,
): number[] => {
  const [alpha, sigma] = [
    Array.from(levels, (rho) => (rho === 0 ? 1 : schedule.alpha(schedule.timeOf(rho)))),
    Array.from(levels, (rho) => (rho === 0 ? 0 : schedule.sigma(schedule.timeOf(rho)))),
  ];
  const vp = schedule.id.startsWith('vp');
  let x = start.map((y) => y * alpha[0]!);
  for (let i = 0; i < levels.length - 1; i++) {
    const score = (at: Point): number[] =>
      denoise(
        at.map((v) => v / alpha[i]!),
        levels[i]!,
      ).map((d, k) => (alpha[i]! * d - at[k]!) / sigma[i]! ** 2);
    const z = (draw: number): Float64Array => noise.rows(row).hostNormal([1, x.length], { stream: STREAM.sampler, step: i, draw });
    const beta = 1 - (alpha[i]! / alpha[i + 1]!) ** 2;
    for (let c = 0; c < corrections; c++) {
      const [s, e] = [score(x), z(c + 1)];
      const tau = 2 * (vp ? 1 - beta : 1) * (snr * (Math.hypot(...e) / Math.hypot(...s))) ** 2;
      x = x.map((v, k) => v + tau * s[k]! + Math.sqrt(2 * tau) * e[k]!);
    }
    const [s, e] = [score(x), z(0)];
    const g2 = vp ? beta : sigma[i]! ** 2 - sigma[i + 1]! ** 2;
    const f = (v: number): number => (vp ? Math.sqrt(1 - beta) * v - v : 0);
    const last = i === levels.length - 2;
    x = x.map((v, k) => v - (f(v) - g2 * s[k]!) + (last ? 0 : Math.sqrt(g2) * e[k]!));
  }
  return x.map((v) => v / alpha.at(-1)!);
};
const host = posteriorMean(M3);

describe('pc', () => {
  it.each([
    ['VE', ve(), karras({ steps: 12, max: 50, min: 0.01, zero: true })],
    ['VP', vpLinear(), timePower(vpLinear(), { steps: 12, max: vpLinear().rho(1), min: vpLinear().rho(1e-3), power: 1, zero: true })],
    ['VP, not to 0', vpLinear(), timePower(vpLinear(), { steps: 6, max: vpLinear().rho(0.7), min: vpLinear().rho(1e-2), power: 1 })],
  ] as const)('%s: is score_sde’s rule in x, noise for noise', async (_, schedule, levels) => {
    for (const [snr, correctorSteps] of [
      [0.16, 1],
      [0.075, 2],
      [0.16, 0],
    ] as const) {
      // prettier-ignore
      const sampler = pc({ snr, correctorSteps });
      const plan = sampler.plan(schedule, levels);
      const from = starts(levels[0]!, 3).slice(0, 5);
      const got = await run(sampler, lifted(host), from, plan, noise);
      const want = from.map((start, row) => inX(host, start, levels, schedule, snr, correctorSteps, row));
      expect(distance(got, want)).toBeLessThan(2e-5 * Math.max(1, ...want.flat().map(Math.abs)));
      expect(plan.nfe).toBe(plan.steps.length * (correctorSteps + 1));
    }
  });

  /** Variance after every level, by the recursion of moments: of a Gaussian everything is linear, and r is 1/std of ε̂. */
  const recursion = (plan: Plan, start: number, v: number, corrections: number): number[] => {
    let variance = start;
    return plan.steps.map((step, i) => {
      const { correct, keep, pull, noise: sd } = step as Readonly<Record<string, number>>;
      const rho = plan.levels[i]!;
      const slope = rho / (v + rho * rho); // ε̂ = slope · y
      for (let c = 0; c < corrections; c++) {
        const r = 1 / (slope * Math.sqrt(variance));
        variance = variance * (1 - 2 * (correct! * r) ** 2 * rho * slope) ** 2 + (2 * correct! * r * rho) ** 2;
      }
      variance = (keep! + pull! * slope) ** 2 * variance + sd! ** 2;
      return variance;
    });
  };

  it.each([
    ['VE, published', ve(), 4, 'published', 20_000],
    ['VP, published', vpLinear(), 4, 'published', 20_000],
    ['VE, norms of each image', ve(), 800, 'exact', 100],
    ['VP, norms of each image', vpLinear(), 800, 'exact', 100],
  ] as const)(
    'P14, %s: a Gaussian’s variance at every level is that of the recursion (4 standard errors)',
    async (_, schedule, dims, parity, rows) => {
      const v = 0.3;
      const truth = gaussian({ mean: new Float64Array(dims), isotropic: v });
      const sampler: Sampler = pc({ parity, correctorSteps: 2 });
      const levels = karras({ steps: 5, max: 10, min: 0.05 });
      const plan = sampler.plan(schedule, levels);
      const z = createNoise(8).normal([rows, dims], { stream: STREAM.prior });
      const start = mul(z, Math.sqrt(v + 100)); // the exact state at ρ = 10
      const want = [v + 100, ...recursion(plan, v + 100, v, 2)];
      const seen: number[] = [];
      const variance = async (y: Tensor): Promise<void> => {
        const values = Float64Array.from(await y.data());
        seen.push(values.reduce((sum, x) => sum + x * x, 0) / values.length);
      };
      const generator = sampler.steps(truth.denoiser, start, plan, createNoise(9));
      for (;;) {
        const turn = await generator.next();
        if (turn.done) {
          await variance(turn.value);
          turn.value.dispose();
          break;
        }
        await variance(turn.value.y);
      }
      z.dispose();
      start.dispose();
      const bound = 4 * Math.sqrt(2 / (rows * dims)) + (parity === 'exact' ? 1.5 / dims : 0);
      seen.forEach((got, i) => expect(Math.abs(got / want[i]! - 1)).toBeLessThan(bound));
      // The Langevin steps hold the law that the coarse predictor alone would leave.
      const alone = recursion(plan, v + 100, v, 0);
      const exact = (i: number): number => v + levels[i + 1]! ** 2;
      expect(Math.abs(want[4]! / exact(3) - 1)).toBeLessThan(Math.abs(alone[3]! / exact(3) - 1));
    },
  );

  it('couples the images of a batch only as published', async () => {
    const levels = karras({ steps: 4, max: 20, min: 0.05 });
    const from = starts(20, 3).slice(0, 4);
    const gap = async (sampler: Sampler): Promise<number> => {
      const plan = sampler.plan(edm(), levels);
      const whole = await run(sampler, lifted(host), from, plan, noise);
      const alone = await Promise.all(from.map((start, row) => run(sampler, lifted(host), [start], plan, noise.rows(row))));
      return distance(whole, alone.map(([one]) => one!)); // prettier-ignore
    };
    expect(await gap(pc())).toBeLessThan(1e-5);
    expect(await gap(pc({ parity: 'published' }))).toBeGreaterThan(1e-2);
    expect(pc({ parity: 'published' }).facts.batchCoupled).toBe(true);
    expect(pc().facts.batchCoupled).toBe(false);
  });
});
