import { tweedieError } from '@tweedie/core';
import { addRowProducts } from './add-row-products.ts';

/** P A Pᵀ = L Lᵀ: L is [d, rank], lower trapezoidal; row i of it is row `order[i]` of A. */
export interface PivotedCholesky {
  readonly rank: number;
  readonly order: Int32Array;
  /** **Lᵀ**, [rank, d] row-major: row k is the k-th column of L, 0 before its k-th entry. */
  readonly transposed: Float64Array;
}

const PANEL = 64;

/**
 * Cholesky's factor of a positive semi-definite A [d, d] (row-major, of which the lower triangle is read and **overwritten**), the
 * greatest of what is left of the diagonal first (N. J. Higham: *Accuracy and Stability of Numerical Algorithms*, §10.3). It stops where nothing
 * above d ε max aᵢᵢ is left: so a matrix of rank r costs d² r, and what is rounding beside the rest is 0.
 *
 * @throws where what is left has an entry below, or beside the diagonal above, 1e-8 of the greatest of the diagonal: A is not positive semi-definite.
 */
export const pivotedCholesky = (subject: string, a: Float64Array, d: number): PivotedCholesky => {
  const order = Int32Array.from({ length: d }, (_, i) => i);
  const left = new Float64Array(d); // of the diagonal
  let top = 0;
  for (let i = 0; i < d; i++) top = Math.max(top, a[i * d + i]!);
  const nothing = d * Number.EPSILON * top;
  let rank = 0;
  let exhausted = false;
  while (rank < d && !exhausted) {
    const start = rank;
    const end = Math.min(d, start + PANEL);
    for (let i = start; i < d; i++) left[i] = a[i * d + i]!;
    for (let j = start; j < end; j++) {
      let pivot = j;
      for (let i = j; i < d; i++) if (left[i]! > left[pivot]!) pivot = i;
      if (left[pivot]! <= nothing) {
        exhausted = true;
        break;
      }
      if (pivot !== j) exchange(a, d, order, left, j, pivot);
      const root = Math.sqrt(left[j]!);
      a[j * d + j] = root;
      for (let i = j + 1; i < d; i++) {
        let value = a[i * d + j]!;
        for (let k = start; k < j; k++) value -= a[i * d + k]! * a[j * d + k]!;
        value /= root;
        a[i * d + j] = value;
        left[i]! -= value * value;
      }
      rank++;
    }
    addRowProducts(a, d, a, a, d, { rows: [rank, d], columns: [rank, d], depth: [start, rank], lower: true, subtract: true });
  }
  for (let i = rank; i < d; i++)
    for (let j = rank; j <= i; j++)
      if (Math.abs(a[i * d + j]!) > 1e-8 * top || (top === 0 && a[i * d + j] !== 0))
        throw tweedieError({
          subject,
          problem: 'a matrix is not positive semi-definite',
          got: `${a[i * d + j]} is left at (${order[i]}, ${order[j]})`,
        });
  const transposed = new Float64Array(rank * d);
  for (let i = 0; i < d; i++) for (let k = 0; k < Math.min(rank, i + 1); k++) transposed[k * d + i] = a[i * d + k]!;
  return { rank, order, transposed };
};

/** Exchanges rows and columns j < q of the lower triangle. */
const exchange = (a: Float64Array, d: number, order: Int32Array, left: Float64Array, j: number, q: number): void => {
  const swap = (x: number, y: number): void => {
    [a[x], a[y]] = [a[y]!, a[x]!];
  };
  [order[j], order[q]] = [order[q]!, order[j]!];
  [left[j], left[q]] = [left[q]!, left[j]!];
  for (let k = 0; k < j; k++) swap(j * d + k, q * d + k);
  swap(j * d + j, q * d + q);
  for (let i = j + 1; i < q; i++) swap(i * d + j, q * d + i);
  for (let i = q + 1; i < d; i++) swap(i * d + j, i * d + q);
};
