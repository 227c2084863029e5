import { edm, karras, logSnr, timePower, vpLinear, type Plan, type Sampler, type Schedule } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { combine, distance, flow, G5, M3, posteriorMean, starts, type Point } from '../test/problems.ts';
import { ancestral, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3 } from './dpmpp.ts';
import { ddim } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc, unipcOptions } from './unipc.ts';

const NEVER = { lowerOrderFinal: 'never' } as const;
const vp = vpLinear();
const VP = { max: vp.rho(1), min: vp.rho(1e-3) };
const EDM = { max: 80, min: 0.002 };
type Grid = readonly [schedule: Schedule, levels: (steps: number) => Float64Array];
const VP_LOGSNR: Grid = [vp, (steps) => logSnr({ steps, ...VP })];
const VP_T2: Grid = [vp, (steps) => timePower(vp, { steps, ...VP, power: 2 })];
const EDM_LOGSNR: Grid = [edm(), (steps) => logSnr({ steps, ...EDM })];
const EDM_KARRAS: Grid = [edm(), (steps) => karras({ steps, ...EDM })];
const GRIDS = [VP_LOGSNR, VP_T2, EDM_LOGSNR, EDM_KARRAS];

const denoise = posteriorMean(M3);
const from = new Map([edm(), vp].map(({ id }, k) => [id, starts(k === 0 ? EDM.max : VP.max, 3)]));
const truth = new Map(
  [...from].map(([id, points]) => {
    const { max, min } = id === vp.id ? VP : EDM;
    return [id, points.map((y) => flow(denoise, y, max, min))];
  }),
);

const log2 = (errors: readonly number[]): number => Math.log2(errors.at(-2)! / errors.at(-1)!);

/** The last slope on M3 from 16 starts. */
const slopeOf = (sampler: Sampler, remembered: 'x0' | 'eps', [schedule, grid]: Grid, counts: readonly number[] = [160, 320]): number =>
  log2(
    counts.map((steps) => {
      const plan = sampler.plan(schedule, grid(steps));
      const ends = from.get(schedule.id)!.map((y) => hostRun(plan, denoise, y, remembered));
      return distance(ends, truth.get(schedule.id)!);
    }),
  );

interface Row {
  readonly name: string;
  readonly sampler: Sampler;
  readonly remembered: 'x0' | 'eps';
  readonly slope: readonly [low: number, high: number];
  readonly grids?: readonly Grid[];
}
const row = (name: string, sampler: Sampler, remembered: 'x0' | 'eps', low: number, high: number, ...grids: Grid[]): Row => ({
  name,
  sampler,
  remembered,
  slope: [low, high],
  ...(grids.length > 0 ? { grids } : {}),
});
const ab = (variant: 't-ab' | 'rho-ab' | 'log-rho-ab', degree: number): Sampler => deis({ variant, degree });
const TABLE: readonly Row[] = [
  row('DDIM', ddim(), 'x0', 0.97, 1.03),
  row('tAB1', ab('t-ab', 1), 'eps', 1.9, 2.1),
  row('tAB2', ab('t-ab', 2), 'eps', 2.75, 3.1),
  row('tAB3', ab('t-ab', 3), 'eps', 3.2, 4.2),
  row('ρAB1', ab('rho-ab', 1), 'eps', 1.9, 2.1),
  row('ρAB2', ab('rho-ab', 2), 'eps', 2.75, 3.1),
  row('ρAB3', ab('rho-ab', 3), 'eps', 3.2, 4.2),
  row('log-ρAB1', ab('log-rho-ab', 1), 'eps', 1.9, 2.1),
  row('log-ρAB2', ab('log-rho-ab', 2), 'eps', 2.85, 3.1),
  row('ρRK Heun', deis({ variant: 'rho-heun' }), 'eps', 1.85, 2.15),
  row('ρRK Kutta 3', deis({ variant: 'rho-kutta3' }), 'eps', 2.85, 3.15),
  row('ρRK 4', deis({ variant: 'rho-rk4' }), 'eps', 3.85, 4.15),
  row('iPNDM of four terms', ipndm(), 'eps', 1.9, 2.1),
  row('DPM-Solver 2S', dpmSolver2s(), 'eps', 1.85, 2.15),
  row('DPM-Solver 3S', dpmSolver3s(), 'eps', 2.85, 3.15),
  row('DPM++ 2S', dpmpp2s(), 'x0', 1.85, 2.15),
  row('DPM++ 2M', dpmpp2m(NEVER), 'x0', 1.9, 2.1),
  row('DPM++ 3M as published', dpmpp3m(NEVER), 'x0', 1.6, 2.2),
  row('DPM++ 3M, o3', dpmpp3mO3(NEVER), 'x0', 2.8, 3.3, EDM_KARRAS),
  ...([1, 2, 3] as const).map((p) => row(`UniP${p}`, unipc({ order: p, corrector: false, ...NEVER }), 'x0', p - 0.2, p + 0.2)),
  row('UniPC1', unipc({ order: 1, ...NEVER }), 'x0', 1.9, 2.1),
  row('UniPC2', unipc({ order: 2, ...NEVER }), 'x0', 2.8, 3.2),
  row('UniPC3', unipc({ order: 3, ...NEVER }), 'x0', 3.2, 4.3),
  row('UniPC2 of ε̂', unipc({ order: 2, prediction: 'eps', ...NEVER }), 'eps', 2.8, 3.2),
  row('UniPC2, its systems solved', unipc({ order: 2, parity: 'exact', ...NEVER }), 'x0', 2.8, 3.2),
];

