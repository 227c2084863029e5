import { frechetDistance, type FeatureStatistics } from './frechet-distance.ts';
import type { GroupedMoments } from './grouped-moments.ts';
import { GROUPS } from './jackknife.ts';
import { chooseRows } from './reference.ts';

/**
 * FD∞: the Fréchet distance without the bias of a finite n, after M. J. Chong, D. Forsyth (1911.07023), §3: FD(n) is fitted as
 * FD∞ + slope/n over fifteen sizes, and the intercept is the value.
 *
 * The sizes are k/16 of the rows, k = 2 … 16: regularly spaced, from n/8 to n. Rows are dealt to sixteen groups by their index and the
 * groups are put in an order by the seed; k neighbours in it are a subset, and FD at that size is the mean over the ⌊16/k⌋ subsets that do not
 * overlap. So subsets are unions of groups whose moments are kept anyhow: no features are stored. What is removed is the bias of
 * the judged rows alone: that of a finite reference is in the value.
 */
export interface Extrapolated {
  readonly value: number;
  /** FD at all n rows. */
  readonly atN: number;
  readonly slope: number;
  /** Standard error of the intercept that the scatter about the line tells. */
  readonly error: number;
  /** Rows of the smallest subset. */
  readonly least: number;
}

export const fdInfinity = (against: FeatureStatistics, rows: GroupedMoments, seed: bigint): Extrapolated => {
  const order = [...chooseRows(GROUPS, GROUPS, seed, 1)];
  const points = Array.from({ length: GROUPS - 1 }, (_, i) => {
    const k = i + 2;
    const subsets = Array.from({ length: Math.floor(GROUPS / k) }, (__, s) => rows.fitted(order.slice(s * k, (s + 1) * k)));
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    return { x: mean(subsets.map(({ n }) => 1 / n)), y: mean(subsets.map((subset) => frechetDistance(against, subset))) };
  });
  const { intercept, slope, error } = line(points);
  return { value: intercept, slope, error, atN: points.at(-1)!.y, least: Math.round(1 / points[0]!.x) };
};

/** y = intercept + slope · x by least squares, and the standard error of the intercept. */
const line = (points: readonly { readonly x: number; readonly y: number }[]): { intercept: number; slope: number; error: number } => {
  const count = points.length;
  const [mx, my] = [points.reduce((sum, { x }) => sum + x, 0) / count, points.reduce((sum, { y }) => sum + y, 0) / count];
  const sxx = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / sxx;
  const intercept = my - slope * mx;
  const residual = points.reduce((sum, { x, y }) => sum + (y - intercept - slope * x) ** 2, 0) / (count - 2);
  return { intercept, slope, error: Math.sqrt(residual * (1 / count + mx ** 2 / sxx)) };
};
