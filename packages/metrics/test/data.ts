import { tensor } from '@tensorflow/tfjs-core';
import { createNoise, type Accumulator, type Dataset, type Judged } from '@tweedie/core';

/** Normal rows of a diagonal law on the host. */
export const normalRows = (seed: number, n: number, means: readonly number[], sd: number | readonly number[] = 1): Float32Array => {
  const d = means.length;
  const z = createNoise(seed).hostNormal([n, d], { stream: 99 });
  return Float32Array.from(z, (value, i) => means[i % d]! + (typeof sd === 'number' ? sd : sd[i % d]!) * value);
};

/** Rows on the host as a data set. */
export const datasetOf = (values: Float32Array, shape: readonly number[], range?: readonly [number, number]): Dataset => {
  const width = shape.reduce((product, n) => product * n, 1);
  return {
    id: `rows-${values.length / width}`,
    shape,
    classes: 0,
    size: values.length / width,
    ...(range === undefined ? {} : { range }),
    rows: (indices) => {
      const images = new Float32Array(indices.length * width);
      for (let i = 0; i < indices.length; i++) images.set(values.subarray(indices[i]! * width, (indices[i]! + 1) * width), i * width);
      return { images };
    },
  };
};

/** Gives rows to an accumulator in one piece, and frees them. */
export const addRows = async (
  to: Accumulator,
  values: Float32Array,
  shape: readonly number[],
  extra: Partial<Judged> = {},
): Promise<void> => {
  const width = shape.reduce((product, n) => product * n, 1);
  const images = tensor(values, [values.length / width, ...shape], 'float32');
  try {
    await to.add({ images, first: 0, ...extra });
  } finally {
    images.dispose();
  }
};

/** How many intervals hold the mean of the values: what they should cover where a reference is held fixed. */
export const heldByIntervals = (results: readonly { readonly value: number; readonly interval?: readonly [number, number] }[]): number => {
  const truth = results.reduce((sum, { value }) => sum + value, 0) / results.length;
  return results.filter(({ interval }) => interval![0] <= truth && truth <= interval![1]).length;
};
