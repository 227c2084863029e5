import { tweedieError } from '@tweedie/core';
import type { WebGpu } from './kernel.ts';

/**
 * WebGPU reports what goes wrong (no memory, an invalid shader, a lost device) beside the program, which goes on with whatever its buffers
 * hold. From here on the next read of a result throws it instead.
 */
export const reportDeviceErrors = (gpu: WebGpu): void => {
  let failure: string | undefined;
  gpu.device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    failure ??= event.error.message;
  });
  void gpu.device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') failure ??= `the device was lost: ${message}`;
  });
  const read = gpu.read.bind(gpu);
  gpu.read = async (dataId) => {
    const values = await read(dataId);
    if (failure === undefined) return values;
    const got = failure.trim().split('\n')[0];
    failure = undefined;
    throw tweedieError({
      subject: 'webgpu',
      problem: 'the graphics device refused a computation, so its results are worth nothing',
      got,
      remedy: 'if it ran out of memory, make the batch smaller; TWEEDIE_BACKEND=wasm runs anywhere',
      code: 'DEVICE_ERROR',
    });
  };
};
