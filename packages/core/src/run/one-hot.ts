import { tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';

/** One-hot rows; a negative class is a zero row: unconditional. */
export const oneHotRows = (labels: ArrayLike<number>, classes: number): Tensor2D => {
  const hot = new Float32Array(labels.length * classes);
  for (let row = 0; row < labels.length; row++) if (labels[row]! >= 0) hot[row * classes + labels[row]!] = 1;
  return tensor2d(hot, [labels.length, classes]);
};
