import { tweedieError, type Dataset } from '@tweedie/core';
import { checkRow } from './gather.ts';

/**
 * Rows `from` (included) to `to` (excluded) of a data set, as a data set: held-out parts, and the two halves of a
 * real-against-real floor. Errors: an empty part, or one beyond the data.
 */
export const subset = (dataset: Dataset, from: number, to: number): Dataset => {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to <= from || to > dataset.size)
    throw tweedieError({
      subject: dataset.id,
      problem: 'there is no such part',
      got: `rows ${String(from)} to ${String(to)}`,
      expected: `0 ≤ from < to ≤ ${String(dataset.size)}, integers`,
    });
  const id = `${dataset.id}[${String(from)}:${String(to)}]`;
  const size = to - from;
  return Object.freeze({
    id,
    shape: dataset.shape,
    classes: dataset.classes,
    size,
    ...(dataset.range && { range: dataset.range }),
    rows: (indices: ArrayLike<number>) =>
      dataset.rows(
        Float64Array.from(indices, (row) => {
          checkRow(id, row, size);
          return row + from;
        }),
      ),
  });
};
