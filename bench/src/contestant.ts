/**
 * Tweedie as a rival of itself and of others: `node dist/contestant.js ENGINE [as-shipped]`. Each engine needs a process of its own.
 *
 * Reads a task a line, `{"task":"call"}`, and answers with a line: `check` → the first image of D(y; σ); `memory` → the greatest resident
 * memory so far; `call`, `train`, `sample` → milliseconds. `as-shipped` leaves out what @tweedie/backend adds to TensorFlow.js.
 */
import { createInterface } from 'node:readline';
import { tensor } from '@tensorflow/tfjs-core';
import { adam, bindModel, createFeed, createParameters, oneHotRows, sample, scoreLoss, toTensors, train } from '@tweedie/core';
import { dsm } from '@tweedie/objective-classic';
import { dpmpp2m } from '@tweedie/sampler-classic';
import { asShipped, selected } from './engines.ts';
import { BATCH, classOf, dataset, input, LEVEL, levels, network, noise, preconditioner, schedule, weights } from './problem.ts';

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const failed = (error: unknown): object => ({ error: error instanceof Error ? error.message.split('\n')[0] : String(error) });

const [engine = 'wasm', shipped] = process.argv.slice(2);
try {
  const about = shipped === 'as-shipped' ? await asShipped(engine) : await selected(engine);
  say({ ready: about });
} catch (error) {
  say(failed(error));
  process.exit(1);
}

const model = bindModel({ network, weights: toTensors(network.parameters, weights()), schedule, preconditioner });
const y = tensor(input(), [BATCH, ...network.shape]);
const hot = oneHotRows(
  Array.from({ length: BATCH }, (_, i) => classOf(i)),
  network.classes,
);
const training = train({
  parameters: createParameters(network.parameters, weights()),
  loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
  feed: createFeed({ dataset, batchSize: BATCH, noise, labelDropout: 0.1 }),
  optimizer: adam({ rate: 1e-5 }),
  steps: Infinity,
  noise,
});
const sampler = dpmpp2m();
const plan = sampler.plan(schedule, levels);

const call = async (): Promise<Float32Array> => {
  const x0 = model.denoise(y, LEVEL, hot);
  try {
    return (await x0.data()) as Float32Array;
  } finally {
    x0.dispose();
  }
};

const TASKS: Readonly<Record<string, () => Promise<unknown>>> = {
  call,
  train: () => training.next(),
  sample: async () => {
    const drawn = sample({ sampler, plan, denoise: model.denoise, shape: network.shape, count: BATCH, noise, classes: 10, label: classOf });
    for await (const event of drawn) if (event.kind === 'images') await event.images.data();
  },
};

const answer = async (task: string): Promise<object> => {
  if (task === 'check') return { values: [...(await call()).subarray(0, y.size / BATCH)] };
  if (task === 'memory') return { bytes: process.resourceUsage().maxRSS * 1024 };
  const started = performance.now();
  await TASKS[task]!();
  return { milliseconds: performance.now() - started };
};

for await (const line of createInterface({ input: process.stdin })) {
  const { task } = JSON.parse(line) as { readonly task: string };
  say(await answer(task).catch(failed));
}
process.exit(0); // engines may keep threads
