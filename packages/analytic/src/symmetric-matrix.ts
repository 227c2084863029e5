import { tweedieError } from '@tweedie/core';

/** A copy of a symmetric matrix [d, d] (row-major), exactly symmetric. Refuses what is not square, finite and symmetric to 1e-9 of its largest entry. */
export const symmetricMatrix = (subject: string, matrix: ArrayLike<number>): { readonly d: number; readonly entries: Float64Array } => {
  const d = Math.round(Math.sqrt(matrix.length));
  if (d === 0 || d * d !== matrix.length)
    throw tweedieError({ subject, problem: 'matrix is not square', got: matrix.length, expected: 'd² numbers' });
  const entries = Float64Array.from(matrix);
  let top = 0;
  for (let i = 0; i < entries.length; i++) {
    const size = Math.abs(entries[i]!);
    if (!Number.isFinite(size)) throw tweedieError({ subject, problem: 'matrix has an entry that is not finite', got: entries[i] });
    if (size > top) top = size;
  }
  for (let i = 0; i < d; i++)
    for (let j = 0; j < i; j++) {
      const [a, b] = [entries[i * d + j]!, entries[j * d + i]!];
      if (Math.abs(a - b) > 1e-9 * top)
        throw tweedieError({ subject, problem: 'matrix is not symmetric', got: `${a} at (${i}, ${j}) and ${b} at (${j}, ${i})` });
      entries[i * d + j] = entries[j * d + i] = (a + b) / 2;
    }
  return { d, entries };
};
