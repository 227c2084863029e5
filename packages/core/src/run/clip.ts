import { div, maximum, mul, norm, tidy } from '@tensorflow/tfjs-core';
import type { Optimizer } from '../contracts/optimizer.ts';

/** Scales the gradient to a norm of at most `maxNorm` before `then` sees it (Pascanu et al., 1211.5063, algorithm 1). */
export const clipped = ({ maxNorm, then }: { readonly maxNorm: number; readonly then: Optimizer }): Optimizer =>
  Object.freeze<Optimizer>({
    id: `clip(${maxNorm}) ${then.id}`,
    slots: then.slots,
    update: (parameters, gradient, slots, step) =>
      tidy(() => then.update(parameters, mul(gradient, div(maxNorm, maximum(norm(gradient), maxNorm))), slots, step)),
  });
