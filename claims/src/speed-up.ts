import { jackknifed } from '@tweedie/metrics';
import type { Quality } from './digits.ts';

/** A quality after so many iterations. */
export interface Point {
  readonly iterations: number;
  readonly quality: Quality;
}

export interface SpeedUp {
  /** Iterations of the slower method at which it is as good, over those of the faster one. */
  readonly factor: number;
  /** 95 %, by the jackknife over groups of images left out of both; null where the curve is not that good without one of them. */
  readonly interval: readonly [number, number] | null;
}

/**
 * How many times fewer iterations a point needs than a curve: the curve is interpolated where it reaches the point's distance, log
 * distance against log iterations. Undefined where the curve is never that good, or is from its first point on.
 */
export const speedUp = (curve: readonly Point[], { iterations, quality }: Point): SpeedUp | undefined => {
  const factorOf = (group?: number): number | undefined => {
    const of = (q: Quality): number | undefined => (group === undefined ? q.fd : q.leftOut?.[group]);
    const target = of(quality);
    const values = curve.map((point) => ({ n: point.iterations, fd: of(point.quality) }));
    if (target === undefined || values.some(({ fd }) => fd === undefined)) return undefined;
    const reached = reaching(values as readonly { n: number; fd: number }[], target);
    return reached === undefined ? undefined : reached / iterations;
  };
  const factor = factorOf();
  const groups = quality.leftOut?.map((_, g) => factorOf(g)) ?? [];
  if (factor === undefined) return undefined;
  if (groups.length === 0 || groups.includes(undefined)) return { factor, interval: null };
  const { value, half } = jackknifed({ value: Math.log(factor), leftOut: (groups as number[]).map(Math.log) });
  return { factor, interval: [Math.exp(value - half), Math.exp(value + half)] };
};

/** Where a curve first comes down to a target, between two of its points. */
const reaching = (values: readonly { readonly n: number; readonly fd: number }[], target: number): number | undefined => {
  const at = values.findIndex(({ fd }) => fd <= target);
  if (at <= 0) return undefined;
  const [before, after] = [values[at - 1]!, values[at]!];
  const part = Math.log(before.fd / target) / Math.log(before.fd / after.fd);
  return before.n * (after.n / before.n) ** part;
};
