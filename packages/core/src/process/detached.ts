import { customGrad, zerosLike, type Tensor } from '@tensorflow/tfjs-core';

/**
 * f of tensors as a constant: nothing inside is taped (or kept for a tape), and no gradient passes. What PyTorch calls `no_grad`,
 * and TensorFlow.js lacks. The result is the caller's.
 */
export const detached = <T extends Tensor>(f: (...inputs: Tensor[]) => T, ...inputs: readonly [Tensor, ...Tensor[]]): T =>
  customGrad((...args) => {
    const given = args.slice(0, inputs.length) as Tensor[];
    return { value: f(...given), gradFunc: () => given.map((input) => zerosLike(input)) };
  })(...inputs) as T;
