import { tensor } from '@tensorflow/tfjs-core';
import { tweedieError, type Extractor } from '@tweedie/core';
import type { Handler } from './tasks.ts';

let loaded: Promise<Extractor> | undefined;

/** Features or logits of images, by the classifier that ships with the metrics. */
export const extractTask: Handler<'extract'> = async ({ extractor: id, output, images, shape }) => {
  loaded ??= import('@tweedie/metrics/node').then(({ loadMnistnet }) => loadMnistnet());
  const extractor = await loaded;
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
