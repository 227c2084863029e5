import { engine, env, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { addN } from './add-n.ts';
import { pad, tile } from './axis-by-axis.ts';
import { reportDeviceErrors } from './device-errors.ts';
import type { WebGpu } from './kernel.ts';
import { cosKernel, sinKernel } from './sin-cos.ts';

/** Puts right what the WebGPU engine has wrong, and makes it say when a computation failed. Call it once, when the engine runs. */
export const completeWebGpu = (): void => {
  for (const { kernelName, kernelFunc } of [addN(), tile(), pad(), sinKernel, cosKernel]) {
    unregisterKernel(kernelName, 'webgpu');
    registerKernel({ kernelName, backendName: 'webgpu', kernelFunc });
  }
  // Small tensors whose numbers happen to be on the host would be computed there: the bits of a run would depend on what somebody has read.
  env().set('WEBGPU_CPU_FORWARD', false);
  reportDeviceErrors(engine().backend as unknown as WebGpu);
};
