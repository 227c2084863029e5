import { tweedieError } from '@tweedie/core';

/** Looks at every value that is judged: refuses NaN and bytes, and remembers what deserves a warning. Independent of order. */
export interface RangeWatch {
  /** @throws where a value is not finite, or far outside the range. `first` is the index of the first row. */
  see(values: Float32Array, width: number, first: number): void;
  /** Least, greatest, number outside, number seen. */
  sums(): Float64Array;
  merge(sums: ArrayLike<number>): void;
  /** Sentences for a result's details. */
  warnings(): string[];
}

/** `range` is that of the real data, if they have one. */
export const watchRange = (subject: string, range?: readonly [number, number]): RangeWatch => {
  let [least, greatest, outside, seen] = [Infinity, -Infinity, 0, 0];
  const [low, high] = range ?? [-Infinity, Infinity];
  const slack = range === undefined ? Infinity : 0.01 * (high - low);
  const limit = range === undefined ? Infinity : 16 * Math.max(Math.abs(low), Math.abs(high));
  return {
    see: (values, width, first) => {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (!Number.isFinite(value)) {
          throw tweedieError({
            subject,
            problem: `image ${first + Math.floor(i / width)} holds a value that is not finite`,
            got: value,
            expected: 'finite values',
            remedy: 'the sampler or the network diverged: look at that image and its seed',
          });
        }
        if (Math.abs(value) > limit) {
          throw tweedieError({
            subject,
            problem: `image ${first + Math.floor(i / width)} is in another range than the real ones`,
            got: value,
            expected: `values in [${low}, ${high}]`,
            remedy: 'bytes become x/127.5 − 1',
          });
        }
        if (value < least) least = value;
        if (value > greatest) greatest = value;
        if (value < low - slack || value > high + slack) outside++;
      }
      seen += values.length;
    },
    sums: () => Float64Array.of(least, greatest, outside, seen),
    merge: (other) => {
      least = Math.min(least, other[0]!);
      greatest = Math.max(greatest, other[1]!);
      outside += other[2]!;
      seen += other[3]!;
    },
    warnings: () => {
      if (seen === 0) return [];
      if (greatest === least) return [`every value is ${least}: the images are constant`];
      if (range === undefined) return [];
      const found: string[] = [];
      if (outside / seen > 0.001) found.push(`${((100 * outside) / seen).toFixed(1)} % of the values lie outside [${low}, ${high}]`);
      if (least >= (low + high) / 2)
        found.push(`no value is below ${(low + high) / 2}: are the images in another range than [${low}, ${high}]?`);
      return found;
    },
  };
};

/** Warnings as an entry of a result's details, or nothing. */
export const warningDetail = (warnings: readonly string[]): { readonly warning?: string } =>
  warnings.length === 0 ? {} : { warning: warnings.join('; ') };
