import { avgPool, customGrad, mul, tile, type Tensor4D } from '@tensorflow/tfjs-core';

/** The mean over height and width: [B, H, W, C] → [B, 1, 1, C]. By pooling, which engines do many times faster than a reduction over inner axes. */
export const spatialMean = (x: Tensor4D): Tensor4D => {
  const [, height, width] = x.shape;
  return customGrad((given) => ({
    value: avgPool(given as Tensor4D, [height, width], 1, 'valid'),
    gradFunc: (dy: Tensor4D) => spread(mul(dy, 1 / (height * width)), height, width),
  }))(x);
};

/** The adjoint of the sum: [B, 1, 1, C] → [B, H, W, C], constant over each image. */
export const spread = (x: Tensor4D, height: number, width: number): Tensor4D =>
  customGrad((given) => ({
    value: tile(given as Tensor4D, [1, height, width, 1]),
    gradFunc: (dy: Tensor4D) => mul(spatialMean(dy), height * width),
  }))(x);
