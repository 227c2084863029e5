import { concat, tensor2d, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Extractor } from '@tweedie/core';
import type { ExtractorSource } from '../judge/extractors.ts';
import { rangesOf } from '../run/ranges.ts';
import type { Pool } from './pool.ts';

/** An extractor whose images are dealt out to workers, which load it from `source`: the same features, by the same id. */
export const dealt = (extractor: Extractor, pool: Pool, source: ExtractorSource): Extractor => {
  const ask =
    (output: 'features' | 'logits') =>
    async (images: Tensor): Promise<Tensor2D> => {
      const [count, ...shape] = images.shape as [number, ...number[]];
      const values = (await images.data()) as Float32Array;
      const size = values.length / count;
      const parts = await Promise.all(
        rangesOf({ count, batchSize: count, workers: pool.workers }).map(async ({ first, count: rows }) => {
          const own = values.slice(first * size, (first + rows) * size);
          const out = await pool.run('extract', { extractor: extractor.id, source, output, images: own, shape: [rows, ...shape] });
          return tensor2d(out, [rows, out.length / rows], 'float32');
        }),
      );
      try {
        return concat(parts);
      } finally {
        parts.forEach((part) => part.dispose());
      }
    };
  return Object.freeze<Extractor>({
    id: extractor.id,
    dims: extractor.dims,
    features: ask('features'),
    ...(extractor.logits === undefined ? {} : { logits: ask('logits') }),
  });
};
