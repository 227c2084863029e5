import { customGrad, mul, softmax as softmaxKernel, sub, sum, type GradSaveFunc, type Tensor } from '@tensorflow/tfjs-core';

/** Softmax over the last axis, dx = p (dy − Σ p dy), in a form that stays right when it is differentiated again. */
export const softmax = <T extends Tensor>(x: T): T =>
  customGrad((given, save) => {
    (save as GradSaveFunc)([given as Tensor]);
    const gradFunc = (dy: Tensor, [at]: Tensor[]): Tensor => {
      const p = softmax(at!);
      return mul(p, sub(dy, sum(mul(dy, p), -1, true)));
    };
    return { value: softmaxKernel(given as T), gradFunc };
  })(x);
