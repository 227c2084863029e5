import { symmetricMatrix } from './symmetric-matrix.ts';
import { tridiagonalEigenvalues } from './tridiagonal-eigenvalues.ts';
import { tridiagonalForm } from './tridiagonal-form.ts';

/**
 * Eigenvalues, **descending**, of a symmetric matrix [d, d] (row-major), in float64, without vectors: 4/3 d³ operations, some twenty
 * times faster than `symmetricEigen`. Refuses a matrix that is not square, finite and symmetric to 1e-9 of its largest entry.
 */
export const symmetricEigenvalues = (matrix: ArrayLike<number>): Float64Array => {
  const { d, entries } = symmetricMatrix('symmetricEigenvalues', matrix);
  return tridiagonalEigenvalues(tridiagonalForm(entries, d));
};
