import type { Tensor } from '@tensorflow/tfjs-core';

/** Runs a generator that was lent `tensor`, and frees the tensor when the run completes, breaks off, or throws. */
export async function* owning<Y, R>(tensor: Tensor, generator: AsyncGenerator<Y, R, void>): AsyncGenerator<Y, R, void> {
  try {
    return yield* generator;
  } finally {
    tensor.dispose();
  }
}