describe('order of convergence on M3 (samplers.md 12.2)', () => {
  it.each(TABLE)('$name', ({ sampler, remembered, slope: [low, high], grids = GRIDS }) => {
    const slopes = grids.map((grid) => slopeOf(sampler, remembered, grid));
    for (const slope of slopes) {
      expect(slope).toBeGreaterThan(low);
      expect(slope).toBeLessThan(high);
    }
  });

  it('lower order at the end costs UniPC3 its order: 2.1 on VP’s t² grid', () => {
    const slope = slopeOf(unipc({ order: 3, lowerOrderFinal: 'always' }), 'x0', VP_T2);
    expect(Math.abs(slope - 2.12)).toBeLessThan(0.1);
  });
});

describe('from moderate noise, on G5', () => {
  const gaussian = posteriorMean(G5);
  const [mean, variances] = [G5.means[0]!, G5.variances[0]!];
  const exact = (y: Point, a: number, b: number): number[] =>
    y.map((v, k) => mean[k]! + Math.sqrt((variances[k]! + b * b) / (variances[k]! + a * a)) * (v - mean[k]!));
  /** λ from −1 to 4 in N steps, and `before` steps of the same length above. */
  const levels = (steps: number, before: number): Float64Array =>
    Float64Array.from({ length: steps + before + 1 }, (_, i) => Math.exp(1 - (5 * (i - before)) / steps));
  const slope = (sampler: Sampler, history: number, counts = [80, 160]): number =>
    log2(
      counts.map((steps) => {
        const grid = levels(steps, history);
        const plan = sampler.plan(vp, grid);
        const errors = starts(Math.E, 5).map((start) => {
          const at = (i: number): number[] => exact(start, Math.E, grid[i]!);
          const eps = (i: number): number[] => combine([1 / grid[i]!, at(i)], [-1 / grid[i]!, gaussian(at(i), grid[i]!)]);
          const answers = Array.from({ length: history }, (_, j) => eps(history - 1 - j));
          const end = hostRun(plan, gaussian, start, 'eps', { step: history, history: answers });
          return distance([end], [at(grid.length - 1)]);
        });
        return Math.max(...errors);
      }),
    );

  it.each([
    ['t-ab', 2],
    ['t-ab', 3],
    ['rho-ab', 2],
    ['rho-ab', 3],
    ['log-rho-ab', 2],
    ['log-rho-ab', 3],
  ] as const)('%s of degree %i has its order from exact history; from Euler’s first step it has order 2', (variant, degree) => {
    const [euler, own] = [slope(ab(variant, degree), 0), slope(ab(variant, degree), degree)];
    expect(Math.abs(euler - 2)).toBeLessThan(0.15);
    expect(Math.abs(own - (degree + 1))).toBeLessThan(0.2);
  });
});

it('DPM++ 3M on a Gaussian (EDM, Karras, N = 20 … 640): the published form tends to order 2, with the whole second derivative to 3', () => {
  const [mean, variances] = [G5.means[0]!, G5.variances[0]!];
  const points = starts(80, 5);
  const exact = points.map((y) =>
    y.map((v, k) => mean[k]! + Math.sqrt((variances[k]! + 0.002 ** 2) / (variances[k]! + 80 ** 2)) * (v - mean[k]!)),
  );
  const slopesOf = (sampler: Sampler): number[] => {
    const errors = [20, 40, 80, 160, 320, 640].map((steps) => {
      const plan = sampler.plan(edm(), karras({ steps, ...EDM }));
      return distance(
        points.map((y) => hostRun(plan, posteriorMean(G5), y, 'x0')),
        exact,
      );
    });
    return errors.slice(1).map((_, k) => log2(errors.slice(0, k + 2)));
  };
  const [published, whole] = [slopesOf(dpmpp3m(NEVER)), slopesOf(dpmpp3mO3(NEVER))];
  expect(Math.abs(published.at(-1)! - 2)).toBeLessThan(0.1);
  expect(Math.abs(whole.at(-1)! - 3)).toBeLessThan(0.1);
});

