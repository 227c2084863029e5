import { G5, gaussian, M3 } from '@tweedie/analytic';
import { testSampler } from '@tweedie/conformance';
import { memory } from '@tensorflow/tfjs-core';
import {
  createNoise,
  decodeStatistics,
  edm,
  encodeStatistics,
  karras,
  logSnr,
  vpLinear,
  type Dataset,
  type PlanStep,
  type Sampler,
  type StatisticsFile,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { distance, flow, M3 as HOST3, posteriorMean, run, starts, type Point } from '../test/problems.ts';
import { dpmSolverV3, type DpmSolverV3Options } from './dpm-solver-v3.ts';
import { estimateEms } from './ems-estimate.ts';
import { gaussianEms, tableEms } from './ems.ts';
import { unipc } from './unipc.ts';

const EXACT = {
  'is exact for constant x̂₀ and constant ε̂': 'its linear part is a Gaussian’s; with sigmaData: 0, which is DPM-Solver++, it is exact',
};
testSampler({
  create: () => dpmSolverV3(),
  order: { create: () => dpmSolverV3({ lowerOrderFinal: 'never' }), window: [0.3, 1] },
  deviates: EXACT,
});
for (const order of [1, 2, 3] as const)
  testSampler({
    title: `dpm-solver-v3 of order ${order}, l = 1`,
    create: () => dpmSolverV3({ sigmaData: 0, order }),
    order: { create: () => dpmSolverV3({ sigmaData: 0, order, lowerOrderFinal: 'never' }), window: [0.3, 1] },
  });
testSampler({
  title: 'dpm-solver-v3 with a corrector, pixel by pixel',
  create: () => dpmSolverV3({ sigmaData: [0.7, 0.6, 0.7, 0.6], dataMean: [0, 0.3, -0.2, 0], corrector: true, pseudo: true, order: 3 }),
  order: { create: () => dpmSolverV3({ sigmaData: [0.7, 0.6, 0.7, 0.6], order: 3, corrector: true, lowerOrderFinal: 'never' }), window: [0.3, 1.5] }, // prettier-ignore
  deviates: EXACT,
});

const noise = createNoise(0);
/** Tables of n intervals, of one number a level. */
const table = (
  n: number,
  l: (rho: number) => number,
  s: (rho: number) => number,
  b: (rho: number) => number,
  max = 80,
  min = 0.002,
): StatisticsFile => {
  const levels = logSnr({ steps: n, max, min });
  const column = (f: (rho: number) => number) => ({ shape: [n + 1, 1], data: levels.map(f) });
  return {
    header: { kind: 'v3-ems' },
    tensors: { lambda: { shape: [n + 1], data: levels.map((rho) => -Math.log(rho)) }, l: column(l), s: column(s), b: column(b) },
  };
};
const [MU, V] = [0.3, 0.25];
const gaussianTable = (n: number): StatisticsFile =>
  table(n, (rho) => rho ** 2 / (V + rho ** 2), () => 0, (rho) => (2 * rho ** 2 * V * MU) / (V + rho ** 2) ** 2); // prettier-ignore

/** A plan of one number a coefficient, in float64. */
const host = (sampler: Sampler, denoise: (y: Point, rho: number) => number[], start: Point, levels: Float64Array): number[] => {
  let [y, before, history] = [start, start, [] as Point[]];
  const plan = sampler.plan(edm(), levels);
  const step = ([keep, ...rest]: readonly number[], from: Point, answers: readonly Point[]): number[] =>
    from.map((v, k) => keep! * v + rest.at(-1)! + rest.slice(0, -1).reduce((sum, w, j) => sum + w * answers[j]![k]!, 0));
  plan.steps.forEach((own: PlanStep, i) => {
    const d = denoise(y, levels[i]!);
    const f = y.map((v, k) => (own['rest'] as number) * v - d[k]!);
    history = [f, ...history];
    if (own['correct'] !== undefined) y = step(own['correct'] as readonly number[], before, history);
    before = y;
    y = step([own['keep'] as number, ...(own['model'] as readonly number[]), own['constant'] as number], y, history);
  });
  return [...y];
};

describe('dpm-solver-v3', () => {
  it('E18: with a Gaussian’s statistics one step is the flow; from a table of n intervals the error falls as n^−2', () => {
    const truth = (y: number): number => MU + Math.sqrt((V + 0.002 ** 2) / (V + 80 ** 2)) * (y - MU);
    const denoise = (y: Point, rho: number): number[] => y.map((v) => (V * v + rho ** 2 * MU) / (V + rho ** 2));
    const error = (options: DpmSolverV3Options): number =>
      Math.max(...[40, -25, 3].map((y) => Math.abs(host(dpmSolverV3(options), denoise, [y], Float64Array.of(80, 0.002))[0]! - truth(y))));
    expect(error({ dataMean: MU, sigmaData: Math.sqrt(V) })).toBeLessThan(1e-12);
    const errors = [60, 120, 240, 1200].map((n) => error({ statistics: gaussianTable(n) }));
    expect(errors[3]!).toBeLessThan(1e-6);
    for (const k of [1, 2]) expect(Math.log2(errors[k - 1]! / errors[k]!)).toBeCloseTo(2, 1);
    expect(Math.log(errors[2]! / errors[3]!) / Math.log(5)).toBeCloseTo(2, 1);
  });

  it('E18 of each pixel: G5 in one step of tensors, under VP and EDM', async () => {
    const sampler = dpmSolverV3({ dataMean: [...G5.mean], sigmaData: [2, 1, 0.5, 0.2, 0.1] });
    for (const schedule of [edm(), vpLinear()]) {
      const plan = sampler.plan(schedule, Float64Array.of(40, 0.02));
      const from = starts(40, 5).slice(0, 4);
      const want = G5.flow(from.flat(), 40, 0.02);
      const got = await run(sampler, G5.denoiser, from, plan, noise);
      expect(Math.max(...got.flat().map((v, k) => Math.abs(v - want[k]!)))).toBeLessThan(2e-5);
      expect(plan.notes).toContainEqual(expect.stringContaining('of each pixel'));
    }
  });

  it('E19: l = 1 is DPM-Solver++ of order 1, and any order is the exact multistep rule, as UniP; l = 0, s = −1 is that of ε̂', () => {
    const levels = karras({ steps: 8, max: 80, min: 0.002 });
    const denoise = posteriorMean(HOST3);
    const NEVER = { lowerOrderFinal: 'never' } as const;
    const linear = (sampler: Sampler, prediction: 'x0' | 'eps', y: Point): number[] => {
      let [at, history] = [[...y], [] as Point[]];
      sampler.plan(edm(), levels).steps.forEach((step, i) => {
        const d = denoise(at, levels[i]!);
        history = [prediction === 'x0' ? d : d.map((v, k) => (at[k]! - v) / levels[i]!), ...history];
        at = at.map(
          (v, k) => (step['keep'] as number) * v + (step['model'] as number[]).reduce((sum, w, j) => sum + w * history[j]![k]!, 0),
        );
      });
      return at;
    };
    const ones = table(1200, () => 1, () => 0, () => 0); // prettier-ignore
    const minus = table(1200, () => 0, () => -1, () => 0); // prettier-ignore
    for (const order of [1, 2, 3] as const) {
      const unip = (prediction: 'x0' | 'eps') => unipc({ order, prediction, corrector: false, parity: 'exact', ...NEVER });
      for (const y of starts(80, 3).slice(0, 4)) {
        const want = linear(unip('x0'), 'x0', y);
        expect(distance([host(dpmSolverV3({ order, sigmaData: 0, ...NEVER }), denoise, y, levels)], [want])).toBeLessThan(1e-9);
        expect(distance([host(dpmSolverV3({ order, statistics: ones, ...NEVER }), denoise, y, levels)], [want])).toBeLessThan(1e-9);
        const got = host(dpmSolverV3({ order, statistics: minus, ...NEVER }), denoise, y, levels);
        expect(distance([got], [linear(unip('eps'), 'eps', y)])).toBeLessThan(1e-9);
      }
    }
  });

  it('has its order whatever the statistics: 1, 2, 3 on M3', () => {
    const denoise = posteriorMean(HOST3);
    // From a level so high that the Euler step at the start is exact enough.
    const from = starts(80, 3).slice(0, 4);
    const truth = from.map((y) => flow(denoise, y, 80, 0.1));
    const odd = table(
      2000,
      (rho) => (rho ** 2 + 0.1) / (0.7 + rho ** 2),
      (rho) => 0.2 / (1 + rho ** 2),
      (rho) => (0.1 * rho ** 2) / (1 + rho ** 2) ** 2,
      80,
      0.1,
    );
    for (const order of [1, 2, 3] as const)
      for (const own of [{ sigmaData: 0 }, { sigmaData: 0.7, dataMean: 0.2 }, { statistics: odd }, { sigmaData: 0.7, corrector: true }]) {
        const error = (steps: number): number => {
          const levels = logSnr({ steps, max: 80, min: 0.1 });
          return distance(from.map((y) => host(dpmSolverV3({ order, lowerOrderFinal: 'never', ...own }), denoise, y, levels)), truth); // prettier-ignore
        };
        const slope = Math.log2(error(80) / error(160));
        expect(slope).toBeGreaterThan(order - 0.15);
        expect(slope).toBeLessThan(order + ('corrector' in own ? 1 : 0.4));
      }
  });

  it('a Gaussian’s statistics help on what is not Gaussian: a mixture at ten steps, orders 1 and 2', () => {
    const denoise = posteriorMean(HOST3);
    const levels = logSnr({ steps: 10, max: 80, min: 0.002 });
    const from = starts(80, 3);
    const truth = from.map((y) => flow(denoise, y, 80, 0.002));
    const error = (options: DpmSolverV3Options): number =>
      distance(
        from.map((y) => host(dpmSolverV3(options), denoise, y, levels)),
        truth,
      );
    for (const order of [1, 2] as const) expect(error({ order, sigmaData: 0.7 })).toBeLessThan(0.7 * error({ order, sigmaData: 0 }));
  });

  it('refuses levels and images that its statistics are not of', async () => {
    const sampler = dpmSolverV3({ statistics: gaussianTable(60) });
    expect(() => sampler.plan(edm({ sigmaMax: 90 }), Float64Array.of(90, 1))).toThrow(/leave those of the statistics/);
    expect(sampler.plan(edm(), Float64Array.of(80, 0.002, 0)).steps).toHaveLength(2);
    await expect(run(sampler, M3.denoiser, starts(80, 3), sampler.plan(edm(), Float64Array.of(80, 1)), noise)).rejects.toThrow(
      /another shape/,
    );
    const of = (change: object): (() => unknown) => () => tableEms({ ...gaussianTable(4), ...change } as StatisticsFile); // prettier-ignore
    expect(of({ header: { kind: 'gaussian' } })).toThrow(/another kind/);
    expect(of({ tensors: {} })).toThrow(/there is no "lambda"/);
    const { tensors } = gaussianTable(4);
    expect(of({ tensors: { ...tensors, s: { shape: [4, 1], data: new Float64Array(4) } } })).toThrow(/do not fit each other/);
    expect(of({ tensors: { ...tensors, lambda: { shape: [5], data: new Float64Array(5) } } })).toThrow(/do not rise/);
    expect(() => dpmSolverV3({ statistics: 'ems.safetensors' })).toThrow(/given as a path/);
    expect(() => dpmSolverV3({ sigmaData: -1 })).toThrow(/no standard deviation/);
    expect(() => dpmSolverV3({ sigmaData: [1, 2], dataMean: [0, 0, 0] })).toThrow(/different lengths/);
  });
});

describe('estimated statistics', () => {
  const dataset = (truth: typeof G5 | typeof M3, size: number, seed: number): Dataset => {
    const images = Float32Array.from(truth.sample(createNoise(seed), size));
    return {
      id: 'drawn',
      shape: truth.shape,
      classes: 0,
      size,
      rows: (indices) => ({ images: Float32Array.from(Array.from(indices).flatMap((i) => [...images.subarray(i * truth.dims, (i + 1) * truth.dims)])) }), // prettier-ignore
    };
  };

  it('of a diagonal Gaussian are the formula’s: l, b exactly, s = 0; the file survives, nothing leaks', async () => {
    const schedule = edm({ sigmaMax: 20, sigmaMin: 0.05 });
    const before = memory().numTensors;
    const seen: number[] = [];
    const made = await estimateEms({
      model: G5.model(schedule),
      dataset: dataset(G5, 64, 1),
      seed: 3n,
      n: 48,
      options: { grid: 60, batchSize: 32 },
      onProgress: (done, total) => seen.push(done / total),
    });
    expect(memory().numTensors).toBe(before);
    expect(seen.at(-1)).toBe(1);
    expect(made.header).toMatchObject({ kind: 'v3-ems', shape: [5], levels: [0.05, 20], n: 48, seed: 3, data: 'drawn' });
    const file = decodeStatistics(encodeStatistics(made), 'x');
    const exact = gaussianEms([...G5.mean], [2, 1, 0.5, 0.2, 0.1]);
    const ems = tableEms(file);
    for (const rho of [20, 5, 1, 0.3, 0.05]) expect(distance([[...ems.l(rho)]], [[...exact.l(rho)]])).toBeLessThan(2e-3);
    expect(Math.max(...Array.from(file.tensors['s']!.data, Math.abs))).toBe(0);
    const [a, b] = [ems.between(5, 0.5), exact.between(5, 0.5)];
    for (const key of ['keep', 'shift', 'constant'] as const) expect(distance([[...a[key]]], [[...b[key]]])).toBeLessThan(3e-3);
    const sampler = dpmSolverV3({ statistics: file });
    const from = starts(20, 5).slice(0, 4);
    const got = await run(sampler, G5.denoiser, from, sampler.plan(schedule, Float64Array.of(20, 0.05)), noise);
    const want = G5.flow(from.flat(), 20, 0.05);
    expect(Math.max(...got.flat().map((v, k) => Math.abs(v - want[k]!)))).toBeLessThan(1e-2);
  });

  it('l of a Gaussian that is not diagonal is 1 less the diagonal of the denoiser’s Jacobian, in 4 standard errors', async () => {
    const truth = gaussian({ mean: [0, 0], covariance: [1, 0.6, 0.6, 0.5] });
    const n = 4000;
    const images = Float32Array.from(truth.sample(createNoise(5), n));
    const made = await estimateEms({
      model: truth.model(edm({ sigmaMin: 0.5, sigmaMax: 2 })),
      dataset: { id: 'd', shape: [2], classes: 0, size: n, rows: (indices) => ({ images: images.slice(0, 2 * indices.length) }) },
      seed: 1n,
      n,
      options: { grid: 2, batchSize: 1000 },
    });
    [2, 1, 0.5].forEach((rho, i) => {
      const [a, b, d] = [1 + rho ** 2, 0.6, 0.5 + rho ** 2];
      const inverse = rho ** 2 / (a * d - b * b); // I − Σ(Σ + ρ²)⁻¹ = ρ² (Σ + ρ²)⁻¹
      const off = inverse * b; // what v ∘ Jᵀv adds: ± off
      expect(Math.abs(made.tensors['l']!.data[2 * i]! - inverse * d)).toBeLessThan((4 * off) / Math.sqrt(n));
      expect(Math.abs(made.tensors['l']!.data[2 * i + 1]! - inverse * a)).toBeLessThan((4 * off) / Math.sqrt(n));
    });
  });

  it('of a mixture make fewer steps do: less error than DPM-Solver++ at 8 steps, whatever the order', async () => {
    const schedule = edm({ sigmaMax: 20, sigmaMin: 0.05 });
    const statistics = await estimateEms({ model: M3.model(schedule), dataset: dataset(M3, 512, 2), seed: 0n, n: 512, options: { grid: 60, batchSize: 256 } }); // prettier-ignore
    const data = M3.sample(createNoise(7), 32);
    const z = createNoise(8).hostNormal([32, 3], { stream: 1 });
    const from = Array.from({ length: 32 }, (_, r) => [0, 1, 2].map((k) => data[3 * r + k]! + 20 * z[3 * r + k]!));
    const want = M3.flow(from.flat(), 20, 0.05);
    const error = async (options: DpmSolverV3Options): Promise<number> => {
      const sampler = dpmSolverV3(options);
      const got = await run(sampler, M3.denoiser, from, sampler.plan(schedule, logSnr({ steps: 8, max: 20, min: 0.05 })), noise);
      return Math.sqrt(got.flat().reduce((sum, v, k) => sum + (v - want[k]!) ** 2, 0) / want.length);
    };
    for (const order of [1, 2, 3] as const) {
      const [own, plain] = [await error({ order, statistics }), await error({ order, sigmaData: 0 })];
      expect(own).toBeLessThan(0.75 * plain);
    }
  });

  it('refuses what it cannot be made of', async () => {
    const model = G5.model(edm());
    await expect(estimateEms({ seed: 0n })).rejects.toThrow(/no model/);
    await expect(estimateEms({ seed: 0n, model, dataset: dataset(M3, 4, 0) })).rejects.toThrow(/another shape/);
    await expect(estimateEms({ seed: 0n, model, dataset: dataset(G5, 4, 0), n: 1 })).rejects.toThrow(/too few points/);
    await expect(estimateEms({ seed: 0n, model, dataset: dataset(G5, 4, 0), options: { grid: 0 } })).rejects.toThrow(/grid/);
  });
});
