/**
 * How exact an engine is, and whether it repeats itself: `npm run precision -w @tweedie/engines -- ENGINE`, after `npm run build`.
 *
 * Elementary functions against float64, as the largest error over a range relative to the value (of sin, cos and tanh: to 1); sums and products
 * against float64; a call of the digits network against the engine `cpu`; then bits. The hash is of the weights after three training steps:
 * run it again, elsewhere or later, and compare.
 */
import { createHash } from 'node:crypto';
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

const engine = process.argv[2] ?? process.env['TWEEDIE_BACKEND'] ?? 'wasm';
const { id, version, about, backend } = await selectEngine({ engine });
console.log(`${id} ${version} (${about}), Node ${process.versions.node}\n`);
const noise = createNoise(1n);
const show = (what, value) => console.log(`${what.padEnd(44)} ${typeof value === 'number' ? value.toExponential(1) : value}`);
const largest = (got, expected, size) => got.reduce((worst, x, i) => Math.max(worst, Math.abs(x - expected[i]) / size(expected[i])), 0);

const COUNT = 1 << 14;
const grid = (low, high) => Float32Array.from({ length: COUNT }, (_, i) => low + ((high - low) * (i + 0.5)) / COUNT);
const own = (y) => Math.abs(y);
const one = () => 1;
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
for (const [name, f, exact, low, high, size] of [
  ['exp', tf.exp, Math.exp, -10, 10, own],
  ['exp', tf.exp, Math.exp, -80, 80, own],
  ['log', tf.log, Math.log, 1e-3, 0.9, own],
  ['log', tf.log, Math.log, 2, 1e4, own],
  ['sin', tf.sin, Math.sin, -10, 10, one],
  ['sin', tf.sin, Math.sin, -1000, 1000, one],
  ['cos', tf.cos, Math.cos, -10, 10, one],
  ['tanh', tf.tanh, Math.tanh, -10, 10, one],
  ['sigmoid', tf.sigmoid, sigmoid, -10, 10, own],
  ['sqrt', tf.sqrt, Math.sqrt, 1e-3, 1e3, own],
  ['rsqrt', tf.rsqrt, (x) => 1 / Math.sqrt(x), 1e-3, 1e3, own],
  ['1/x', (x) => tf.div(1, x), (x) => 1 / x, 1e-3, 1e3, own],
  ['x^2.5', (x) => tf.pow(x, 2.5), (x) => x ** 2.5, 0.1, 10, own],
]) {
  const x = grid(low, high);
  const y = f(tf.tensor1d(x));
  show(`${name} in [${low}, ${high}]`, largest(await y.data(), Array.from(x, exact), size));
}

const values = noise.hostNormal([1, 1 << 18], { stream: 1 }).map(Math.fround);
const total = values.reduce((sum, x) => sum + Math.abs(x), 0);
show(
  'sum of 2¹⁸ numbers, over the sum of sizes',
  Math.abs((await tf.sum(tf.tensor1d(Float32Array.from(values))).data())[0] - values.reduce((a, b) => a + b)) / total,
);
const [a, b] = [values.slice(0, 1 << 16), values.slice(1 << 16, 2 << 16)];
const product = Float64Array.from({ length: 1 << 16 }, (_, at) => {
  let sum = 0;
  for (let k = 0; k < 256; k++) sum += a[(at >> 8) * 256 + k] * b[k * 256 + (at & 255)];
  return sum;
});
const scaleOf = (all) => all.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const matrices = [a, b].map((each) => tf.tensor2d(Float32Array.from(each), [256, 256]));
show(
  'matMul 256³, over the largest',
  largest(await tf.matMul(...matrices).data(), product, () => scaleOf(product)),
);

const ROWS = 4;
const network = digits();
const [schedule, preconditioner] = [edm(), edmPreconditioner({ sigmaData: 0.6 })];
const input = Float32Array.from(noise.hostNormal([ROWS, 784], { stream: 2 }));
const called = async (on, from = 0, rows = ROWS) => {
  await tf.setBackend(on);
  const weights = toTensors(network.parameters, network.init(noise));
  const model = bindModel({ network, weights, schedule, preconditioner });
  const label = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: rows }, (_, i) => from + i),
      'int32',
    ),
    10,
  );
  const out = model.denoise(tf.tensor4d(input.slice(784 * from, 784 * (from + rows)), [rows, 28, 28, 1]), 1, tf.cast(label, 'float32'));
  return Float32Array.from(await out.data());
};
const equal = (p, q) => p.every((x, i) => Object.is(x, q[i]));
const verdict = (same, p, q) => (same ? 'same bits' : `differs by ${largest(p, q, () => scaleOf(q)).toExponential(1)}`);
const first = await called(backend);
const again = await called(backend);
const alone = [];
for (let row = 0; row < ROWS; row++) alone.push(...(await called(backend, row, 1)));
show('a network call again', verdict(equal(first, again), again, first));
show('row by row instead of a batch', verdict(equal(first, alone), alone, first));

const trained = async () => {
  const parameters = createParameters(network.parameters, network.init(noise));
  const images = noise.hostUniform([16, 784], { stream: 3 });
  const run = train({
    parameters,
    loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
    feed: createFeed({
      dataset: { id: 'noise', shape: [28, 28, 1], classes: 10, size: 16, range: [-1, 1], rows: (indices) => ({ images: Float32Array.from({ length: indices.length * 784 }, (_, i) => 2 * images[indices[Math.floor(i / 784)] * 784 + (i % 784)] - 1), labels: Int32Array.from(indices, (i) => i % 10) }) }, // prettier-ignore
      batchSize: ROWS,
      noise,
    }),
    optimizer: adam({ rate: 1e-3 }),
    steps: 3,
    noise,
  });
  for (;;) {
    const { done, value } = await run.next();
    if (done) return (parameters.dispose(), value.parameters);
  }
};
const [once, twice] = [await trained(), await trained()];
show('three training steps again', verdict(equal(once, twice), twice, once));
show('their weights', createHash('sha256').update(once).digest('hex').slice(0, 12));

await selectEngine({ engine: 'cpu' });
const reference = await called('cpu');
show(
  'a network call against cpu, over the largest',
  largest(first, reference, () => scaleOf(reference)),
);
