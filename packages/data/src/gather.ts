import { tweedieError } from '@tweedie/core';

/** Collects rows by index: `write` puts row `row` at `out[at …]`. Errors: an index that is no row. */
export const gatherRows = (
  subject: string,
  indices: ArrayLike<number>,
  size: number,
  numel: number,
  write: (row: number, out: Float32Array, at: number) => void,
): Float32Array => {
  const out = new Float32Array(indices.length * numel);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i]!;
    checkRow(subject, row, size);
    write(row, out, i * numel);
  }
  return out;
};

export const gatherLabels = (indices: ArrayLike<number>, labels: ArrayLike<number>): Int32Array => {
  const out = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) out[i] = labels[indices[i]!]!;
  return out;
};

export const checkRow = (subject: string, row: number, size: number): void => {
  if (!Number.isInteger(row) || row < 0 || row >= size)
    throw tweedieError({ subject, problem: 'there is no such row', got: row, expected: `an integer from 0 to ${String(size - 1)}` });
};
