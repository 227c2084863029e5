import {
  cast,
  Exp,
  getKernel,
  maximum,
  minimum,
  mul,
  add,
  Prelu,
  registerKernel,
  tidy,
  unregisterKernel,
  type KernelFunc,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { paddedKernels } from './padding.ts';

const BACKEND = 'tensorflow';

/** max(x, 0) + α·min(x, 0). The shipped kernel calls methods that tensors have only where the umbrella package is loaded. */
const prelu: KernelFunc = ({ inputs }) => {
  const { x, alpha } = inputs as unknown as { x: Tensor; alpha: Tensor };
  return tidy(() => add(maximum(x, 0), mul(alpha, minimum(x, 0))));
};

/** Of whole numbers, the shipped kernel calls such a method too, and then disposes of its argument. */
const exp =
  (shipped: KernelFunc): KernelFunc =>
  ({ inputs, backend }) =>
    tidy(() => shipped({ inputs: { x: cast(inputs['x'] as Tensor, 'float32') }, backend }) as Tensor);

/** Completes the kernels of tfjs-node: any padding of a convolution, and those that need the umbrella package. Call it once for a load. */
export const completeNative = (): void => {
  const shipped = (kernelName: string): KernelFunc => getKernel(kernelName, BACKEND).kernelFunc;
  const kernels = [...paddedKernels(shipped), { kernelName: Prelu, kernelFunc: prelu }, { kernelName: Exp, kernelFunc: exp(shipped(Exp)) }];
  for (const { kernelName, kernelFunc } of kernels) {
    unregisterKernel(kernelName, BACKEND);
    registerKernel({ kernelName, backendName: BACKEND, kernelFunc });
  }
};
