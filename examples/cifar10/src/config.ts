import { defineConfig, type ExperimentInput } from '@tweedie/cli';
import { tweedieError } from '@tweedie/core';

/**
 * `cpu`: for about an hour of one core. `ddpmpp`, `ncsnpp`: the networks, the noise law, the batch and the schedule of training of
 * Karras et al. 2022 (2206.00364) for unconditional CIFAR-10, for a graphics card.
 */
export const SIZES = ['cpu', 'ddpmpp', 'ncsnpp'] as const;
export type Size = (typeof SIZES)[number];

/** Photographs and their mirror images; EDM throughout, with σ_data = 0.5 and the mean left in. */
const COMMON = {
  data: { use: 'cifar10', split: 'train', flip: true },
  schedule: { use: 'edm' },
  preconditioner: { use: 'edm', sigmaData: 0.5 },
  levels: { grid: 'karras', steps: 18 },
  seed: 0,
} satisfies ExperimentInput;

/**
 * Half a million images through 1.3 M weights. Class-conditional; the labels of a fifth are dropped, so that the same network is an
 * unconditional model and can be guided. The law of σ lies above EDM's: a short training has the shape of things to learn first.
 */
const cpu: ExperimentInput = {
  ...COMMON,
  network: { use: 'digits', channels: [48, 96, 128], blocks: [1, 2, 1], attention: true, dataMean: 0, sigmaData: 0.5 },
  objective: { use: 'dsm', law: 'edm', pMean: -0.8, pStd: 1.3 },
  optimizer: { rate: 2e-3, beta1: 0.9, beta2: 0.99, warmup: 200, decay: 0.6 },
  training: { batchSize: 64, steps: 8192, labelDropout: 0.2, emaDecay: 0.999, snapshots: 14 },
  sampler: { use: 'dpmpp-2m' },
};

const BATCH = 512;
/** Steps in which so many million images are seen. */
const stepsOf = (millions: number): number => Math.round((millions * 1e6) / BATCH);

/**
 * 200 million images, the rate rising over the first 10; moving average with a half-life of half a million images; sampling with 35
 * network calls. `accumulate` divides the batch for the memory of the card: micro-batches of 64, as many as there were cards.
 */
const papers = (use: 'ddpmpp' | 'ncsnpp'): ExperimentInput => ({
  ...COMMON,
  network: { use, classes: 0, modelChannels: 128, channelMult: [2, 2, 2], numBlocks: 4, attentionAt: [16], dropout: 0.13 },
  objective: { use: 'dsm', law: 'edm', pMean: -1.2, pStd: 1.2 },
  optimizer: { rate: 1e-3, beta1: 0.9, beta2: 0.999, warmup: stepsOf(10), decay: 0 },
  training: { batchSize: BATCH, accumulate: 8, steps: stepsOf(200), emaDecay: 0.5 ** (BATCH / 5e5), snapshots: 8 },
  sampler: { use: 'heun' },
});

/** The configuration of a size. */
export const recipe = (size: Size): ExperimentInput => (size === 'cpu' ? cpu : papers(size));

const sizeOf = (text: string): Size => {
  const size = SIZES.find((each) => each === text);
  if (size !== undefined) return size;
  throw tweedieError({ subject: 'CIFAR10_SIZE', problem: 'there is no such size', got: text, expected: SIZES.join(' or ') });
};

/** For `tweedie train --config`: the size that the variable CIFAR10_SIZE names, `cpu` without it. */
export default defineConfig(recipe(sizeOf(process.env['CIFAR10_SIZE'] ?? 'cpu')));
