import { add, mean, mul, reshape, square, sub, sum, tensor, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { createNoise, STREAM, type Dataset, type Denoiser } from '@tweedie/core';
import { APPROXIMATIONS, type Approximation, type Approximations } from './approximations.ts';
import { round } from './digits.ts';

/** What of a learned score a formula leaves unexplained, at one level. */
export interface Unexplained {
  /** E‖s − s_a‖²/E‖s‖², s = (D − y)/σ². */
  readonly score: number;
  /** E‖D − D_a‖²/E‖D − E D‖². */
  readonly denoiser: number;
  /** The same without each of 16 groups of images: two formulas are compared by `pairedDifference` of metrics. */
  readonly leftOut: readonly number[];
}

/** A level of a model. */
export interface Level {
  readonly sigma: number;
  readonly unexplained: { readonly [name in Approximation]: Unexplained };
  /** E‖D − x₀‖² a pixel, of the model. */
  readonly error: number;
  /** The same of each formula. */
  readonly errors: { readonly [name in Approximation]: number };
  /** E‖D − D_a‖² a pixel. */
  readonly distances: { readonly [name in Approximation]: number };
}

const GROUPS = 16;

/**
 * How much of a model's denoiser, and of its score, formulas explain, on y = x₀ + σ z of the first n images; z is the same at every level
 * and for every model. n is a multiple of 16. The mean that a denoiser's variance is about is that of all n.
 */
export const explainedVariance = async ({
  denoise,
  approximations: { formulas },
  data,
  n,
  sigmas,
  seed,
  batchSize = 64,
}: {
  readonly denoise: Denoiser;
  readonly approximations: Approximations;
  readonly data: Dataset;
  readonly n: number;
  readonly sigmas: readonly number[];
  readonly seed: number;
  readonly batchSize?: number;
}): Promise<readonly Level[]> => {
  const dims = data.shape.reduce((product, k) => product * k, 1);
  const noise = createNoise(BigInt(seed));
  const levels: Level[] = [];
  for (const sigma of sigmas) {
    const gaps = new Map<Approximation, Float64Array>(APPROXIMATIONS.map((name) => [name, new Float64Array(n)]));
    const errors = new Map<Approximation, number>(APPROXIMATIONS.map((name) => [name, 0]));
    const [scores, squares] = [new Float64Array(n), new Float64Array(n)];
    const total = new Float64Array(dims);
    let error = 0;
    for (let from = 0; from < n; from += batchSize) {
      const rows = Math.min(batchSize, n - from);
      const { images } = data.rows(Int32Array.from({ length: rows }, (_, i) => from + i));
      const x0 = tensor(images, [rows, ...data.shape]);
      const y = tidy(() => add(x0, mul(noise.rows(from).normal(x0.shape, { stream: STREAM.perturb }), sigma)));
      const learned = await denoise(y, sigma);
      try {
        const taken = async (make: () => Tensor, take: (values: ArrayLike<number>) => void): Promise<void> => {
          const values = tidy(make);
          take(await values.data().finally(() => values.dispose()));
        };
        const flat = (t: Tensor): Tensor2D => reshape(t, [rows, dims]);
        const apart = (a: Tensor, b: Tensor): Tensor => sum(square(sub(flat(a), flat(b))), 1);
        await taken(() => apart(learned, y), (values) => scores.set(values, from)); // prettier-ignore
        await taken(() => sum(square(flat(learned)), 1), (values) => squares.set(values, from)); // prettier-ignore
        await taken(
          () => mul(mean(flat(learned), 0), rows),
          (values) => total.forEach((_, k) => (total[k]! += values[k]!)),
        );
        await taken(() => sum(apart(learned, x0)), (values) => (error += values[0]!)); // prettier-ignore
        for (const name of APPROXIMATIONS) {
          const formula = tidy(() => formulas[name](flat(y), sigma));
          await taken(() => apart(learned, formula), (values) => gaps.get(name)!.set(values, from)); // prettier-ignore
          await taken(() => sum(apart(formula, x0)), (values) => errors.set(name, errors.get(name)! + values[0]!)); // prettier-ignore
          formula.dispose();
        }
      } finally {
        [x0, y, learned].forEach((each) => each.dispose());
      }
    }
    const centre = total.reduce((sum_, v) => sum_ + (v / n) ** 2, 0);
    const of = (values: Float64Array, without?: number): number =>
      values.reduce((sum_, v, i) => (i % GROUPS === without ? sum_ : sum_ + v), 0);
    const variance = (without?: number): number => of(squares.map((v) => v - centre), without); // prettier-ignore
    const each = <T>(f: (name: Approximation) => T) =>
      Object.fromEntries(APPROXIMATIONS.map((name) => [name, f(name)])) as { readonly [name in Approximation]: T };
    levels.push({
      sigma,
      unexplained: each((name) => {
        const gap = gaps.get(name)!;
        const value = of(gap) / variance();
        const leftOut = Array.from({ length: GROUPS }, (_, g) => of(gap, g) / variance(g));
        return { score: round(of(gap) / of(scores)), denoiser: round(value), leftOut: leftOut.map((v) => round(v)) };
      }),
      error: round(error / n / dims),
      errors: each((name) => round(errors.get(name)! / n / dims)),
      distances: each((name) => round(of(gaps.get(name)!) / n / dims)),
    });
    await new Promise<void>((next) => setImmediate(next));
  }
  return levels;
};
