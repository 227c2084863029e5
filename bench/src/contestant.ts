/**
 * Tweedie as a rival of itself and of others: `node dist/contestant.js ENGINE [as-shipped | workers=N | onnx=THREADS]`. Each engine needs a
 * process of its own.
 *
 * Reads a task a line, `{"task":"call"}`, and answers with a line: `check` → the first image of D(y; σ); `memory` → the greatest resident
 * memory so far; `call`, `train`, `sample` → milliseconds. `as-shipped` leaves out what @tweedie/backend
 * adds to TensorFlow.js; with `workers` several engines share the work; with `onnx` ONNX Runtime carries out the network.
 */
import { createInterface } from 'node:readline';
import { tensor } from '@tensorflow/tfjs-core';
import {
  adam,
  bindModel,
  createFeed,
  createParameters,
  oneHotRows,
  sample,
  scoreLoss,
  toTensors,
  train,
  type Denoiser,
} from '@tweedie/core';
import { exportDenoiser } from '@tweedie/onnx';
import { onnxDenoiser } from '@tweedie/onnx/node';
import { dsm } from '@tweedie/objective-classic';
import { dpmpp2m } from '@tweedie/sampler-classic';
import { asShipped, selected } from './engines.ts';
import { byWorkers } from './workers.ts';
import { BATCH, classOf, dataset, input, LEVEL, levels, network, noise, preconditioner, schedule, weights } from './problem.ts';

const [engine = 'wasm', way = ''] = process.argv.slice(2);
const [kind, count = ''] = way.split('=');

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const failed = (error: unknown): object => ({ error: error instanceof Error ? error.message.split('\n')[0] : String(error) });

const open = async (): Promise<(task: string) => Promise<object>> => {
  const binding = { network, weights: toTensors(network.parameters, weights()), schedule, preconditioner };
  const session = kind === 'onnx' ? await onnxDenoiser(await exportDenoiser(binding), { threads: Number(count) }) : undefined;
  const denoise: Denoiser = session?.denoise ?? bindModel(binding).denoise;
  const y = tensor(input(), [BATCH, ...network.shape]);
  const hot = oneHotRows(
    Array.from({ length: BATCH }, (_, i) => classOf(i)),
    network.classes,
  );
  const sampler = dpmpp2m();
  const plan = sampler.plan(schedule, levels);
  const call = async (): Promise<Float32Array> => {
    const x0 = await denoise(y, LEVEL, hot);
    try {
      return (await x0.data()) as Float32Array;
    } finally {
      x0.dispose();
    }
  };
  const alone = (): { readonly train: () => Promise<unknown>; readonly sample: () => Promise<unknown> } => {
    const training = train({
      parameters: createParameters(network.parameters, weights()),
      loss: scoreLoss({ objective: dsm(), network, schedule, preconditioner }),
      feed: createFeed({ dataset, batchSize: BATCH, noise, labelDropout: 0.1 }),
      optimizer: adam({ rate: 1e-5 }),
      steps: Infinity,
      noise,
    });
    return {
      train: () => training.next(),
      sample: async () => {
        const drawn = sample({ sampler, plan, denoise, shape: network.shape, count: BATCH, noise, classes: 10, label: classOf });
        for await (const event of drawn) if (event.kind === 'images') await event.images.data();
      },
    };
  };
  const tasks: Readonly<Record<string, () => Promise<unknown>>> = {
    call,
    ...(kind === 'workers' ? await byWorkers(engine, Number(count)) : alone()),
  };
  return async (task) => {
    if (task === 'check') return { values: [...(await call()).subarray(0, y.size / BATCH)] };
    if (task === 'memory') return { bytes: process.resourceUsage().maxRSS * 1024 };
    const started = performance.now();
    await tasks[task]!();
    return { milliseconds: performance.now() - started };
  };
};

let answer: Awaited<ReturnType<typeof open>>;
try {
  const about = kind === 'as-shipped' ? await asShipped(engine) : await selected(engine);
  answer = await open();
  say({ ready: kind === 'onnx' ? `ONNX Runtime, ${count} thread(s)` : about });
} catch (error) {
  say(failed(error));
  process.exit(1);
}
for await (const line of createInterface({ input: process.stdin })) {
  const { task } = JSON.parse(line) as { readonly task: string };
  say(await answer(task).catch(failed));
}
process.exit(0); // engines may keep threads
