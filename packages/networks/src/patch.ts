import { reshape, transpose, type Rank, type Tensor4D } from '@tensorflow/tfjs-core';

/** Squares of `size`² pixels become the channels of one: [B, H, W, C] → [B, H/size, W/size, size²·C], in the order (row, column, channel). */
export const patched = (x: Tensor4D, size: number): Tensor4D => {
  if (size === 1) return x;
  const [rows, height, width, channels] = x.shape;
  const cells = reshape<Rank.R4>(x, [(rows * height) / size, size, width / size, size * channels]);
  return reshape(transpose(cells, [0, 2, 1, 3]), [rows, height / size, width / size, size * size * channels]);
};

/** The inverse of {@link patched}. */
export const unpatched = (x: Tensor4D, size: number): Tensor4D => {
  if (size === 1) return x;
  const [rows, height, width, channels] = x.shape;
  const cells = reshape<Rank.R4>(x, [rows * height, width, size, channels / size]);
  return reshape(transpose(cells, [0, 2, 1, 3]), [rows, height * size, width * size, channels / (size * size)]);
};
