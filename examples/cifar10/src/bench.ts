/**
 * What a second of processor time buys, by network, on the engine that TWEEDIE_BACKEND names:
 *
 *     npm run bench -w @tweedie/example-cifar10 -- [steps]
 *
 * A line for each: parameters, images a second of processor time by the median step, batches of 64. Of processor time, not of the clock:
 * so that other work on the machine matters less; with TF_NUM_INTRAOP_THREADS=1 it is what one core does.
 */
import { selectEngine } from '@tweedie/backend';
import { medianOf, table } from '@tweedie/cli';
import { adam, createFeed, createNoise, createParameters, edm, edmPreconditioner, scoreLoss, train, type Network } from '@tweedie/core';
import { cifar10 } from '@tweedie/data';
import { ddpmpp, digits } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';

const [steps, batchSize] = [Number(process.argv[2] ?? 16), 64];
const shape = [32, 32, 3] as const;
const patched = (channels: readonly number[], blocks: readonly number[]): Network =>
  digits({ shape, channels, blocks, attention: true, dataMean: 0, sigmaData: 0.5 });
const small = (channelMult: readonly number[], numBlocks: number): Network =>
  ddpmpp({ shape, classes: 10, modelChannels: 32, channelMult, numBlocks, attentionAt: [8], patch: 2, dropout: 0 });
const candidates: Readonly<Record<string, Network>> = {
  'digits 48, 96': patched([48, 96], [1, 2]),
  'digits 48, 96, 128 (chosen)': patched([48, 96, 128], [1, 2, 1]),
  'digits 64, 96, 128': patched([64, 96, 128], [1, 2, 1]),
  'digits 64, 128': patched([64, 128], [1, 2]),
  'ddpmpp 32, 64, one block': small([1, 2], 1),
  'ddpmpp 64, 64, two blocks': small([2, 2], 2),
};

await selectEngine();
const dataset = await cifar10({ fetch: true, flip: true });
const noise = createNoise(0);

/** Images a second of processor time; the first step, which compiles and warms up, is not counted. */
const speedOf = async (network: Network): Promise<number> => {
  const parameters = createParameters(network.parameters, network.init(noise));
  try {
    const run = train({
      parameters,
      loss: scoreLoss({ objective: dsm(), network, schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.5 }) }),
      feed: createFeed({ dataset, batchSize, noise, labelDropout: 0.2 }),
      optimizer: adam({ rate: 2e-3 }),
      steps: steps + 1,
      noise,
    });
    const seconds: number[] = [];
    let last = process.cpuUsage();
    for await (const _ of run) {
      const { user, system } = process.cpuUsage(last);
      seconds.push((user + system) / 1e6);
      last = process.cpuUsage();
    }
    return batchSize / medianOf(seconds.slice(1));
  } finally {
    parameters.dispose();
  }
};

const rows = [['network', 'parameters', 'images a second']];
for (const [name, network] of Object.entries(candidates)) {
  const count = network.parameters.reduce((sum, each) => sum + each.shape.reduce((product, n) => product * n, 1), 0);
  rows.push([name, String(count), (await speedOf(network)).toFixed(0)]);
}
console.log(table(rows).join('\n'));
