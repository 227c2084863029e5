import { tweedieError } from '@tweedie/core';
import type { Tridiagonal } from './tridiagonal-form.ts';

/** Sweeps that an eigenvalue may take on average; two are usual, and a strongly graded matrix takes more, its shifts being rounding beside its first entries. */
const SWEEPS = 30;

/**
 * Eigenvalues of a symmetric tridiagonal matrix, descending: implicit QR with Wilkinson's shift (Golub, Van Loan: *Matrix Computations*,
 * algorithm 8.3.2), without vectors, O(d²). The end with the larger entries comes first, so that small eigenvalues of a graded matrix
 * are found to their own precision.
 */
export const tridiagonalEigenvalues = ({ diagonal, beside }: Tridiagonal): Float64Array => {
  const count = diagonal.length;
  const graded = Math.abs(diagonal[0]!) >= Math.abs(diagonal[count - 1]!);
  const d = graded ? diagonal.slice() : diagonal.slice().reverse();
  const e = graded ? beside.slice() : beside.slice().reverse();
  const scale = Math.max(norm(d), norm(e));
  const none = scale * Number.EPSILON ** 2;
  const negligible = (k: number): boolean =>
    Math.abs(e[k]!) <= Math.max(none, Number.EPSILON * Math.sqrt(Math.abs(d[k]!)) * Math.sqrt(Math.abs(d[k + 1]!)));
  let last = count - 1;
  let sweeps = 0;
  while (last > 0) {
    if (negligible(last - 1)) {
      last--;
      continue;
    }
    let first = last - 1;
    while (first > 0 && !negligible(first - 1)) first--;
    if (++sweeps > SWEEPS * count)
      throw tweedieError({
        subject: 'symmetricEigenvalues',
        problem: 'the eigenvalues do not converge',
        got: `${sweeps} sweeps of ${count} rows`,
      });
    sweep(d, e, first, last);
  }
  return d.sort().reverse();
};

const norm = (values: Float64Array): number => values.reduce((top, value) => Math.max(top, Math.abs(value)), 0);

/** One sweep on rows first … last: a bulge is chased down by rotations; the last entry of e shrinks with its cube. */
const sweep = (d: Float64Array, e: Float64Array, first: number, last: number): void => {
  const half = (d[last - 1]! - d[last]!) / 2;
  const below = e[last - 1]!;
  const root = Math.hypot(half, below);
  const shift = d[last]! - (below / (half + (half < 0 ? -root : root))) * below;
  let x = d[first]! - shift;
  let bulge = e[first]!;
  for (let k = first; k < last; k++) {
    const r = Math.hypot(x, bulge);
    const [c, s] = r === 0 ? [1, 0] : [x / r, bulge / r];
    if (k > first) e[k - 1] = r;
    // [c s; −s c] on both sides of [dₖ eₖ; eₖ dₖ₊₁].
    const turned = (d[k + 1]! - d[k]!) * s + 2 * c * e[k]!;
    d[k]! += s * turned;
    d[k + 1]! -= s * turned;
    e[k] = c * turned - e[k]!;
    if (k + 1 < last) {
      x = e[k]!;
      bulge = s * e[k + 1]!;
      e[k + 1]! *= c;
    }
  }
};
