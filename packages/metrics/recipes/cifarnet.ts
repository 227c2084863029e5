/**
 * Trains cifarnet with our own drain and writes weights/cifarnet.safetensors and, beside it, the log of the run.
 *
 *     npx tsc --build packages/metrics/tsconfig.recipes.json && node packages/metrics/out-tsc/recipes/cifarnet.js
 */
import { fileURLToPath } from 'node:url';
import { CIFARNET } from '@tweedie/metrics';
import { mirroredAndShifted } from './augment.ts';
import { follow } from './follow.ts';
import { trainClassifier, type Recipe, type RecipeOptions, type Trained } from './train-classifier.ts';

/** 6 epochs, each image mirrored or not and moved by up to four pixels. */
const RECIPE: Recipe = {
  spec: CIFARNET,
  augment: mirroredAndShifted(4),
  steps: 2344,
  batchSize: 128,
  peak: 4e-3,
  warmup: 270,
  decay: 0.88,
  emaDecay: 0.99,
};

export const trainCifarnet = (options: RecipeOptions): Promise<Trained> => trainClassifier(RECIPE, options);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { cifar10 } = await import('@tweedie/data');
  await follow(RECIPE, (split) => cifar10({ split, fetch: true }));
}
