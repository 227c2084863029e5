import { tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { batchesOf, judge, type Dataset, type Extractor, type JudgedBatch, type MetricResult } from '@tweedie/core';
import { frechet, rawExtractor } from '@tweedie/metrics';

/** Judges images by the Fréchet distance of an extractor's features, against real ones whose features are computed once. */
export interface ImageJudge {
  readonly extractor: Extractor;
  readonly reference: Dataset;
  /** `images` [n, …shape], any numbers: they are clipped to the range of the data, as a picture would. Name `FD-<extractor>`. */
  distance(images: Float32Array): Promise<MetricResult>;
}

export const imageJudge = (extractor: Extractor, reference: Dataset): ImageJudge => {
  let real: Promise<Dataset> | undefined;
  return Object.freeze<ImageJudge>({
    extractor,
    reference,
    distance: async (images) => {
      real ??= featuresOf(batchesOf(reference), reference.size, extractor).then((values) =>
        featureData(reference.id, values, extractor.dims),
      );
      const size = reference.shape.reduce((product, extent) => product * extent, 1);
      const n = images.length / size;
      const own = await featuresOf(inBatches(images, reference), n, extractor);
      const judged = featureData('drawn', own, extractor.dims);
      const features = { ...rawExtractor([extractor.dims]), id: extractor.id };
      const [result] = await judge([frechet()], { reference: await real, extractor: features, seed: 0n }, batchesOf(judged));
      return result!;
    },
  });
};

/** Features of all images, [n, dims]. */
const featuresOf = async (batches: AsyncIterable<JudgedBatch>, n: number, extractor: Extractor): Promise<Float32Array> => {
  const all = new Float32Array(n * extractor.dims);
  for await (const { images, first } of batches) {
    const features: Tensor2D = await extractor.features(images);
    all.set(await features.data(), first * extractor.dims);
    features.dispose();
  }
  return all;
};

const featureData = (id: string, values: Float32Array, dims: number): Dataset =>
  Object.freeze<Dataset>({
    id,
    shape: [dims],
    classes: 0,
    size: values.length / dims,
    rows: (indices) => {
      const images = new Float32Array(indices.length * dims);
      for (let i = 0; i < indices.length; i++) images.set(values.subarray(indices[i]! * dims, (indices[i]! + 1) * dims), i * dims);
      return { images };
    },
  });

/** Images that were drawn, in batches, clipped. */
export async function* inBatches(
  images: Float32Array,
  { shape, range = [-1, 1] }: Pick<Dataset, 'shape' | 'range'>,
  batchSize = 256,
): AsyncGenerator<JudgedBatch, void, void> {
  const size = shape.reduce((product, extent) => product * extent, 1);
  for (let first = 0; first * size < images.length; first += batchSize) {
    const part = images.slice(first * size, (first + batchSize) * size).map((x) => Math.min(range[1], Math.max(range[0], x)));
    const batch = tensor(part, [part.length / size, ...shape], 'float32');
    try {
      yield { images: batch, first };
    } finally {
      batch.dispose();
    }
  }
}
