import { tensor } from '@tensorflow/tfjs-core';
import { judge, type Dataset, type JudgedBatch, type MetricResult } from '@tweedie/core';
import { classMatch, frechet } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';

/** Digits on the host, and what each was asked to be. */
export interface Digits {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** How many are what was asked for, and how far the whole is from the reference in the features of mnistnet. */
export const judgeDigits = async (digits: Digits, reference: Dataset, seed: bigint): Promise<readonly MetricResult[]> =>
  judge([classMatch(), frechet()], { extractor: await loadMnistnet(), reference, seed }, batches(digits));

const SIZE = 28 * 28;

/** As a picture would hold them: clipped to [−1, 1]. */
async function* batches({ images, labels }: Digits, batchSize = 128): AsyncGenerator<JudgedBatch, void, void> {
  for (let first = 0; first < labels.length; first += batchSize) {
    const part = images.slice(first * SIZE, (first + batchSize) * SIZE).map((x) => Math.min(1, Math.max(-1, x)));
    const batch = tensor(part, [part.length / SIZE, 28, 28, 1], 'float32');
    try {
      yield { images: batch, labels: labels.slice(first, first + batchSize), first };
    } finally {
      batch.dispose();
    }
  }
}
