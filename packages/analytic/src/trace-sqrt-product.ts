import { tweedieError } from '@tweedie/core';
import { symmetricEigen } from './symmetric-eigen.ts';

/**
 * tr (Σ₁Σ₂)^½ of two covariances [d, d] (row-major), the term of the Fréchet distance that needs a matrix root.
 *
 * Σ₁Σ₂ is similar to Σ₁^½ Σ₂ Σ₁^½, which is symmetric and positive semi-definite: its eigenvalues λ ≥ 0 give the trace Σ√λ
 * without a complex number. Negative eigenvalues within rounding count as 0; others are refused.
 */
export const traceSqrtProduct = (s1: ArrayLike<number>, s2: ArrayLike<number>): number => {
  const subject = 'traceSqrtProduct';
  if (s1.length !== s2.length) throw tweedieError({ subject, problem: 'matrices differ in size', got: [s1.length, s2.length] });
  const { values, vectors } = symmetricEigen(s1);
  const d = values.length;
  const roots = values.map((value) => Math.sqrt(semidefinite(subject, value, values[0]!)));
  // B = Λ^½ Uᵀ Σ₂ U Λ^½ has the eigenvalues of Σ₁^½ Σ₂ Σ₁^½.
  const half = new Float64Array(d * d); // Σ₂ U
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++) {
      const a = s2[i * d + j]!;
      for (let k = 0; k < d; k++) half[i * d + k]! += a * vectors[j * d + k]!;
    }
  const b = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) {
      const a = vectors[i * d + k]!;
      for (let l = 0; l < d; l++) b[k * d + l]! += a * half[i * d + l]!;
    }
  for (let k = 0; k < d; k++)
    for (let l = 0; l <= k; l++) b[k * d + l] = b[l * d + k] = (roots[k]! * roots[l]! * (b[k * d + l]! + b[l * d + k]!)) / 2;
  const inner = symmetricEigen(b).values;
  return inner.reduce((total, value) => total + Math.sqrt(semidefinite(subject, value, inner[0]!)), 0);
};

const semidefinite = (subject: string, value: number, top: number): number => {
  if (value < -1e-8 * Math.max(top, 0) || (top < 0 && value < 0))
    throw tweedieError({ subject, problem: 'a matrix is not positive semi-definite', got: `eigenvalue ${value}` });
  return Math.max(0, value);
};
