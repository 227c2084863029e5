import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import type { Dataset } from '../contracts/dataset.ts';
import { tweedieError } from '../contracts/error.ts';
import type { Metric, MetricContext, MetricResult } from '../contracts/metric.ts';

/** A batch of images on its way to the judges. Lent until the next is asked for. */
export interface JudgedBatch {
  readonly images: Tensor;
  readonly labels?: Int32Array;
  /** Index of the first image. */
  readonly first: number;
}

/**
 * Judges images by several metrics in one pass: features and logits are computed once a batch, for all that need them. Metrics that
 * need the model judge the reference and are given no images; where all do, no batch is asked for.
 */
export const judge = async (
  metrics: readonly Metric[],
  context: MetricContext,
  batches: AsyncIterable<JudgedBatch>,
): Promise<MetricResult[]> => {
  const { extractor, model } = context;
  const wantsFeatures = metrics.some(({ needs }) => needs === 'features');
  const wantsLogits = metrics.some(({ needs }) => needs === 'labels');
  const modelless = metrics.find(({ needs }) => needs === 'model' && model === undefined);
  if (modelless !== undefined)
    throw tweedieError({
      subject: `metric ${modelless.name}`,
      problem: 'no model was given',
      expected: 'the model of a run',
      remedy: 'judge a run: images that were drawn already have no likelihood',
    });
  const lacking = metrics.find(
    ({ needs }) => (needs === 'features' && extractor === undefined) || (needs === 'labels' && extractor?.logits === undefined),
  );
  if (lacking !== undefined) {
    throw tweedieError({
      subject: `metric ${lacking.name}`,
      problem: lacking.needs === 'labels' ? 'no classifier was given' : 'no feature extractor was given',
      expected: lacking.needs === 'labels' ? 'an extractor with logits' : 'an extractor',
      remedy: 'use the extractor of this data set (MNIST: mnistnet, CIFAR-10: cifarnet), or a metric on images (sliced-wasserstein, mmd)',
    });
  }
  const accumulators = await Promise.all(metrics.map((metric) => metric.start(context)));
  const judging = accumulators.filter((_, i) => metrics[i]!.needs !== 'model');
  for await (const { images, labels, first } of judging.length === 0 ? [] : batches) {
    const features = wantsFeatures ? await extractor!.features(images) : undefined;
    const logits = wantsLogits ? await extractor!.logits!(images) : undefined;
    try {
      for (const accumulator of judging) {
        await accumulator.add({
          images,
          first,
          ...(features === undefined ? {} : { features }),
          ...(logits === undefined ? {} : { logits }),
          ...(labels === undefined ? {} : { labels }),
        });
      }
    } finally {
      features?.dispose();
      logits?.dispose();
    }
  }
  return Promise.all(accumulators.map((accumulator) => accumulator.result()));
};

/** A data set, batch by batch, as images to judge. */
export async function* batchesOf(dataset: Dataset, batchSize = 256): AsyncGenerator<JudgedBatch, void, void> {
  for (let first = 0; first < dataset.size; first += batchSize) {
    const rows = Math.min(batchSize, dataset.size - first);
    const { images: values, labels } = dataset.rows(Int32Array.from({ length: rows }, (_, i) => first + i));
    const images = tensor(values, [rows, ...dataset.shape], 'float32');
    try {
      yield { images, first, ...(labels === undefined ? {} : { labels }) };
    } finally {
      images.dispose();
    }
  }
}
