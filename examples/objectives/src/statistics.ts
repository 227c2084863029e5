/** Mean of a few numbers, and how far it may be off. */
export interface Estimate {
  readonly n: number;
  readonly mean: number;
  /** Student's 95 % interval of the mean; absent for a single number. */
  readonly interval?: readonly [number, number];
}

/** t at 97.5 %, by degrees of freedom from 1. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093,
];

export const estimate = (values: readonly number[]): Estimate => {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  if (n < 2) return { n, mean };
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  // Beyond the table the last entry is a little too wide.
  const half = (STUDENT[n - 2] ?? STUDENT.at(-1)!) * Math.sqrt(variance / n);
  return { n, mean, interval: [mean - half, mean + half] };
};

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
