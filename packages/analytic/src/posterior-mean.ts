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

/** Folds chunks into Σ w x. Call inside `tidy`. */
export const foldPosterior = (y: Tensor2D, rho: Levels, chunks: Iterable<Chunk | (() => Chunk)>): Tensor2D => {
  const levels = typeof rho === 'number' ? [rho] : rho;
  const precision = tensor2d(
    Float32Array.from(levels, (at) => 1 / Math.max(at, LEAST) ** 2),
    [levels.length, 1],
  );
  let top: Tensor2D | null = null;
  let mass: Tensor2D | null = null;
  let mean: Tensor2D | null = null;
  for (const lazy of chunks) {
    const [m, s, v] = tidy((): [Tensor2D, Tensor2D, Tensor2D] => {
      const { points, allowed } = typeof lazy === 'function' ? lazy() : lazy;
      const halfNorms = transpose(mul<Tensor2D>(sum<Tensor2D>(square(points), 1, true), 0.5)); // [1, m]
      const scaledLogits = mul<Tensor2D>(sub(matMul(y, points, false, true), halfNorms), precision);
      const logits = allowed === undefined ? scaledLogits : add<Tensor2D>(scaledLogits, allowed);
      const own = max<Tensor2D>(logits, 1, true);
      const next = top === null ? own : maximum<Tensor2D>(top, own);
      const w = exp<Tensor2D>(sub<Tensor2D>(logits, next)); // [B, m]
      const weight = sum<Tensor2D>(w, 1, true);
      const moment: Tensor2D = matMul(w, points);
      if (top === null || mass === null || mean === null) return [next, weight, moment];
      const old = exp(sub(top, next));
      return [next, add<Tensor2D>(mul(mass, old), weight), add<Tensor2D>(mul(mean, old), moment)];
    });
    top = m;
    mass = s;
    mean = v;
  }
  if (mass === null || mean === null) throw tweedieError({ subject: 'posteriorMean', problem: 'there is no point to average' });
  return div(mean, mass);
};

/**
 * E[x₀ | y] over the rows of `points` [n, d], for y [B, d] at ρ (one level, or one a row); differentiable in both.
 * `allowed` [B, n] is added to the logits (see {@link logAllowed}). `chunk` points at a time, default 4096. The result is the caller's.
 * Points near the origin lose the fewest digits: ‖x‖² ε_float32/ρ² is the error of a logit.
 */
export const posteriorMean = (
  y: Tensor2D,
  rho: Levels,
  points: Tensor2D,
  { allowed, chunk = 4096 }: { readonly allowed?: Tensor2D; readonly chunk?: number } = {},
): Tensor2D =>
  tidy(() => {
    const n = points.shape[0];
    const chunks: (() => Chunk)[] = [];
    for (let from = 0; from < n; from += chunk) {
      const m = Math.min(chunk, n - from);
      chunks.push(() => ({
        points: m === n ? points : slice(points, [from, 0], [m, -1]),
        ...(allowed === undefined ? {} : { allowed: m === n ? allowed : slice(allowed, [0, from], [-1, m]) }),
      }));
    }
    return foldPosterior(y, rho, chunks);
  });
