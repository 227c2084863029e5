import { tweedieError } from '@tweedie/core';
import { addRowProducts } from './add-row-products.ts';
import { pivotedCholesky, type PivotedCholesky } from './pivoted-cholesky.ts';
import { symmetricMatrix } from './symmetric-matrix.ts';
import { tridiagonalEigenvalues } from './tridiagonal-eigenvalues.ts';
import { tridiagonalForm } from './tridiagonal-form.ts';

/**
 * tr (Σ₁Σ₂)^½ of two covariances [d, d] (row-major), the term of the Fréchet distance that needs a matrix root.
 *
 * With Σ₁ = L Lᵀ, the eigenvalues of Σ₁Σ₂ that are not 0 are those of LᵀΣ₂L, symmetric and positive semi-definite: λ ≥ 0, and the trace is
 * Σ√λ without a complex number, a vector or a root of a matrix. L is the pivoted factor of whichever matrix has the smaller rank r, so
 * that LᵀΣ₂L, [r, r], has no zeros that rounding could lift to √ε; and it is graded, so that small eigenvalues keep their digits.
 * About 10/3 d³ operations in float64. Refuses what is not finite, symmetric and positive semi-definite (to 1e-8 of its largest entry).
 */
export const traceSqrtProduct = (s1: ArrayLike<number>, s2: ArrayLike<number>): number => {
  const subject = 'traceSqrtProduct';
  if (s1.length !== s2.length) throw tweedieError({ subject, problem: 'matrices differ in size', got: [s1.length, s2.length] });
  const factor = (s: ArrayLike<number>): PivotedCholesky => {
    const { d, entries } = symmetricMatrix(subject, s);
    return pivotedCholesky(subject, entries, d);
  };
  const [one, two] = [factor(s1), factor(s2)];
  const [least, other] = one.rank <= two.rank ? [one, s2] : [two, s1];
  if (least.rank === 0) return 0;
  const values = tridiagonalEigenvalues(tridiagonalForm(conjugate(least, symmetricMatrix(subject, other).entries), least.rank));
  return values.reduce((total, value) => total + Math.sqrt(Math.max(0, value)), 0);
};

/** Rows whose leading zeros are skipped together. */
const BLOCK = 64;

/** Lᵀ S L, [rank, rank], its lower triangle. */
const conjugate = ({ rank, order, transposed }: PivotedCholesky, s: Float64Array): Float64Array => {
  const d = order.length;
  const permuted = new Float64Array(d * d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) permuted[i * d + j] = s[order[i]! * d + order[j]!]!;
  const half = new Float64Array(rank * d); // Lᵀ S
  for (let from = 0; from < rank; from += BLOCK)
    addRowProducts(half, d, transposed, permuted, d, { rows: [from, Math.min(rank, from + BLOCK)], columns: [0, d], depth: [from, d] });
  const whole = new Float64Array(rank * rank);
  for (let from = 0; from < rank; from += BLOCK)
    addRowProducts(whole, rank, half, transposed, d, {
      rows: [from, rank],
      columns: [from, Math.min(rank, from + BLOCK)],
      depth: [from, d],
      lower: true,
    });
  return whole;
};
