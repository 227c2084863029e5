import { reshape, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Extractor } from '@tweedie/core';

/** The data point itself as its features: right for points in a few dimensions, where every distance has a closed form to be held against. */
export const rawExtractor = (shape: readonly number[]): Extractor => {
  const dims = shape.reduce((product, n) => product * n, 1);
  return Object.freeze<Extractor>({ id: 'raw', dims, features: (images) => reshape(images, [images.shape[0]!, dims]) as Tensor2D });
};
