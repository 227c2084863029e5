import { registerKernel, Slice, unregisterKernel, getKernel, type KernelFunc } from '@tensorflow/tfjs-core';
import { convolutionKernels } from './conv2d.ts';
import { conv2dBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2dBackpropInput } from './conv2d-backprop-input.ts';
import { depthwiseBackpropFilter, depthwiseBackpropInput } from './depthwise-backprop.ts';
import { identity } from './identity.ts';
import { matmulKernels } from './matmul.ts';
import { avgPoolGrad, resizeNearestNeighborGrad } from './resampling.ts';
import { sliceKernel, splitKernel } from './slice.ts';
import { sumKernel } from './sum.ts';
import { tileKernel } from './tile.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';

/** Adds to the WASM engine the kernels that training needs, and replaces those that are slow (https://github.com/tensorflow/tfjs/issues/8474). Call it once. */
export const completeWasm = (): void => {
  const kernels: { kernelName: string; kernelFunc: KernelFunc }[] = [
    identity,
    ...matmulKernels(),
    sliceKernel(getKernel(Slice, 'wasm').kernelFunc),
    splitKernel,
    sumKernel(),
    tileKernel(),
    resizeNearestNeighborGrad(),
    avgPoolGrad(),
    ...convolutionKernels(),
    conv2dBackpropInput(),
    conv2dBackpropFilter,
    depthwiseBackpropFilter,
    depthwiseBackpropInput,
    unsortedSegmentSum,
  ];
  for (const { kernelName, kernelFunc } of kernels) {
    const shipped = getKernel(kernelName, 'wasm') as ReturnType<typeof getKernel> | undefined;
    if (shipped !== undefined) unregisterKernel(kernelName, 'wasm');
    registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  }
};
