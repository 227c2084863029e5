import '@tensorflow/tfjs-backend-cpu';
import { memory, mul, setBackend, tensor1d } from '@tensorflow/tfjs-core';
import { createNoise, edm, karras, sample, type Denoiser } from '@tweedie/core';
import * as networks from '@tweedie/networks';
import { heun } from '@tweedie/sampler-classic';

/** What a page does with us: three steps of Heun on data that are a standard normal, where E[x₀ | y] = y/(1 + ρ²). */
export const draw = async (): Promise<{ readonly values: readonly number[]; readonly tensors: number; readonly networks: number }> => {
  await setBackend('cpu');
  tensor1d([0]).dispose(); // the engine's own tensors exist from here on
  const before = memory().numTensors;
  const sampler = heun();
  const plan = sampler.plan(edm(), karras({ steps: 3, max: 2, min: 0.1, zero: true }));
  const denoise: Denoiser = (y, rho) => mul(y, 1 / (1 + (rho as number) ** 2));
  const values: number[] = [];
  for await (const event of sample({ sampler, plan, denoise, shape: [2], count: 4, noise: createNoise(17n) })) {
    if (event.kind === 'images') values.push(...(await event.images.data()));
  }
  return { values, tensors: memory().numTensors - before, networks: Object.keys(networks).length };
};
