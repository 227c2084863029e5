import { formatNumber } from '@tweedie/cli';
import { tweedieError } from '@tweedie/core';
import { pairedDifference } from '@tweedie/metrics';
import type { Verdict } from './claim.ts';
import type { Quality } from './digits.ts';

/** A difference with its 95 % interval. */
export interface Gap {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

/**
 * FD of `a` less FD of `b`, cell by cell of equal seed and n, averaged over the cells. The seeds are independent, so the half-widths of
 * the jackknife add in squares.
 */
export const gapOf = (a: readonly Quality[], b: readonly Quality[]): Gap => {
  if (a.length !== b.length || a.length === 0)
    throw tweedieError({ subject: 'paired cells', problem: 'not a cell of one for each of the other', got: [a.length, b.length] });
  const each = a.map((own, i) => pairedDifference(leftOut(own), leftOut(b[i]!)));
  const value = each.reduce((sum, gap) => sum + gap.value, 0) / each.length;
  const half = Math.hypot(...each.map((gap) => gap.half)) / each.length;
  return { value, interval: [value - half, value + half] };
};

const leftOut = ({ fd, leftOut: without }: Quality) => {
  if (without === null)
    throw tweedieError({
      subject: 'paired cells',
      problem: 'a cell has no left-out values',
      remedy: 'draw more images than there are features',
    });
  return { value: fd, leftOut: without };
};

/** That a number lies below a bound. */
export const belowVerdict = ({ interval: [low, high] }: Pick<Gap, 'interval'>, bound = 0): Verdict =>
  high < bound ? 'held' : low > bound ? 'not held' : 'not decided';

/** That all of them hold: one that does not is enough against it. */
export const allOf = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.includes('not held') ? 'not held' : verdicts.every((each) => each === 'held') ? 'held' : 'not decided';

/** `−0.31 (−0.42 … −0.2)`. */
export const said = ({ value, interval }: Gap): string =>
  `${formatNumber(value, 2)} (${interval.map((each) => formatNumber(each, 2)).join(' … ')})`;

/** Mean of the cells' distances. */
export const meanFd = (cells: readonly Quality[]): number => cells.reduce((sum, { fd }) => sum + fd, 0) / cells.length;
