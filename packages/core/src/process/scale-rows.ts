import { mul, tensor, type Tensor } from '@tensorflow/tfjs-core';
import type { Levels } from '../contracts/model.ts';

/** Multiplies row i of x by factor[i], or every row by one number: the only place where host levels meet a batch. Differentiable in x. */
export const scaleRows = <T extends Tensor>(x: T, factor: Levels): T => {
  if (typeof factor === 'number') return mul(x, factor);
  const column = tensor(Float32Array.from(factor), [factor.length, ...x.shape.slice(1).map(() => 1)], 'float32');
  const scaled = mul<T>(x, column);
  column.dispose();
  return scaled;
};

/** One level a row, as float64, whichever way it was given. */
export const levelsOf = (rho: Levels, rows: number): Float64Array => (typeof rho === 'number' ? new Float64Array(rows).fill(rho) : rho);

/** f of a level, or of each. */
export const mapLevels = (rho: Levels, f: (rho: number) => number): Levels => (typeof rho === 'number' ? f(rho) : rho.map(f));
