/**
 * What an engine does: training images a second, and milliseconds of a network call, of the digits network.
 *
 *     npm run bench -w @tweedie/engines -- ENGINE [batch] [rounds]          after npm run build; one JSON line
 *
 * Wall clock, medians; the first rounds, which compile, are not counted. A network call is waited for: its answer is read back.
 */
import * as tf from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import {
  adam,
  bindModel,
  createFeed,
  createNoise,
  createParameters,
  edm,
  edmPreconditioner,
  scoreLoss,
  toTensors,
  train,
} from '@tweedie/core';
import { digits } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';

const [engine = process.env['TWEEDIE_BACKEND'] ?? 'wasm', batch = '64', rounds = '20'] = process.argv.slice(2);
const [batchSize, count] = [Number(batch), Number(rounds)];
const WARM_UP = 3;
const { id, version, about } = await selectEngine({ engine });
const noise = createNoise(1n);
const network = digits();
const [schedule, preconditioner] = [edm(), edmPreconditioner({ sigmaData: 0.6 })];
const median = (values) => values.slice(WARM_UP).sort((a, b) => a - b)[Math.floor((values.length - WARM_UP) / 2)];

const images = Float32Array.from(noise.hostUniform([256, 784], { stream: 3 }), (u) => 2 * u - 1);
const dataset = {
  id: 'noise',
  shape: [28, 28, 1],
  classes: 10,
  size: 256,
  range: [-1, 1],
  rows: (indices) => {
    const rows = new Float32Array(indices.length * 784);
    indices.forEach((from, i) => rows.set(images.subarray(784 * from, 784 * (from + 1)), 784 * i));
    return { images: rows, labels: Int32Array.from(indices, (i) => i % 10) };
  },
};
const parameters = createParameters(network.parameters, network.init(noise));
const steps = [];
let last = performance.now();
for await (const _ of train({
  parameters,
  loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
  feed: createFeed({ dataset, batchSize, noise }),
  optimizer: adam({ rate: 1e-3 }),
  steps: WARM_UP + count,
  noise,
})) {
  steps.push(performance.now() - last);
  last = performance.now();
}
parameters.dispose();

const weights = toTensors(network.parameters, network.init(noise));
const { denoise } = bindModel({ network, weights, schedule, preconditioner });
const y = noise.normal([batchSize, 28, 28, 1], { stream: 2 });
const calls = [];
for (let i = 0; i < WARM_UP + count; i++) {
  const start = performance.now();
  const out = denoise(y, 1);
  await out.data();
  calls.push(performance.now() - start);
  out.dispose();
}
console.log(
  JSON.stringify({
    engine: id,
    version,
    about,
    node: process.versions.node,
    network: network.name,
    parameters: network.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0),
    batchSize,
    rounds: count,
    trainingImagesPerSecond: Math.round((10_000 * batchSize) / median(steps)) / 10,
    millisecondsPerNetworkCall: Math.round(100 * median(calls)) / 100,
    tensors: tf.memory().numTensors,
  }),
);
