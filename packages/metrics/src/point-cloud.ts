import { tweedieError } from '@tweedie/core';
import { eachProduct } from './row-products.ts';

/** Rows whose distances are asked for. */
export interface PointCloud {
  readonly n: number;
  readonly width: number;
  /** As they were given: exact distances are of these. */
  readonly values: Float32Array;
  /** About a centre, which cancels less in ‖a‖² + ‖b‖² − 2⟨a, b⟩. */
  readonly centred: Float32Array;
  /** ‖·‖² of the centred rows, float64. */
  readonly norms: Float64Array;
}

/** The mean row: a centre for {@link pointCloud}, the same for all clouds that are compared. */
export const meanRow = (values: Float32Array, width: number): Float64Array => {
  const n = values.length / width;
  const mean = new Float64Array(width);
  values.forEach((value, i) => (mean[i % width]! += value / n));
  return mean;
};

/** @throws where a value is not finite; `what` names the rows. */
export const pointCloud = (subject: string, what: string, values: Float32Array, centre: Float64Array): PointCloud => {
  const width = centre.length;
  const n = values.length / width;
  const centred = values.map((value, i) => value - centre[i % width]!);
  const norms = Float64Array.from({ length: n }, (_, row) => {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += centred[i]! ** 2;
    if (!Number.isFinite(sum)) throw tweedieError({ subject, problem: `row ${row} of ${what} is not finite`, got: sum });
    return sum;
  });
  return { n, width, values, centred, norms };
};

/** ‖aᵢ − bⱼ‖² by the engine, a row of `a` with some of `b` at a time; see {@link eachProduct}. The diagonal of a cloud with itself is 0 exactly. */
export const eachDistance = async (
  a: PointCloud,
  b: PointCloud,
  use: (row: number, first: number, squared: Float64Array) => void,
): Promise<void> => {
  let squared = new Float64Array(0);
  await eachProduct(a.centred, b.centred, a.width, (row, first, products) => {
    if (squared.length !== products.length) squared = new Float64Array(products.length);
    for (let j = 0; j < squared.length; j++) squared[j] = Math.max(0, a.norms[row]! + b.norms[first + j]! - 2 * products[j]!);
    if (a === b && row >= first && row < first + squared.length) squared[row - first] = 0;
    use(row, first, squared);
  });
};

/** Rounding to float32. */
const UNIT = 2 ** -24;

/**
 * How far the engine's ‖aᵢ − bⱼ‖² may be from the exact one, whatever the order of its sums: |fl⟨a, b⟩ − ⟨a, b⟩| ≤ width·u·‖a‖‖b‖
 * ≤ width·u·(‖a‖² + ‖b‖²)/2, and 4u(‖a‖² + ‖b‖²) for the rounding of the centred rows (N. J. Higham: Accuracy and Stability of
 * Numerical Algorithms, §3.1), with u = 2⁻²⁴.
 */
export const doubt = (a: PointCloud, row: number, b: PointCloud, other: number): number =>
  (a.width + 8) * UNIT * (a.norms[row]! + b.norms[other]!);

/** ‖aᵢ − bⱼ‖² in float64, of the rows as they were given. @throws where the engine's value is further from it than float32 allows. */
export const exactDistance = (subject: string, a: PointCloud, row: number, b: PointCloud, other: number, approximate: number): number => {
  const [x, y] = [row * a.width, other * a.width];
  let sum = 0;
  for (let i = 0; i < a.width; i++) sum += (a.values[x + i]! - b.values[y + i]!) ** 2;
  if (Math.abs(sum - approximate) <= doubt(a, row, b, other)) return sum;
  throw tweedieError({
    subject,
    problem: 'the engine multiplies matrices in less than float32',
    got: approximate,
    expected: String(sum),
    remedy: 'choose another engine (wasm), or set NVIDIA_TF32_OVERRIDE=0',
  });
};
