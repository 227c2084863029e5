/**
 * Where the time of a network goes: `node bench/dist/profile.js [ENGINE] [digits | ddpmpp] [call | train] [BATCH]`.
 *
 * Prints what the engine's kernels take, each without the kernels that it calls itself, and the floor: the operations of convolutions
 * and products over the rate that the engine reaches on a product of two matrices of 1024².
 */
import { matMul, randomNormal, tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { medianOf, table } from '@tweedie/cli';
import { adam, bindModel, createFeed, createParameters, scoreLoss, toTensors, train, type Dataset } from '@tweedie/core';
import { ddpmpp, digits } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';
import { LEVEL, noise, preconditioner, schedule } from './problem.ts';
import { watchKernels } from './watch-kernels.ts';

const [id = 'wasm', name = 'digits', what = 'call', size] = process.argv.slice(2);
const network = name === 'ddpmpp' ? ddpmpp({ shape: [32, 32, 3], modelChannels: 64 }) : digits({ dataMean: 0 });
const batch = Number(size ?? (name === 'ddpmpp' ? 4 : 64));
const { about, version } = await selectEngine({ engine: id });
const pixels = network.shape.reduce((product, extent) => product * extent, 1);
const images = (rows: number): Float32Array => Float32Array.from({ length: rows * pixels }, (_, i) => Math.sin(0.7 * i));

const caller = (): (() => Promise<unknown>) => {
  const model = bindModel({ network, weights: toTensors(network.parameters, network.init(noise)), schedule, preconditioner });
  const y = tensor(images(batch), [batch, ...network.shape]);
  return async () => {
    const x0 = model.denoise(y, LEVEL);
    await x0.data();
    x0.dispose();
  };
};
const trainer = (): (() => Promise<unknown>) => {
  const dataset: Dataset = {
    id: 'sines',
    shape: network.shape,
    classes: network.classes,
    size: 2 * batch,
    rows: ({ length }) => ({ images: images(length), ...(network.classes === 0 ? {} : { labels: new Int32Array(length) }) }),
  };
  const training = train({
    parameters: createParameters(network.parameters, network.init(noise)),
    loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
    feed: createFeed({ dataset, batchSize: batch, noise }),
    optimizer: adam({ rate: 1e-5 }),
    steps: Infinity,
    noise,
  });
  return () => training.next();
};

/** Milliseconds of each of `runs`, after two that are not counted. */
const timed = async (once: () => Promise<unknown>, runs: number): Promise<readonly number[]> => {
  const times: number[] = [];
  for (let run = -2; run < runs; run++) {
    const started = performance.now();
    await once();
    if (run >= 0) times.push(performance.now() - started);
  }
  return times;
};

const [a, b] = [randomNormal([1024, 1024]), randomNormal([1024, 1024])] as [Tensor2D, Tensor2D];
const product = async (): Promise<void> => {
  const c = matMul(a, b);
  await c.data();
  c.dispose();
};
const RUNS = 10;
const WATCHED = 3;
/** Share of the time below which a kernel has no row. */
const SMALL = 0.002;

const once = what === 'train' ? trainer() : caller();
const median = medianOf(await timed(once, RUNS));
const perSecond = 2 * 1024 ** 3 * (1000 / medianOf(await timed(product, RUNS)));
const watch = watchKernels();
for (let i = 0; i < WATCHED; i++) await once();
const { rows, operations } = watch.stop();
const floor = (1000 * operations) / WATCHED / perSecond;
const total = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);

console.log(`${network.name}, ${what === 'train' ? 'a training step' : 'a call'}, batch ${batch}; ${id} ${version ?? ''}, ${about}`);
console.log(
  `median ${median.toFixed(1)} ms, ${(median / floor).toFixed(2)} × the floor of ${floor.toFixed(1)} ms: ` +
    `${(operations / WATCHED / 1e9).toFixed(2)} GFLOP at ${(perSecond / 1e9).toFixed(1)} GFLOP/s`,
);
const shown = rows.filter(({ milliseconds }) => milliseconds > SMALL * total);
for (const line of table([
  ['kernel', 'calls', 'ms', '%'],
  ...shown.map(({ kernel, calls, milliseconds }) => [
    kernel,
    (calls / WATCHED).toFixed(0),
    (milliseconds / WATCHED).toFixed(2),
    ((100 * milliseconds) / total).toFixed(1),
  ]),
]))
  console.log(line);
console.log(
  `${(rows.reduce((sum, { calls }) => sum + calls, 0) / WATCHED).toFixed(0)} kernels, ${(total / WATCHED).toFixed(1)} ms in them`,
);
process.exit(0); // engines may keep threads
