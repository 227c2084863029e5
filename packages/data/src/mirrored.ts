import type { Dataset } from '@tweedie/core';
import { checkRow } from './gather.ts';

/**
 * A data set of images [H, W, C] and their mirror images: rows N to 2N − 1 are rows 0 to N − 1 with left and right exchanged, with
 * the same labels. A row stays a function of its index, so that a feed over it is one of the step, as over any other.
 */
export const mirrored = (dataset: Dataset): Dataset => {
  const [height, width, channels] = dataset.shape as readonly [number, number, number];
  const id = `${dataset.id}+mirrored`;
  const size = 2 * dataset.size;
  return Object.freeze({
    ...dataset,
    id,
    size,
    rows: (indices: ArrayLike<number>) => {
      const rows = dataset.rows(
        Float64Array.from(indices, (row) => {
          checkRow(id, row, size);
          return row % dataset.size;
        }),
      );
      for (let i = 0; i < indices.length; i++) {
        if (indices[i]! < dataset.size) continue;
        for (let line = i * height; line < (i + 1) * height; line++)
          mirror(rows.images.subarray(line * width * channels, (line + 1) * width * channels), channels);
      }
      return rows;
    },
  });
};

/** Turns a line of pixels round, in place; a pixel's channels keep their order. */
const mirror = (line: Float32Array, channels: number): void => {
  for (let left = 0, right = line.length - channels; left < right; left += channels, right -= channels)
    for (let c = 0; c < channels; c++) [line[left + c], line[right + c]] = [line[right + c]!, line[left + c]!];
};
