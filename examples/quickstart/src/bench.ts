/**
 * Training speed and memory of the digits network, on the engine that TWEEDIE_BACKEND names:
 *
 *     npm run bench -w @tweedie/example-quickstart -- [steps] [batch]
 *
 * One JSON line: images a second by the median step, live tensors and resident memory at the first and the last fifth of the run.
 */
import { memory } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { adam, createFeed, createNoise, createParameters, edm, edmPreconditioner, scoreLoss, train } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { digits } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';

const [steps, batchSize] = [Number(process.argv[2] ?? 500), Number(process.argv[3] ?? 32)];
const { id } = await selectEngine();
const noise = createNoise(0);
const network = digits({ embedding: 200, features: 16 }); // of the size of the prototype that the speed is asked of: 0.32 M
const parameters = createParameters(network.parameters, network.init(noise));
const run = train({
  parameters,
  loss: scoreLoss({
    objective: dsm({ pMean: 0.8, pStd: 1.1 }),
    network,
    schedule: edm(),
    preconditioner: edmPreconditioner({ sigmaData: 0.6 }),
  }),
  feed: createFeed({ dataset: await mnist({ split: 'train', fetch: true }), batchSize, noise, labelDropout: 0.1 }),
  optimizer: adam({ rate: 5e-3, beta2: 0.99 }),
  steps,
  noise,
});
const [times, tensors, resident]: number[][] = [[], [], []];
let last = performance.now();
for await (const _ of run) {
  const now = performance.now();
  times!.push(now - last);
  tensors!.push(memory().numTensors);
  resident!.push(process.memoryUsage.rss() / 2 ** 20);
  last = performance.now();
}
parameters.dispose();
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const fifth = Math.max(1, Math.floor(steps / 5));
console.log(
  JSON.stringify({
    engine: id,
    parameters: network.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0),
    batchSize,
    steps,
    millisecondsAStep: Math.round(median(times!) * 10) / 10,
    imagesPerSecond: Math.round((1000 * batchSize * 10) / median(times!)) / 10,
    tensors: [tensors!.at(0), tensors!.at(-1)],
    residentMiB: [median(resident!.slice(fifth, 2 * fifth)), median(resident!.slice(-fifth))].map(Math.round),
  }),
);
