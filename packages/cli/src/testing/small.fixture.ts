import type { ExperimentInput } from '../config/experiment.ts';

/** A run of a second or two: labels, label dropout, warm-up, decay, clipping and micro-batches, so that resuming has something to get wrong. */
export const SMALL: ExperimentInput = {
  data: { use: 'eight-gaussians', size: 50 },
  network: { use: 'mlp', width: 16, depth: 1 },
  training: { batchSize: 8, steps: 40, checkpointEvery: 3, accumulate: 2, labelDropout: 0.2 },
  optimizer: { warmup: 5, clip: 1 },
  levels: { steps: 4 },
  seed: 7,
};
