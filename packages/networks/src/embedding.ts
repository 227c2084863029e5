// How a network sees the noise level: T. Karras et al. (2206.00364), appendix C; A. Rahimi, B. Recht (2007) for random Fourier features.
import { concat, cos, mul, sin, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { formula, LEVEL, levelRows } from '@tweedie/core';

/** [sin(c f₀) … sin(c f_{n−1}) | cos(c f₀) …], one row for each c, made on the host in float64. */
export const sinusoids = (c: Float64Array, frequencies: readonly number[]): Tensor2D => {
  const angles = formula.mul(LEVEL, frequencies);
  return levelRows(c, formula.join(formula.sin(angles), formula.cos(angles)), [2 * frequencies.length]) as Tensor2D;
};

/** Frequencies of the positional embedding of the given width: 10000^{−i/(width/2 − 1)}. */
export const positionalFrequencies = (width: number): readonly number[] =>
  Array.from({ length: width / 2 }, (_, i) => (width === 2 ? 1 : 10000 ** (-i / (width / 2 - 1))));

/** Fourier embedding with stored frequencies [n]: angles 2π c f, sines first. */
export const fourierEmbedding = (c: Float64Array, frequencies: Tensor1D): Tensor2D => {
  const angles = mul<Tensor2D>(levelRows(c, LEVEL, [1]), mul(frequencies, 2 * Math.PI));
  return concat([sin(angles), cos(angles)], 1);
};
