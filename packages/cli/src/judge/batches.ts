import { tensor } from '@tensorflow/tfjs-core';
import type { Dataset, JudgedBatch } from '@tweedie/core';

/** Images to judge that were drawn already. */
export interface Samples {
  /** [count, …shape] row-major. */
  readonly images: Float32Array;
  readonly shape: readonly number[];
  readonly labels?: Int32Array;
}

/** Images on their way to the judges, clipped to the range of the data: what a saved picture would hold. */
export async function* inBatches(
  { images, shape, labels }: Samples,
  range: Dataset['range'],
  batchSize = 128,
): AsyncGenerator<JudgedBatch, void, void> {
  const size = shape.reduce((product, n) => product * n, 1);
  const count = images.length / size;
  for (let first = 0; first < count; first += batchSize) {
    const rows = Math.min(batchSize, count - first);
    const part = images.slice(first * size, (first + rows) * size);
    if (range !== undefined && shape.length === 3) part.forEach((x, i) => (part[i] = Math.min(range[1], Math.max(range[0], x))));
    const batch = tensor(part, [rows, ...shape], 'float32');
    try {
      yield { images: batch, first, ...(labels === undefined ? {} : { labels: labels.slice(first, first + rows) }) };
    } finally {
      batch.dispose();
    }
    await new Promise<void>((next) => setImmediate(next));
  }
}
