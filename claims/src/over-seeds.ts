import { formatNumber } from '@tweedie/cli';
import { tweedieError } from '@tweedie/core';
import type { Verdict } from './claim.ts';

/** A mean over seeds, the deviation of one seed, and Student's 95 % interval of the mean. */
export interface OverSeeds {
  readonly n: number;
  readonly mean: number;
  /** √(Σ (x − x̄)²/(n − 1)). */
  readonly deviation: number;
  /** −∞ to ∞ for one seed. */
  readonly interval: readonly [low: number, high: number];
}

/** Of one number a seed. Of the differences of equal seeds it is the paired comparison. */
export const overSeeds = (values: readonly number[]): OverSeeds => {
  const n = values.length;
  if (n === 0) throw tweedieError({ subject: 'over seeds', problem: 'there is no seed to take a mean of' });
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  if (n === 1) return { n, mean, deviation: 0, interval: [-Infinity, Infinity] };
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
  const half = (student(n - 1) * deviation) / Math.sqrt(n);
  return { n, mean, deviation, interval: [mean - half, mean + half] };
};

/** t at 97.5 %, by degrees of freedom from 1; beyond the table its last entry, a little too wide. */
const student = (nu: number): number => T[nu - 1] ?? T.at(-1)!;
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/**
 * The ratio of two deviations over the same seeds, with its 95 % interval. E. J. G. Pitman (1939), W. A. Morgan (1939): for normal pairs
 * of correlation r and w = s_a²/s_b² the variances' ratio lies in w (K ± √(K² − 1)), K = 1 + 2 (1 − r²) t²/(n − 2), t of n − 2.
 * Three seeds at least, and some spread in both; undefined otherwise.
 */
export const ratioOfDeviations = (
  a: readonly number[],
  b: readonly number[],
): { readonly value: number; readonly interval: readonly [low: number, high: number] } | undefined => {
  const n = a.length;
  if (n !== b.length) throw tweedieError({ subject: 'over seeds', problem: 'not the same seeds', got: `${n} and ${b.length}` });
  if (n < 3) return undefined;
  const [x, y] = [overSeeds(a), overSeeds(b)];
  if (x.deviation === 0 || y.deviation === 0) return undefined;
  const covariance = a.reduce((sum, each, i) => sum + (each - x.mean) * (b[i]! - y.mean), 0) / (n - 1);
  const r = covariance / (x.deviation * y.deviation);
  const k = 1 + (2 * (1 - r * r) * student(n - 2) ** 2) / (n - 2);
  const root = Math.sqrt(Math.max(0, k * k - 1));
  const value = x.deviation / y.deviation;
  return { value, interval: [value * Math.sqrt(k - root), value * Math.sqrt(k + root)] };
};

/** Whether a number that should be below `limit` is: by its interval. */
export const below = ([low, high]: readonly [number, number], limit: number): Verdict =>
  high < limit ? 'held' : low > limit ? 'not held' : 'not decided';

/** Whether a difference is less than what one seed differs from another by. */
export const equivalent = ([low, high]: readonly [number, number], margin: number): Verdict =>
  low > -margin && high < margin ? 'held' : low > margin || high < -margin ? 'not held' : 'not decided';

/** An interval as text. */
export const between = ([low, high]: readonly [number, number], digits = 2): string =>
  `(${formatNumber(low, digits)} … ${formatNumber(high, digits)})`;
