// npm run bench -w @tweedie/onnx [images [rounds]]
//
// Milliseconds of one call of the default digits network and of ten steps of Heun, on the engine and by ONNX Runtime with one and two
// threads: in one session, in turns, the median. Needs `npm run build` and onnxruntime-node.
import process from 'node:process';
import { zeros } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { bindModel, createNoise, edm, edmPreconditioner, karras, sample, toTensors } from '@tweedie/core';
import { digits } from '@tweedie/networks';
import { exportDenoiser } from '@tweedie/onnx';
import { onnxDenoiser } from '@tweedie/onnx/node';
import { heun } from '@tweedie/sampler-classic';

const [images = 64, rounds = 11] = process.argv.slice(2).map(Number);
const { id } = await selectEngine();
const network = digits();
const noise = createNoise(1);
const weights = toTensors(network.parameters, network.init(noise));
const schedule = edm();
const binding = { network, weights, schedule, preconditioner: edmPreconditioner({ sigmaData: 0.6 }) };
const file = await exportDenoiser(binding);
const sessions = [await onnxDenoiser(file, { threads: 1 }), await onnxDenoiser(file, { threads: 2 })];
const contenders = [
  [id, bindModel(binding).denoise],
  ['onnxruntime-node, 1 thread', sessions[0].denoise],
  ['onnxruntime-node, 2 threads', sessions[1].denoise],
];

const y = noise.normal([images, ...network.shape], { stream: 1 });
const label = zeros([images, network.classes]);
const call = async (denoise) => {
  const x0 = await denoise(y, 1, label);
  await x0.data();
  x0.dispose();
};
const sampler = heun();
const plan = sampler.plan(schedule, karras({ steps: 10, max: 80, min: 0.002, zero: true }));
const draw = async (denoise) => {
  for await (const event of sample({ sampler, plan, denoise, shape: network.shape, count: images, classes: network.classes, noise }))
    if (event.kind === 'images') await event.images.data();
};

/** Milliseconds of each contender, in turns; the first round is not counted. */
const measured = async (work, times) => {
  const taken = contenders.map(() => []);
  for (let round = 0; round <= times; round++)
    for (const [i, [, denoise]] of contenders.entries()) {
      const started = performance.now();
      await work(denoise);
      if (round > 0) taken[i].push(performance.now() - started);
    }
  return taken.map((each) => each.sort((a, b) => a - b)[each.length >> 1].toFixed(0));
};
const calls = await measured(call, rounds);
const runs = await measured(draw, Math.max(1, Math.ceil(rounds / 4)));
console.log(`| ${images} digits | a call | a run, ${plan.nfe} calls |\n| --- | --- | --- |`);
contenders.forEach(([name], i) => console.log(`| ${name} | ${calls[i]} | ${runs[i]} |`));
await Promise.all(sessions.map((session) => session.dispose()));
