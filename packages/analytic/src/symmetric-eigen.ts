import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { symmetricMatrix } from './symmetric-matrix.ts';

export interface Eigen {
  /** Descending. (LAPACK and torch.linalg.eigh give ascending ones.) */
  readonly values: Float64Array;
  /** [d, d] row-major; column k belongs to values[k]. */
  readonly vectors: Float64Array;
}

/**
 * Eigenvalues, **descending**, and eigenvectors, in columns, of a symmetric matrix [d, d] (row-major), in float64.
 * Refuses a matrix that is not square, finite and symmetric to 1e-9 of its largest entry. Seconds at d = 512, minutes at 2048:
 * where no vectors are needed, take `symmetricEigenvalues`.
 */
export const symmetricEigen = (matrix: ArrayLike<number>): Eigen => {
  const { d, entries } = symmetricMatrix('symmetricEigen', matrix);
  const rows = Array.from({ length: d }, (_, i) => entries.subarray(i * d, (i + 1) * d));
  const result = new EigenvalueDecomposition(new Matrix(rows), { assumeSymmetric: true });
  const order = result.realEigenvalues.map((value, k) => ({ value, k })).sort((a, b) => b.value - a.value);
  const vectors = new Float64Array(d * d);
  order.forEach(({ k }, column) => {
    for (let i = 0; i < d; i++) vectors[i * d + column] = result.eigenvectorMatrix.get(i, k);
  });
  return { values: Float64Array.from(order, ({ value }) => value), vectors };
};
