import { customGrad, engine, type GradSaveFunc, type Tensor } from '@tensorflow/tfjs-core';

/** A function with a hand-written derivative. Both parts are made only of ops that can be differentiated any number of times. Tensors are lent, results are fresh. */
export interface ClosedForm {
  /** The value, and what the derivative wants to remember. */
  forward(inputs: readonly Tensor[]): { readonly value: Tensor; readonly remember: readonly Tensor[] };
  /** dL/d(input), one each, in the shapes of the inputs; given dL/dy, the inputs and what `forward` remembered. */
  backward(dy: Tensor, inputs: readonly Tensor[], remembered: readonly Tensor[]): Tensor[];
}

/**
 * Makes a differentiable function of a {@link ClosedForm}.
 *
 * What `forward` remembered is on no tape: to differentiate `backward` as if it were constant is the classic silent error of
 * second derivatives. So where a derivative is itself being differentiated (a tape is open while it runs) it is made again, of the inputs.
 */
export const closedForm =
  ({ forward, backward }: ClosedForm) =>
  (...inputs: Tensor[]): Tensor =>
    customGrad((...args) => {
      const save = args.pop() as GradSaveFunc;
      const { value, remember } = forward(args as Tensor[]);
      save([...(args as Tensor[]), ...remember]);
      const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
        const at = saved.slice(0, inputs.length);
        const taped = engine().state.gradientDepth > 0;
        return backward(dy, at, taped ? forward(at).remember : saved.slice(inputs.length));
      };
      return { value, gradFunc };
    })(...inputs);
