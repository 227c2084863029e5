import { AddN, getKernel, type KernelFunc, type NamedTensorInfoMap, type TensorInfo } from '@tensorflow/tfjs-core';
import type { WebGpu } from './kernel.ts';

/**
 * A sum of any number of tensors, a few at a time. The shipped kernel binds a buffer for each term: beyond the device's limit (8 unless more
 * is asked for) the pipeline is invalid, and what comes out is what the memory held.
 */
export const addN = (): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(AddN, 'webgpu').kernelFunc;
  return {
    kernelName: AddN,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const gpu = backend as WebGpu;
      const terms = inputs as unknown as readonly TensorInfo[];
      const sumOf = (some: readonly TensorInfo[]): TensorInfo =>
        shipped({ inputs: some as unknown as NamedTensorInfoMap, backend: gpu, attrs: attrs ?? {} }) as TensorInfo;
      const most = gpu.device.limits.maxStorageBuffersPerShaderStage - 1;
      let sum = sumOf(terms.slice(0, most));
      for (let from = most; from < terms.length; from += most - 1) {
        const next = sumOf([sum, ...terms.slice(from, from + most - 1)]);
        gpu.disposeData(sum.dataId);
        sum = next;
      }
      return sum;
    },
  };
};
