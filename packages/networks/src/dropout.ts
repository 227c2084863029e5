import { mul, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { STREAM, type Noise } from '@tweedie/core';

/** Dropout (N. Srivastava et al. 2014) at one place of a network: each number is 0 with probability `rate`, else divided by 1 − rate. `place` < 256. */
export const dropout = <T extends Tensor>(
  x: T,
  rate: number,
  { noise, step }: { readonly noise: Noise; readonly step: number },
  place: number,
): T => {
  const kept = noise.hostUniform(x.shape, { stream: STREAM.dropout, step, draw: place });
  return tidy(() =>
    mul<T>(
      x,
      tensor(
        Float32Array.from(kept, (u) => (u < rate ? 0 : 1 / (1 - rate))),
        x.shape,
        'float32',
      ),
    ),
  );
};
