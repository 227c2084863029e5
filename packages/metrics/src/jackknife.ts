import { tweedieError, type Accumulator } from '@tweedie/core';

/** Rows are dealt to so many groups by their index; leaving each out in turn gives an interval. */
export const GROUPS = 16;
/**
 * The group of a row: ⌊16 frac(i φ)⌋ with φ the golden ratio, 32 bits of it. Groups of any run of rows are of equal size but for a row or two,
 * and so is each class's share of a group: by i mod 16, labels that repeat every ten images would give a group even digits or odd ones alone.
 */
export const groupOf = (row: number): number => Math.imul(row, 0x9e3779b1) >>> 28;
/** t₁₅ at 97.5 %. */
const STUDENT = 2.1314;

/** An accumulator that knows its value without each group of rows in turn: row i is in {@link groupOf} i, whoever judges. */
export interface GroupedAccumulator extends Accumulator {
  /** The values of n without a group, a group each; undefined where n is too small, or a value too dear. */
  leftOut(): Promise<readonly number[] | undefined>;
}

export const isGrouped = (accumulator: Accumulator): accumulator is GroupedAccumulator => 'leftOut' in accumulator;

/** A value, and what it is without each group. */
export interface LeftOut {
  readonly value: number;
  readonly leftOut: readonly number[];
}

/** A value with half of its 95 % interval. */
export interface Jackknifed {
  readonly value: number;
  readonly half: number;
}

/** Delete-group jackknife: error² = (G − 1)/G Σ_g (θ₍g₎ − θ̄)², with Student's t of G − 1. */
export const jackknifed = ({ value, leftOut }: LeftOut): Jackknifed => {
  if (leftOut.length !== GROUPS)
    throw tweedieError({ subject: 'jackknife', problem: 'not one value a group', got: leftOut.length, expected: String(GROUPS) });
  const mean = leftOut.reduce((sum, each) => sum + each, 0) / GROUPS;
  const squares = leftOut.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return { value, half: STUDENT * Math.sqrt(((GROUPS - 1) / GROUPS) * squares) };
};

/**
 * a − b with its 95 % interval where both were judged on rows of the same indices against the same reference: the jackknife of the
 * difference, groups left out of both at once. What the rows share (their noise, their classes) drops out of it, and the bias of equal n too.
 */
export const pairedDifference = (a: LeftOut, b: LeftOut): Jackknifed & { readonly interval: readonly [low: number, high: number] } => {
  if (a.leftOut.length !== b.leftOut.length)
    throw tweedieError({
      subject: 'jackknife',
      problem: 'the two were judged in different groups',
      got: `${a.leftOut.length} and ${b.leftOut.length}`,
      remedy: 'judge both on rows of the same indices',
    });
  const { value, half } = jackknifed({ value: a.value - b.value, leftOut: a.leftOut.map((each, g) => each - b.leftOut[g]!) });
  return { value, half, interval: [value - half, value + half] };
};
