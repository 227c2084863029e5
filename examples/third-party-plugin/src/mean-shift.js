// @ts-check
import { tweedieError } from '@tweedie/core';
import { z } from 'zod';

/** ‖x̄ − x̄_ref‖₂ / √d: how far the mean of the images is from the mean of the real ones. Blind to everything but the mean. */
const reference = `@misc{mean-shift,
  title  = {The distance between two means},
  author = {{A stranger}},
  year   = {2026},
  note   = {The example plugin of Tweedie}
}`;

export const meanShiftOptions = z.strictObject({});

/** @returns {import('@tweedie/core').Metric} */
export const meanShift = () => {
  /** @type {import('@tweedie/core').Metric} */
  const metric = {
    kind: 'metric',
    api: 1,
    name: 'mean-shift',
    needs: 'images',
    reference,

    start: async ({ reference: real }) => {
      if (real === undefined)
        throw tweedieError({ subject: 'mean-shift', problem: 'there are no real data to compare with', remedy: 'give it a data set' });
      const size = real.shape.reduce((a, b) => a * b, 1);
      /** [n, Σx₀, Σx₁, …] in float64: sums of float32 numbers do not depend on their order to 1e-10. */
      const sums = new Float64Array(1 + size);
      return {
        add: async ({ images }) => {
          const values = await images.data();
          const rows = /** @type {number} */ (images.shape[0]);
          if (values.length !== rows * size) {
            throw tweedieError({
              subject: 'mean-shift',
              problem: 'the images have another shape than the data',
              got: images.shape.slice(1),
              expected: `[${real.shape.join(', ')}]`,
            });
          }
          if (values.some((x) => !Number.isFinite(x)))
            throw tweedieError({ subject: 'mean-shift', problem: 'an image holds what is no number', expected: 'finite values' });
          sums[0] = (sums[0] ?? 0) + rows;
          values.forEach((x, i) => {
            const at = 1 + (i % size);
            sums[at] = (sums[at] ?? 0) + x;
          });
        },
        state: () => new Uint8Array(sums.slice().buffer),
        merge: (state) => {
          if (state.byteLength !== sums.byteLength) {
            throw tweedieError({
              subject: 'mean-shift',
              problem: 'this state is of other images',
              got: `${state.byteLength} bytes`,
              expected: `${sums.byteLength} bytes`,
            });
          }
          const other = new Float64Array(state.slice().buffer);
          other.forEach((x, i) => (sums[i] = (sums[i] ?? 0) + x));
        },
        result: async () => {
          const n = sums[0] ?? 0;
          if (n === 0) throw tweedieError({ subject: 'mean-shift', problem: 'there is nothing to judge', remedy: 'add images first' });
          const target = meanOf(real, size);
          const squares = target.reduce((total, x, i) => total + /** @type {number} */ (sums[1 + i] / n - x) ** 2, 0);
          return { name: 'mean-shift', value: Math.sqrt(squares / size), n, details: { reference: real.id } };
        },
      };
    },
  };
  return Object.freeze(metric);
};

/**
 * @param {import('@tweedie/core').Dataset} data
 * @param {number} size
 */
const meanOf = (data, size) => {
  const sum = new Float64Array(size);
  for (let from = 0; from < data.size; from += 256) {
    const { images } = data.rows(Array.from({ length: Math.min(256, data.size - from) }, (_, i) => from + i));
    images.forEach((x, i) => (sum[i % size] = (sum[i % size] ?? 0) + x));
  }
  return sum.map((x) => x / data.size);
};
