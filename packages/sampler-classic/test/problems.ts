import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import type { Denoiser, Noise, Plan, Sampler, Step } from '@tweedie/core';

/** Float64 on the host: the problems that every sampler here is measured on, none of it shared with the code under test. */
export type Point = readonly number[];
export type Denoise64 = (y: Point, rho: number) => number[];

export interface Mixture {
  readonly weights: Point;
  readonly means: readonly Point[];
  /** Diagonal covariances. */
  readonly variances: readonly Point[];
}

/** The 1-D mixture of samplers.md 13.6. */
export const FIXTURE: Mixture = { weights: [0.3, 0.7], means: [[-1], [0.5]], variances: [[0.04], [0.09]] };

/** M3 of samplers.md 12: three components in three dimensions. */
export const M3: Mixture = {
  weights: [0.4, 0.35, 0.25],
  means: [
    [1, -0.5, 0.2],
    [-1, 0.6, 0],
    [0.2, 1, -0.7],
  ],
  variances: [
    [0.05, 0.3, 0.1],
    [0.1, 0.05, 0.2],
    [0.08, 0.1, 0.06],
  ],
};

/** G5 of samplers.md 12: a diagonal Gaussian. */
export const G5: Mixture = { weights: [1], means: [[0.3, -0.2, 0.1, 0, 0.4]], variances: [[4, 1, 0.25, 0.04, 0.01]] };

/** E[x₀ | y] of a diagonal mixture. */
export const posteriorMean =
  ({ weights, means, variances }: Mixture): Denoise64 =>
  (y, rho) => {
    const logits = weights.map((w, k) =>
      y.reduce((sum, yi, i) => {
        const v = variances[k]![i]! + rho * rho;
        return sum - 0.5 * Math.log(v) - (yi - means[k]![i]!) ** 2 / (2 * v);
      }, Math.log(w)),
    );
    const top = Math.max(...logits);
    const odds = logits.map((l) => Math.exp(l - top));
    const total = odds.reduce((a, b) => a + b);
    return y.map((yi, i) =>
      odds.reduce((sum, o, k) => {
        const v = variances[k]![i]!;
        return sum + ((o / total) * (v * yi + rho * rho * means[k]![i]!)) / (v + rho * rho);
      }, 0),
    );
  };

/** The probability-flow ODE dy/dλ = D − y, λ = −log ρ, by RK4 with so many steps that its error is below 1e-10. */
export const flow = (denoise: Denoise64, start: Point, from: number, to: number, count = 4000): number[] => {
  const h = Math.log(from / to) / count;
  const slope = (y: Point, lambda: number): number[] => denoise(y, Math.exp(-lambda)).map((d, i) => d - y[i]!);
  let y = [...start];
  for (let n = 0; n < count; n++) {
    const lambda = -Math.log(from) + n * h;
    const k1 = slope(y, lambda);
    const k2 = slope(along(y, k1, h / 2), lambda + h / 2);
    const k3 = slope(along(y, k2, h / 2), lambda + h / 2);
    const k4 = slope(along(y, k3, h), lambda + h);
    y = y.map((yi, i) => yi + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
  }
  return y;
};

/** y + a d. */
export const along = (y: Point, d: Point, a: number): number[] => y.map((yi, i) => yi + a * d[i]!);

/** A linear combination of points. */
export const combine = (...terms: readonly (readonly [number, Point])[]): number[] =>
  terms[0]![1].map((_, i) => terms.reduce((sum, [a, x]) => sum + a * x[i]!, 0));

export const distance = (a: readonly Point[], b: readonly Point[]): number =>
  Math.max(...a.map((row, r) => Math.max(...row.map((x, i) => Math.abs(x - b[r]![i]!)))));

/** log₂(err(N)/err(2N)) for each doubling. */
export const slopes = (errors: readonly number[]): number[] => errors.slice(1).map((e, i) => Math.log2(errors[i]! / e));

/** Sixteen fixed start points at level ρ, spread as the prior is. */
export const starts = (rho: number, dims: number): number[][] =>
  Array.from({ length: 16 }, (_, r) => Array.from({ length: dims }, (_, i) => rho * Math.sin(1.7 * r + 2.9 * i + 0.4) * 1.3));

/** The host denoiser as a Tweedie one, row by row, asynchronous, its arithmetic in float64. */
export const lifted =
  (denoise: Denoise64): Denoiser =>
  async (y, rho) => {
    const rows = (await toRows(y)).map((row, r) => denoise(row, typeof rho === 'number' ? rho : rho[r]!));
    return tensor(rows.flat(), y.shape, 'float32');
  };

export const toRows = async (y: Tensor): Promise<number[][]> => {
  const values = await y.data();
  const width = values.length / y.shape[0]!;
  return Array.from({ length: y.shape[0]! }, (_, r) => [...values.subarray(r * width, (r + 1) * width)]);
};

/** Runs a sampler from host rows to host rows. `see` is shown every step. */
export const run = async (
  sampler: Sampler,
  denoise: Denoiser,
  rows: readonly Point[],
  plan: Plan,
  noise: Noise,
  see: (step: Step) => void | Promise<void> = () => {},
): Promise<number[][]> => {
  const start = tensor(rows.flat(), [rows.length, rows[0]!.length], 'float32');
  const generator = sampler.steps(denoise, start, plan, noise);
  try {
    for (;;) {
      const { done, value } = await generator.next();
      if (!done) {
        await see(value);
        continue;
      }
      const end = await toRows(value);
      value.dispose();
      return end;
    }
  } finally {
    start.dispose();
  }
};

/** Max error relative to the size of the answer. */
export const relative = (got: readonly Point[], want: readonly Point[]): number =>
  distance(got, want) / Math.max(1, ...want.flat().map(Math.abs));
