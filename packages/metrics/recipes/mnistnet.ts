/**
 * Trains mnistnet with our own drain and writes weights/mnistnet.safetensors and, beside it, the log of the run.
 *
 *     npx tsc --build packages/metrics/tsconfig.recipes.json && node packages/metrics/out-tsc/recipes/mnistnet.js
 */
import { fileURLToPath } from 'node:url';
import { MNISTNET } from '@tweedie/metrics';
import { shiftedTogether } from './augment.ts';
import { follow } from './follow.ts';
import { trainClassifier, type Recipe, type RecipeOptions, type Trained } from './train-classifier.ts';

/** 3 epochs, every image moved by the same up to two pixels a step. */
const RECIPE: Recipe = {
  spec: MNISTNET,
  augment: shiftedTogether(2),
  steps: 2814,
  batchSize: 64,
  peak: 3e-3,
  warmup: 100,
  decay: 0.7,
  emaDecay: 0.999,
};

export const trainMnistnet = (options: RecipeOptions): Promise<Trained> => trainClassifier(RECIPE, options);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { mnist } = await import('@tweedie/data');
  await follow(RECIPE, (split) => mnist({ split, fetch: true }));
}
