/**
 * The posterior mean over a set of points, E[x₀ | y] = Σ_n w_n x_n with w = softmax(−‖y − x_n‖²/2ρ²): the empirical
 * denoiser, and the target of Stable Target Field (Xu, Tong & Jaakkola, 2302.00670, eq. 6).
 *
 * In matmul form, (y·x_n − ½‖x_n‖²)/ρ², folded over chunks with a running log-sum-exp: memory is B × chunk, never B × n × d.
 */
import {
  add,
  div,
  exp,
  matMul,
  max,
  maximum,
  mul,
  relu,
  slice,
  square,
  sub,
  sum,
  tensor2d,
  tidy,
  transpose,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { tweedieError, type Levels } from '@tweedie/core';

/** Part of the points, and what the labels allow of it ([B, m], as added to the logits). */
export interface Chunk {
  readonly points: Tensor2D;
  readonly allowed?: Tensor2D;
}

/** Below this ρ the weights are one-hot in float32 anyway. */
const LEAST = 1e-6;

/** Smaller weights are 0: among them are float32's denormals, which make the product with the points many times slower. */
const NEGLIGIBLE = 1e-30;

/** What the points say of a noisy y: their mean, and how many of them it is made of. */
export interface Folded {
  /** Σ w x, [B, d]. */
  readonly mean: Tensor2D;
  /** (Σ w)²/Σ w², the effective sample size: 1 where one point has all the weight, n where all have the same. [B, 1]. */
  readonly ess: Tensor2D;
}

/** Folds chunks into Σ w x. Call inside `tidy`. */
export const foldPosterior = (y: Tensor2D, rho: Levels, chunks: Iterable<Chunk | (() => Chunk)>): Folded => {
  const levels = typeof rho === 'number' ? [rho] : rho;
  const precision = tensor2d(
    Float32Array.from(levels, (at) => 1 / Math.max(at, LEAST) ** 2),
    [levels.length, 1],
  );
  // Running: the greatest logit, and Σ w, Σ w², Σ w x relative to it.
  let sums: readonly [top: Tensor2D, mass: Tensor2D, squares: Tensor2D, moment: Tensor2D] | undefined;
  for (const lazy of chunks) {
    const before = sums;
    sums = tidy((): [Tensor2D, Tensor2D, Tensor2D, Tensor2D] => {
      const { points, allowed } = typeof lazy === 'function' ? lazy() : lazy;
      const halfNorms = transpose(mul<Tensor2D>(sum<Tensor2D>(square(points), 1, true), 0.5)); // [1, m]
      // y · xᵀ by way of x · yᵀ: the larger matrix is neither transposed nor repacked.
      const products = transpose(matMul<Tensor2D>(points, transpose(y)));
      const scaledLogits = mul<Tensor2D>(sub(products, halfNorms), precision);
      const logits = allowed === undefined ? scaledLogits : add<Tensor2D>(scaledLogits, allowed);
      const own = max<Tensor2D>(logits, 1, true);
      const next = before === undefined ? own : maximum<Tensor2D>(before[0], own);
      const w = relu(sub<Tensor2D>(exp<Tensor2D>(sub<Tensor2D>(logits, next)), NEGLIGIBLE)); // [B, m]
      const here = [sum<Tensor2D>(w, 1, true), sum<Tensor2D>(square(w), 1, true), matMul(w, points) as Tensor2D] as const;
      if (before === undefined) return [next, ...here];
      const old = exp(sub(before[0], next));
      return [
        next,
        add<Tensor2D>(mul(before[1], old), here[0]),
        add<Tensor2D>(mul(before[2], square(old)), here[1]),
        add<Tensor2D>(mul(before[3], old), here[2]),
      ];
    });
  }
  if (sums === undefined) throw tweedieError({ subject: 'posterior', problem: 'there is no point to average' });
  const [, mass, squares, moment] = sums;
  return { mean: div(moment, mass), ess: div(square(mass), squares) };
};

/** Options of {@link posterior}. */
export interface PosteriorOptions {
  /** [B, n], added to the logits (see `logAllowed`). */
  readonly allowed?: Tensor2D | undefined;
  /** Points at a time. Default 4096, or as many as hold 2²⁴ numbers where those are fewer. */
  readonly chunk?: number;
  /** [1, d], taken off the points chunk by chunk; y is given less it, and so is the mean. Near it float32 loses the fewest digits. */
  readonly origin?: Tensor2D;
}

/**
 * E[x₀ | y] over the rows of `points` [n, d], for y [B, d] at ρ (one level, or one a row), with the effective sample size of each row.
 * Differentiable in both. The tensors are the caller's.
 * Points near the origin lose the fewest digits: ‖x‖² ε_float32/ρ² is the error of a logit.
 */
export const posterior = (y: Tensor2D, rho: Levels, points: Tensor2D, options: PosteriorOptions = {}): Folded => {
  const [n, d] = points.shape;
  const { allowed, origin, chunk = Math.max(1, Math.min(4096, Math.floor(2 ** 24 / d))) } = options;
  const chunks: (() => Chunk)[] = [];
  for (let from = 0; from < n; from += chunk) {
    const m = Math.min(chunk, n - from);
    chunks.push(() => ({
      points: centred(m === n ? points : slice(points, [from, 0], [m, -1]), origin),
      ...(allowed === undefined ? {} : { allowed: m === n ? allowed : slice(allowed, [0, from], [-1, m]) }),
    }));
  }
  const [mean, ess] = tidy(() => {
    const folded = foldPosterior(y, rho, chunks);
    return [folded.mean, folded.ess] as [Tensor2D, Tensor2D];
  });
  return { mean, ess };
};

const centred = (points: Tensor2D, origin: Tensor2D | undefined): Tensor2D => (origin === undefined ? points : sub(points, origin));

/** The mean of {@link posterior} alone. */
export const posteriorMean = (y: Tensor2D, rho: Levels, points: Tensor2D, options: PosteriorOptions = {}): Tensor2D =>
  tidy(() => posterior(y, rho, points, options).mean);
