import { moments, type Moments } from '@tweedie/analytic';
import { tweedieError, type LoadedTensor, type StoredTensor } from '@tweedie/core';
import type { FeatureStatistics } from './frechet-distance.ts';
import { groupOf, GROUPS } from './jackknife.ts';

/** Moments of feature rows in float64, a group of rows each or all in one: {@link GROUPS} · d² · 8 bytes, or d² · 8. */
export interface GroupedMoments {
  /** 16, or 1. */
  readonly groups: number;
  /** Rows [count, d]; `first` is the index of the first of them among all. Neither order nor split matters. */
  add(values: ArrayLike<number> & { subarray(from: number, to: number): ArrayLike<number> }, first: number): void;
  /** Rows so far. */
  rows(): number;
  /** Of the rows of some groups; of all without an argument. */
  fitted(chosen?: readonly number[]): FeatureStatistics & { readonly n: number };
  /** All that was collected. */
  state(): Record<string, StoredTensor>;
  /** @throws where a tensor is missing or of another shape. */
  merge(tensors: Readonly<Record<string, LoadedTensor>>): void;
}

/** `shift` is near the mean, and the same for everyone whose rows are to be merged to the last digit. */
export const groupedMoments = (subject: string, dims: number, groups: number, shift: Float64Array): GroupedMoments => {
  const each: readonly Moments[] = Array.from({ length: groups }, () => moments(dims, shift));
  let total = 0;
  return {
    groups,
    add: (values, first) => {
      const count = values.length / dims;
      total += count;
      if (groups === 1) return each[0]!.add(values);
      // A group's rows together: the triangle is read once for all of them.
      const dealt = Array.from({ length: groups }, (): number[] => []);
      for (let row = 0; row < count; row++) dealt[groupOf(first + row)]!.push(row);
      dealt.forEach((rows, g) => {
        const part = new Float64Array(rows.length * dims);
        rows.forEach((row, i) => part.set(values.subarray(row * dims, (row + 1) * dims), i * dims));
        each[g]!.add(part);
      });
    },
    rows: () => total,
    fitted: (chosen) => {
      const all = moments(dims, shift);
      (chosen?.map((g) => each[g]!) ?? each).forEach((group) => all.merge(group.sums()));
      return all.result();
    },
    state: () => {
      const sums = each.map((group) => group.sums());
      const joined = (part: 'shift' | 'first' | 'second', width: number): Float64Array => {
        const whole = new Float64Array(groups * width);
        sums.forEach((s, g) => whole.set(s[part], g * width));
        return whole;
      };
      return {
        n: { shape: [groups], data: Float64Array.from(sums, ({ n }) => n) },
        shift: { shape: [groups, dims], data: joined('shift', dims) },
        first: { shape: [groups, dims], data: joined('first', dims) },
        second: { shape: [groups, dims, dims], data: joined('second', dims * dims) },
      };
    },
    merge: (tensors) => {
      const part = (name: string, ...shape: readonly number[]): Float64Array => {
        const found = tensors[name];
        if (found?.shape.join() === shape.join() && found.data instanceof Float64Array) return found.data;
        throw tweedieError({
          subject,
          problem: `"${name}" of this state has another shape`,
          got: found?.shape ?? 'nothing',
          expected: `[${shape.join(', ')}]`,
          remedy: 'judge all shards with the same options',
        });
      };
      const n = part('n', groups);
      const [shifts, first] = [part('shift', groups, dims), part('first', groups, dims)];
      const second = part('second', groups, dims, dims);
      const of = (whole: Float64Array, g: number, width: number): Float64Array => whole.subarray(g * width, (g + 1) * width);
      each.forEach((group, g) =>
        group.merge({ n: n[g]!, shift: of(shifts, g, dims), first: of(first, g, dims), second: of(second, g, dims * dims) }),
      );
      total += n.reduce((sum, count) => sum + count, 0);
    },
  };
};

/** Above so many features all rows are one group: sixteen d × d matrices, and as many roots, are not worth an interval. */
export const INTERVAL_DIMS = 512;

/** Groups that rows of `dims` features are dealt to. */
export const groupsFor = (dims: number, needed: boolean): number => (needed || dims <= INTERVAL_DIMS ? GROUPS : 1);
