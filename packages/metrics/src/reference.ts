import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { createNoise, STREAM, tweedieError, type Dataset, type Extractor, type MetricContext } from '@tweedie/core';

/** The real data of a context. @throws where there are none. */
export const referenceOf = (subject: string, { reference }: MetricContext): Dataset => {
  if (reference !== undefined && reference.size >= 2) return reference;
  throw tweedieError({
    subject,
    problem: 'there are no real data to compare with',
    got: reference === undefined ? 'no reference' : `${reference.size} rows`,
    expected: 'a data set of two rows or more',
    remedy: 'give the test split as reference',
  });
};

/** `count` of the rows 0 … size − 1 without replacement, in the order of a shuffle that `seed`, `draw` and `row` alone decide. */
export const chooseRows = (size: number, count: number, seed: bigint, draw = 0, row = 0): Int32Array => {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const u = createNoise(seed).rows(row).hostUniform([1, count], { stream: STREAM.metric, draw });
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(u[i]! * (size - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.subarray(0, count);
};

/** Real rows on the host, [rows, width] float32, through an extractor where there is one. */
export const readReference = async (
  { shape, rows }: Dataset,
  indices: Int32Array,
  extractor?: Extractor,
): Promise<{ readonly width: number; readonly values: Float32Array }> => {
  if (extractor === undefined) return { width: shape.reduce((product, n) => product * n, 1), values: rows(indices).images };
  const values = new Float32Array(indices.length * extractor.dims);
  for (let first = 0; first < indices.length; first += 256) {
    const part = indices.subarray(first, first + 256);
    const images = tensor(rows(part).images, [part.length, ...shape], 'float32');
    let features: Tensor | undefined;
    try {
      features = await extractor.features(images);
      values.set(await features.data(), first * extractor.dims);
    } finally {
      images.dispose();
      features?.dispose();
    }
  }
  return { width: extractor.dims, values };
};

/** What {@link MetricContext} says about where a distance is measured: on the data themselves, or on an extractor's features. */
export const extractorOf = (subject: string, { extractor }: MetricContext): Extractor => {
  if (extractor !== undefined) return extractor;
  throw tweedieError({
    subject,
    problem: 'no feature extractor was given',
    expected: 'an extractor',
    remedy: 'use the classifier of this data set (MNIST: mnistnet, CIFAR-10: cifarnet), pcaExtractor, or rawExtractor for points',
  });
};
