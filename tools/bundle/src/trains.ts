import { memory } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import {
  adam,
  bindModel,
  createFeed,
  createNoise,
  createParameters,
  edm,
  edmPreconditioner,
  karras,
  sample,
  scoreLoss,
  STREAM,
  toTensors,
  train,
  type Dataset,
} from '@tweedie/core';
import { digits } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';
import { heun } from '@tweedie/sampler-classic';

export interface Trained {
  readonly engine: string;
  readonly losses: readonly number[];
  readonly images: readonly number[];
  /** Left behind. */
  readonly tensors: number;
}

const noise = createNoise(3n);
const SHAPE = [8, 8, 1] as const;
const pixels = noise.hostNormal([16, 64], { stream: STREAM.data });
const dataset: Dataset = {
  id: 'noise',
  shape: SHAPE,
  classes: 0,
  size: 16,
  range: [-1, 1],
  rows: (indices) => ({
    images: Float32Array.from({ length: 64 * indices.length }, (_, i) => 0.5 * pixels[64 * indices[i >> 6]! + (i & 63)]!),
  }),
};

/** A small network, three steps of training and two images of it: what a page may want of us. Runs the same in Node. */
export const trains = async (wanted?: string): Promise<Trained> => {
  const { id: engine } = await selectEngine({ engine: wanted });
  const before = memory().numTensors;
  const network = digits({ shape: SHAPE, classes: 0, channels: [4, 8], embedding: 8, features: 4 });
  const parameters = createParameters(network.parameters, network.init(noise));
  const [schedule, preconditioner] = [edm(), edmPreconditioner({ sigmaData: 0.5 })];
  const run = train({
    parameters,
    loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
    feed: createFeed({ dataset, batchSize: 4, noise }),
    optimizer: adam({ rate: 1e-3, epsilon: 1e-3 }),
    steps: 3,
    noise,
  });
  const losses: number[] = [];
  for await (const { loss } of run) losses.push(loss);
  const weights = toTensors(network.parameters, network.init(noise));
  const sampler = heun();
  const images: number[] = [];
  const drawn = sample({
    sampler,
    plan: sampler.plan(schedule, karras({ steps: 3, max: 2, min: 0.1, zero: true })),
    denoise: bindModel({ network, weights, schedule, preconditioner }).denoise,
    shape: SHAPE,
    count: 2,
    noise,
  });
  for await (const event of drawn) if (event.kind === 'images') images.push(...(await event.images.data()));
  Object.values(weights).forEach((weight) => weight.dispose());
  parameters.dispose();
  return { engine, losses, images, tensors: memory().numTensors - before };
};
