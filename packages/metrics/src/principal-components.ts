import { moments, symmetricEigen } from '@tweedie/analytic';
import { tweedieError } from '@tweedie/core';

export interface PrincipalComponents {
  readonly mean: Float64Array;
  /** [width, count] row-major: orthonormal columns, the variances along them descending. */
  readonly basis: Float64Array;
  /** [count], with n − 1 in the denominator. */
  readonly variances: Float64Array;
}

/**
 * The first `count` principal components of rows [n, width], in float64. Through the covariance where n ≥ width; else through the Gram
 * matrix of the centred rows, XXᵀ/(n − 1) = UΛUᵀ, V = XᵀU ((n − 1)Λ)^(−½): the smaller of the two eigenvalue problems. Of each
 * component the entry of the largest size is positive. @throws where the rows do not span so many.
 */
export const principalComponents = (rows: Float32Array, width: number, count: number): PrincipalComponents => {
  const n = rows.length / width;
  const collected = n >= width ? throughCovariance(rows, width, count) : throughGram(rows, width, count);
  const { basis } = collected;
  for (let k = 0; k < count; k++) {
    let largest = 0;
    for (let i = 0; i < width; i++) if (Math.abs(basis[i * count + k]!) > Math.abs(largest)) largest = basis[i * count + k]!;
    if (largest < 0) for (let i = 0; i < width; i++) basis[i * count + k]! *= -1;
  }
  return collected;
};

const throughCovariance = (rows: Float32Array, width: number, count: number): PrincipalComponents => {
  const sums = moments(width);
  sums.add(rows);
  const { mean, covariance } = sums.result();
  const { values, vectors } = symmetricEigen(covariance);
  return { mean, basis: firstColumns(vectors, width, count), variances: values.slice(0, count) };
};

const throughGram = (rows: Float32Array, width: number, count: number): PrincipalComponents => {
  const n = rows.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) mean[i % width]! += rows[i]! / n;
  const x = Float64Array.from(rows, (value, i) => value - mean[i % width]!);
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const a = x.subarray(i * width, (i + 1) * width);
    for (let j = 0; j <= i; j++) {
      const b = x.subarray(j * width, (j + 1) * width);
      let sum = 0;
      for (let k = 0; k < width; k++) sum += a[k]! * b[k]!;
      gram[i * n + j] = gram[j * n + i] = sum / (n - 1);
    }
  }
  const { values, vectors } = symmetricEigen(gram);
  if (!(values[count - 1]! > 1e-12 * values[0]!)) {
    throw tweedieError({
      subject: 'principalComponents',
      problem: 'the rows do not span so many components',
      got: count,
      expected: `at most ${values.findIndex((value) => !(value > 1e-12 * values[0]!))}`,
      remedy: 'lower dims, or raise rows where some came twice',
    });
  }
  const basis = new Float64Array(width * count);
  const scale = Float64Array.from({ length: count }, (_, k) => 1 / Math.sqrt((n - 1) * values[k]!));
  for (let row = 0; row < n; row++)
    for (let i = 0; i < width; i++) {
      const value = x[row * width + i]!;
      for (let k = 0; k < count; k++) basis[i * count + k]! += value * vectors[row * n + k]! * scale[k]!;
    }
  return { mean, basis, variances: values.slice(0, count) };
};

const firstColumns = (vectors: Float64Array, width: number, count: number): Float64Array =>
  Float64Array.from({ length: width * count }, (_, i) => vectors[Math.floor(i / count) * width + (i % count)]!);
