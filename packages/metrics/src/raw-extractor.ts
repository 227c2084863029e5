import { reshape, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError, type Extractor } from '@tweedie/core';

/**
 * The data point itself as its features: [B, …shape] → [B, ∏ shape]. Right for points in a few dimensions, where every distance has a
 * closed form to be held against; for images ([height, width, channels]) it is called `pixels`, else `raw`.
 *
 * Images have many pixels: a Fréchet distance in d of them needs n well above d (`frechet` warns below), d² numbers a covariance and
 * d³ operations. {@link pcaExtractor} is the affordable relative. @throws where the images have another shape.
 */
export const rawExtractor = (shape: readonly number[]): Extractor => {
  const dims = shape.reduce((product, n) => product * n, 1);
  const id = shape.length === 3 ? 'pixels' : 'raw';
  return Object.freeze<Extractor>({
    id,
    dims,
    features: (images) => {
      const [rows, ...got] = images.shape;
      if (got.join() !== shape.join()) {
        throw tweedieError({
          subject: id,
          problem: 'the images have another shape',
          got,
          expected: `[${shape.join(', ')}]`,
          remedy: 'use an extractor made for these images',
        });
      }
      return reshape(images, [rows!, dims]) as Tensor2D;
    },
  });
};
