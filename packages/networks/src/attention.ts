// Self-attention over the pixels of an image, one head (A. Vaswani et al., 1706.03762; as the DDPM++ family uses it).
import { add, matMul, mul, reshape, split, type Rank, type Tensor1D, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';
import { softmax } from './softmax.ts';

/**
 * softmax(q kᵀ/√C) v for each image, with [q | k | v] = x W + b, W [1, 1, C, 3C]. x: [B, H, W, C].
 *
 * The weights are split, not the activations: three products with small matrices read and write what is needed, once.
 */
export const attention = (x: Tensor4D, weight: Tensor4D, bias: Tensor1D): Tensor4D => {
  const [rows, height, width, channels] = x.shape;
  const flat = reshape<Rank.R2>(x, [-1, channels]);
  const weights = split(reshape(weight, [channels, 3 * channels]), 3, 1);
  const [q, k, v] = split(bias, 3).map((b, i) => reshape(add(matMul(flat, weights[i]!), b), [rows, height * width, channels])) as [
    Tensor3D,
    Tensor3D,
    Tensor3D,
  ];
  const p = softmax(matMul(mul(q, 1 / Math.sqrt(channels)), k, false, true)); // [B, query, key]
  return reshape(matMul(p, v), x.shape);
};
