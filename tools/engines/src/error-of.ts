import type { Value } from './recording.ts';

/** The largest difference between two lists of tensors over the largest number of each expected one; Infinity where shapes, types or non-finite numbers differ. */
export const errorOf = (got: readonly Value[], expected: readonly Value[]): number =>
  got.length === expected.length ? Math.max(0, ...expected.map((each, i) => difference(got[i]!, each))) : Infinity;

/** Numbers below it are nothing: an engine may take those below 2⁻¹²⁶ for 0, and their roots with them. */
const NOTHING = 1e-12;

const difference = (got: Value, expected: Value): number => {
  if (got.dtype !== expected.dtype || got.shape.join() !== expected.shape.join()) return Infinity;
  let [scale, error] = [0, 0];
  expected.values.forEach((y, i) => {
    const x = got.values[i]!;
    if (Object.is(x, y)) return;
    if (!Number.isFinite(x) || !Number.isFinite(y)) error = Infinity;
    scale = Math.max(scale, Math.abs(y));
    error = Math.max(error, Math.abs(x - y));
  });
  return error / Math.max(scale, NOTHING);
};
