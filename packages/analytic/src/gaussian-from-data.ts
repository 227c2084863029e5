import { tweedieError, type Dataset } from '@tweedie/core';
import { addRowProducts } from './add-row-products.ts';
import { gaussian, type Gaussian } from './gaussian.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

/** Number, mean and covariance of rows that arrive in pieces. */
export interface Moments {
  /** Rows [n, d], row-major. Lent. */
  add(rows: ArrayLike<number>): void;
  /** Adds what another collected. */
  merge(other: MomentSums): void;
  /** What was collected: n, the shift s, Σ(x − s), Σ(x − s)(x − s)ᵀ ([d, d] row-major, lower triangle filled). */
  sums(): MomentSums;
  /** Mean [d] and covariance [d, d] with n − 1 in the denominator (n ≥ 2). */
  result(): { readonly n: number; readonly mean: Float64Array; readonly covariance: Float64Array };
}
export interface MomentSums {
  readonly n: number;
  readonly shift: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Rows that are added to the second moments at once. */
const BLOCK = 64;

/**
 * Streaming moments in float64, of rows shifted by `shift` (default: the mean of the first batch), so that the mean of the data
 * does not cancel in Σxxᵀ − nμμᵀ. Fix `shift` where shards must agree to the last digit; any two may be merged.
 */
export const moments = (dims: number, shift?: Float64Array): Moments => {
  const subject = 'moments';
  let origin = shift && Float64Array.from(shift);
  let n = 0;
  const first = new Float64Array(dims);
  const second = new Float64Array(dims * dims);

  const add = (rows: ArrayLike<number>): void => {
    if (rows.length % dims !== 0)
      throw tweedieError({ subject, problem: 'rows do not fit their dimension', got: rows.length, expected: `a multiple of ${dims}` });
    const count = rows.length / dims;
    if (count === 0) return;
    for (let i = 0; i < rows.length; i++)
      if (!Number.isFinite(rows[i]!))
        throw tweedieError({ subject, problem: 'a value is not finite', got: `${rows[i]} in row ${n + Math.floor(i / dims)}` });
    if (origin === undefined) {
      origin = new Float64Array(dims);
      for (let i = 0; i < rows.length; i++) origin[i % dims]! += rows[i]! / count;
    }
    // A block of rows becomes columns, whose products with one another are added to the triangle at once.
    const width = Math.min(BLOCK, count);
    const block = new Float64Array(dims * width);
    for (let from = 0; from < count; from += width) {
      const depth = Math.min(width, count - from);
      for (let i = 0; i < dims; i++) {
        let sum = 0;
        for (let b = 0; b < depth; b++) sum += block[i * width + b] = rows[(from + b) * dims + i]! - origin[i]!;
        first[i]! += sum;
      }
      addRowProducts(second, dims, block, block, width, { rows: [0, dims], columns: [0, dims], depth: [0, depth], lower: true });
    }
    n += count;
  };

  const merge = (other: MomentSums): void => {
    if (other.first.length !== dims)
      throw tweedieError({ subject, problem: 'moments differ in dimension', got: other.first.length, expected: String(dims) });
    if (other.n === 0) return;
    origin ??= Float64Array.from(other.shift);
    // x − s = (x − s') + δ with δ = s' − s.
    const delta = other.shift.map((v, i) => v - origin![i]!);
    for (let i = 0; i < dims; i++)
      for (let j = 0; j <= i; j++)
        second[i * dims + j]! +=
          other.second[i * dims + j]! + delta[i]! * other.first[j]! + other.first[i]! * delta[j]! + other.n * delta[i]! * delta[j]!;
    for (let i = 0; i < dims; i++) first[i]! += other.first[i]! + other.n * delta[i]!;
    n += other.n;
  };

  return {
    add,
    merge,
    sums: () => ({ n, shift: Float64Array.from(origin ?? new Float64Array(dims)), first: first.slice(), second: second.slice() }),
    result: () => {
      if (n < 2 || origin === undefined) throw tweedieError({ subject, problem: 'a covariance needs two rows', got: n });
      const covariance = new Float64Array(dims * dims);
      for (let i = 0; i < dims; i++)
        for (let j = 0; j <= i; j++)
          covariance[i * dims + j] = covariance[j * dims + i] = (second[i * dims + j]! - (first[i]! * first[j]!) / n) / (n - 1);
      return { n, mean: first.map((v, i) => origin![i]! + v / n), covariance };
    },
  };
};

export interface GaussianFromDataOptions {
  /** Eigenvectors to keep, the largest; default all. */
  readonly rank?: number;
  /** Variance outside them: `ppca` (default) spreads what is left of the trace evenly, a number fixes it. */
  readonly floor?: 'ppca' | number;
  /** Rows to use; default all. */
  readonly n?: number;
  /** Rows read at a time. Default 512. */
  readonly batch?: number;
}

/** The Gaussian with the mean and covariance of a data set (denominator n − 1). Time O(n d² + d³): for d up to about a thousand. */
export const gaussianFromData = (dataset: Pick<Dataset, 'rows' | 'size' | 'shape'>, options: GaussianFromDataOptions = {}): Gaussian => {
  const { n = dataset.size, batch = 512, rank, floor = 'ppca' } = options;
  const dims = dataset.shape.reduce((product, k) => product * k, 1);
  if (!(n >= 2 && n <= dataset.size))
    throw tweedieError({ subject: 'gaussianFromData', problem: 'n does not fit the data', got: n, expected: `2 to ${dataset.size}` });
  const collected = moments(dims);
  for (let from = 0; from < n; from += batch)
    collected.add(dataset.rows(Array.from({ length: Math.min(batch, n - from) }, (_, i) => from + i)).images);
  const { mean, covariance } = collected.result();
  if (rank === undefined || rank >= dims) return gaussian({ mean, covariance, shape: dataset.shape });
  return truncated(mean, covariance, dataset.shape, rank, floor);
};

const truncated = (
  mean: Float64Array,
  covariance: Float64Array,
  shape: readonly number[],
  rank: number,
  floor: 'ppca' | number,
): Gaussian => {
  const d = mean.length;
  if (!(Number.isInteger(rank) && rank >= 1))
    throw tweedieError({ subject: 'gaussianFromData', problem: 'rank is no rank', got: rank, expected: `1 to ${d}` });
  const { values, vectors } = symmetricEigen(covariance);
  const kept = Float64Array.from({ length: d * rank }, (_, i) => vectors[Math.floor(i / rank) * d + (i % rank)]!);
  const rest = values.slice(rank).reduce((a, b) => a + Math.max(0, b), 0) / (d - rank);
  return gaussian({ mean, eigen: { values: values.slice(0, rank), vectors: kept, floor: floor === 'ppca' ? rest : floor }, shape });
};