describe('the corrector with varying coefficients (UniPC’s `vary_coeff`) is not offered', () => {
  /**
   * With C_{mk} = r_m^{k−1}/k! and A = C⁻¹, the k-th derivative is Σ_m A_{km} D_m. As released the corrector's loop ends a row early: of
   * the new answer it has only A_{K−1,K}, times φ_{K+1}. `whole` sums its column.
   */
  const run = (order: number, whole: boolean, levels: Float64Array, start: Point): number[] => {
    const lambda = Array.from(levels, (rho) => -Math.log(rho));
    let y: number[] = [...start];
    const answers = [denoise(y, levels[0]!)];
    for (let i = 0; i + 1 < levels.length; i++) {
      const k = Math.min(order, i + 1);
      const h = lambda[i + 1]! - lambda[i]!;
      const r = [...Array.from({ length: k - 1 }, (_, j) => (lambda[i - 1 - j]! - lambda[i]!) / h), 1];
      const D = Array.from({ length: k - 1 }, (_, j) => combine([1 / r[j]!, answers[i - 1 - j]!], [-1 / r[j]!, answers[i]!]));
      const phi = [Math.expm1(-h)];
      for (let q = 1, factorial = 1; q <= k; factorial *= ++q) phi.push(phi[q - 1]! / -h - 1 / factorial);
      const base = combine([levels[i + 1]! / levels[i]!, y], [-phi[0]!, answers[i]!]);
      const inverse = (size: number): number[][] => invert(Array.from({ length: size }, (_, m) => power(r[m]!, size)));
      const sumOver = (A: number[][], rows: number): number[] =>
        combine([1, base], ...range(rows).flatMap((row) => D.map((d, m) => [-phi[row + 1]! * A[row]![m]!, d] as const)));
      const predicted = k === 1 ? base : sumOver(inverse(k - 1), k - 1);
      if (i + 2 === levels.length) return predicted;
      const next = denoise(predicted, levels[i + 1]!);
      const A = inverse(k);
      const newest = whole
        ? range(k).reduce((sum, row) => sum + phi[row + 1]! * A[row]![k - 1]!, 0)
        : phi[k]! * A[Math.max(0, k - 2)]![k - 1]!;
      y = combine([1, sumOver(A, whole ? k : k - 1)], [-newest, next], [newest, answers[i]!]);
      answers.push(next);
    }
    return y;
  };
  const range = (n: number): number[] => [...Array(n).keys()];
  const power = (r: number, size: number): number[] =>
    range(size).reduce<number[]>((row, k) => [...row, k === 0 ? 1 : (row[k - 1]! * r) / (k + 1)], []);
  const invert = (matrix: number[][]): number[][] => {
    const n = matrix.length;
    const rows = matrix.map((row, i) => [...row, ...range(n).map((j) => (i === j ? 1 : 0))]);
    range(n).forEach((c) => {
      const pivot = rows[c]![c]!;
      rows[c] = rows[c]!.map((v) => v / pivot);
      range(n).forEach((other) => {
        const factor = rows[other]![c]!;
        if (other !== c) rows[other] = rows[other]!.map((v, j) => v - factor * rows[c]![j]!);
      });
    });
    return rows.map((row) => row.slice(n));
  };
  const slope = (order: number, whole: boolean): number =>
    log2(
      [160, 320].map((steps) =>
        distance(
          from.get(vp.id)!.map((y) => run(order, whole, VP_LOGSNR[1](steps), y)),
          truth.get(vp.id)!,
        ),
      ),
    );

  it('as released it has order 1, for p = 2 and 3; with the missing row p + 1', () => {
    const [two, three, whole2, whole3] = [slope(2, false), slope(3, false), slope(2, true), slope(3, true)];
    expect(Math.abs(two - 1)).toBeLessThan(0.1);
    expect(Math.abs(three - 1)).toBeLessThan(0.1);
    expect(Math.abs(whole2 - 3)).toBeLessThan(0.2);
    expect(whole3).toBeGreaterThan(3.2);
    expect(Object.keys(unipcOptions.shape)).not.toContain('varyCoeff');
    expect(() => unipc({ variant: 'vary' } as unknown as Parameters<typeof unipc>[0])).toThrow();
  });
});

