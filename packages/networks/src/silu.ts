import { customGrad, mul, sigmoid as sigmoidKernel, sub, add, type GradSaveFunc, type Tensor } from '@tensorflow/tfjs-core';
import { closedForm } from './closed-form.ts';

/** s(x) = 1/(1 + e^{−x}), s′ = s (1 − s), in a form that stays right when it is differentiated again. */
export const sigmoid = <T extends Tensor>(x: T): T =>
  customGrad((given, save) => {
    (save as GradSaveFunc)([given as Tensor]);
    const gradFunc = (dy: Tensor, [at]: Tensor[]): Tensor => {
      const s = sigmoid(at!);
      return mul(dy, mul(s, sub(1, s)));
    };
    return { value: sigmoidKernel(given as T), gradFunc };
  })(x);

/** dy · y′ of y = x s: y′ = s + y (1 − s). */
export const siluDerivative = (dy: Tensor, y: Tensor, s: Tensor): Tensor => mul(dy, add(s, mul(y, sub(1, s))));

/** SiLU: y = x s(x). */
export const silu = <T extends Tensor>(x: T): T => siluForm(x) as T;

const siluForm = closedForm({
  forward: ([x]) => {
    const s = sigmoid(x!);
    const value = mul(x!, s);
    return { value, remember: [value, s] };
  },
  backward: (dy, _inputs, [y, s]) => [siluDerivative(dy, y!, s!)],
});
