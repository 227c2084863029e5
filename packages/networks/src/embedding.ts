// How a network sees the noise level: T. Karras et al. (2206.00364), appendix C; A. Rahimi, B. Recht (2007) for random Fourier features.
import { concat, cos, mul, sin, tensor2d, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';

/** [sin(c f₀) … sin(c f_{n−1}) | cos(c f₀) …], one row for each c, made on the host in float64. */
export const sinusoids = (c: Float64Array, frequencies: readonly number[]): Tensor2D => {
  const n = frequencies.length;
  const out = new Float32Array(c.length * 2 * n);
  c.forEach((value, row) =>
    frequencies.forEach((frequency, i) => {
      out[row * 2 * n + i] = Math.sin(value * frequency);
      out[row * 2 * n + n + i] = Math.cos(value * frequency);
    }),
  );
  return tensor2d(out, [c.length, 2 * n]);
};

/** Frequencies of the positional embedding of the given width: 10000^{−i/(width/2 − 1)}. */
export const positionalFrequencies = (width: number): readonly number[] =>
  Array.from({ length: width / 2 }, (_, i) => (width === 2 ? 1 : 10000 ** (-i / (width / 2 - 1))));

/** Fourier embedding with stored frequencies [n]: angles 2π c f, sines first. */
export const fourierEmbedding = (c: Float64Array, frequencies: Tensor1D): Tensor2D => {
  const angles = mul<Tensor2D>(tensor2d(Float32Array.from(c), [c.length, 1]), mul(frequencies, 2 * Math.PI));
  return concat([sin(angles), cos(angles)], 1);
};
