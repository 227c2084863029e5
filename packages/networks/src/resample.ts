// Halving and doubling of images with a filter: T. Karras et al. (2206.00364), networks; J. Song et al. (2011.13456), NCSN++'s finite impulse response filters.
import { avgPool, customGrad, depthwiseConv2d, image, mul, tensor4d, type Tensor4D } from '@tensorflow/tfjs-core';

/**
 * A filter f in one direction, even in length: [1, 1] is the mean of two, [1, 3, 3, 1] smooths. In two directions it is f ⊗ f, with sum 1.
 * `padding` pixels of zeros are around the image when it is halved; (|f| − 1) / 2, rounded down, gives half the size exactly.
 */
export interface Resampling {
  readonly filter: readonly number[];
  readonly padding: number;
}

/** Halves: the correlation with f ⊗ f at every second pixel. */
export const halve = (x: Tensor4D, { filter, padding }: Resampling): Tensor4D =>
  customGrad((given) => ({
    value: halved(given as Tensor4D, filter, padding),
    gradFunc: (dy: Tensor4D) => mul(double(dy, { filter, padding }), 1 / 4),
  }))(x);

/** Doubles: 4 × the adjoint of {@link halve}, so that a constant stays one (but for the zeros beyond the border). */
export const double = (x: Tensor4D, { filter, padding }: Resampling): Tensor4D =>
  customGrad((given) => ({
    value: doubled(given as Tensor4D, filter, padding),
    gradFunc: (dy: Tensor4D) => mul(halve(dy, { filter, padding }), 4),
  }))(x);

/** Whether {@link double} can use `filter`: of even length, symmetric, and divisible by [1, 1]. */
export const isResamplingFilter = (filter: readonly number[]): boolean =>
  filter.length > 0 &&
  filter.length % 2 === 0 &&
  filter.every((value, i) => Number.isFinite(value) && value === filter[filter.length - 1 - i]) &&
  total(filter) !== 0;

const halved = (x: Tensor4D, filter: readonly number[], padding: number): Tensor4D =>
  filter.length === 2 && padding === 0 ? avgPool(x, 2, 2, 'valid') : depthwise(x, filter, 2, padding);

// f = [1, 1] ∗ g: repeat every pixel, then smooth with g.
const doubled = (x: Tensor4D, filter: readonly number[], padding: number): Tensor4D => {
  const repeated = image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]);
  if (filter.length === 2 && padding === 0) return repeated;
  const rest: number[] = [];
  for (let i = 0; i < filter.length - 1; i++) rest.push(filter[i]! - (rest[i - 1] ?? 0));
  return depthwise(repeated, rest, 1, rest.length - 1 - padding);
};

const depthwise = (x: Tensor4D, taps: readonly number[], stride: number, padding: number): Tensor4D => {
  const channels = x.shape[3];
  return depthwiseConv2d(x, tensor4d(outer(taps, channels), [taps.length, taps.length, channels, 1]), stride, padding);
};

const total = (taps: readonly number[]): number => taps.reduce((sum, tap) => sum + tap, 0);

/** f ⊗ f / (Σf)², the same for each of `channels`. */
export const outer = (taps: readonly number[], channels = 1): Float32Array => {
  const scale = total(taps) ** 2;
  return Float32Array.from({ length: taps.length ** 2 * channels }, (_, i) => {
    const at = Math.floor(i / channels);
    return (taps[Math.floor(at / taps.length)]! * taps[at % taps.length]!) / scale;
  });
};