describe('weak order: the variance of a Gaussian’s modes, by exact recursion of moments', () => {
  const MODES = [4, 1, 0.25, 0.04];
  type Plan1 = Pick<Plan, 'levels' | 'steps'>;
  const list = (value: Plan['steps'][number][string] | undefined): readonly number[] => (value ?? []) as readonly number[];

  /**
   * On N(0, v) a run is linear: the state and the answers it keeps are linear in independent normals, and a step multiplies the matrix
   * of their second moments. Here the vector is (y, answers newest first).
   */
  const variance = ({ levels, steps }: Plan1, v: number): number => {
    let moments = [[v + levels[0]! ** 2]];
    steps.forEach((step, i) => {
      const gain = (rho: number): number => v / (v + rho * rho);
      // Rows of a map from (state, z, z₁): first the answer, the stage and its answer, then y′.
      const width = moments.length;
      const unit = (at: number): number[] => range(width + 2).map((k) => (k === at ? 1 : 0));
      const y = unit(0);
      const answers = [y.map((c) => c * gain(levels[i]!))];
      const history = range(width - 1).map((j) => unit(j + 1));
      list(step['at']).forEach((rho, k) => {
        const stage = combineRows(list(step[`stage${k + 1}`]), [y, ...answers, ...history]);
        const noisy = stage.map((c, at) => c + (at === width + 1 ? (list(step['stageNoise'])[k] ?? 0) : 0));
        answers.push(noisy.map((c) => c * gain(rho)));
      });
      const next = combineRows([step['keep'] as number, ...list(step['model'])], [y, ...answers, ...history]);
      next[width]! += (step['noise'] as number | undefined) ?? 0;
      const map = [next, answers[0]!];
      const full = range(width + 2).map((a) => range(width + 2).map((b) => (a < width && b < width ? moments[a]![b]! : a === b ? 1 : 0)));
      moments = map.map((p) => map.map((q) => p.reduce((sum, pa, a) => sum + pa * full[a]!.reduce((own, f, b) => own + f * q[b]!, 0), 0)));
    });
    return moments[0]![0]!;
  };
  const range = (n: number): number[] => [...Array(n).keys()];
  const combineRows = (weights: readonly number[], rows: readonly (readonly number[])[]): number[] =>
    rows[0]!.map((_, at) => weights.reduce((sum, w, j) => sum + w * rows[j]![at]!, 0));

  /** Heun with churn: of one state, with one draw. */
  const churned = ({ levels, steps }: Plan1, v: number): number =>
    steps.reduce(
      (m, step, i) => {
        const gain = (rho: number): number => v / (v + rho * rho);
        const [hat, sd] = [step['hat'] as number, step['noise'] as number];
        const [a, b] = list(step['predict']);
        const [keep, first, second] = list(step['correct']);
        const guess = a! + b! * gain(hat);
        const factor = keep! + first! * gain(hat) + second! * gain(levels[i + 1]!) * guess;
        return factor ** 2 * (m + sd ** 2);
      },
      v + levels[0]! ** 2,
    );

  const slope = (sampler: Sampler, [schedule, grid]: Grid, recursion = variance, counts = [320, 640]): number =>
    log2(
      counts.map((steps) => {
        const plan = sampler.plan(schedule, grid(steps));
        return Math.max(...MODES.map((v) => Math.abs(recursion(plan, v) - v - plan.levels[steps]! ** 2)));
      }),
    );

  it.each([
    ['ancestral', ancestral(), VP_LOGSNR, 0.95, 1.05],
    ['euler-ancestral', eulerAncestral(), EDM_KARRAS, 0.95, 1.05],
    ['ddim η = 1', ddim({ eta: 1 }), VP_LOGSNR, 0.95, 1.05],
    ['ancestral, large variance', ancestral({ variance: 'large' }), VP_LOGSNR, 0.95, 1.05],
    ['SDE-DPM++2M, VP', dpmpp2mSde(), VP_LOGSNR, 1.9, 2.1],
    ['SDE-DPM++2M, EDM', dpmpp2mSde(), EDM_KARRAS, 1.9, 2.1],
    ['SDE-DPM++2S: of weak order 1, for all its two calls', dpmpp2sSde(), EDM_KARRAS, 0.95, 1.05],
  ] as const)('%s', (_, sampler, grid, low, high) => {
    const own = slope(sampler, grid);
    expect(own).toBeGreaterThan(low);
    expect(own).toBeLessThan(high);
  });

  it('EDM’s Heun with churn fixed', () => {
    const own = slope(heun({ sChurn: 10 }), EDM_KARRAS, churned);
    expect(own).toBeGreaterThan(1.85);
    expect(own).toBeLessThan(2.1);
  });
});
