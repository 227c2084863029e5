import { engine, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { addN } from './add-n.ts';
import { reportDeviceErrors } from './device-errors.ts';
import type { WebGpu } from './kernel.ts';
import { cosKernel, sinKernel } from './sin-cos.ts';

/** Puts right what the WebGPU engine has wrong, and makes it say when a computation failed. Call it once, when the engine runs. */
export const completeWebGpu = (): void => {
  for (const { kernelName, kernelFunc } of [addN(), sinKernel, cosKernel]) {
    unregisterKernel(kernelName, 'webgpu');
    registerKernel({ kernelName, backendName: 'webgpu', kernelFunc });
  }
  reportDeviceErrors(engine().backend as unknown as WebGpu);
};
