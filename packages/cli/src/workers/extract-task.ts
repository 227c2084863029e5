import { tensor } from '@tensorflow/tfjs-core';
import { tweedieError, type Extractor } from '@tweedie/core';
import { openExtractor } from '../judge/extractors.ts';
import type { Handler } from './tasks.ts';

const loaded = new Map<string, Promise<Extractor>>();

/** Features or logits of images, by a network that is loaded when it is first asked for. */
export const extractTask: Handler<'extract'> = async ({ extractor: id, source, output, images, shape }) => {
  const key = JSON.stringify(source);
  if (!loaded.has(key)) loaded.set(key, openExtractor(source, { id: 'images of a worker', shape, size: 0, rows: () => ({ images }) }, 0n));
  const extractor = await loaded.get(key)!;
  if (extractor.id !== id)
    throw tweedieError({ subject: 'workers', problem: 'this extractor is not to be had in a worker', got: id, expected: extractor.id });
  const batch = tensor(images, [...shape], 'float32');
  const out = await extractor[output]!(batch);
  try {
    return Float32Array.from((await out.data()) as Float32Array);
  } finally {
    [batch, out].forEach((each) => each.dispose());
  }
};
