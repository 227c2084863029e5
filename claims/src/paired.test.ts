import { expect, it } from 'vitest';
import { cellOf as cell } from './cell.fixture.ts';
import { allOf, belowVerdict, gapOf, said } from './paired.ts';

it('takes what two cells share out of their difference', () => {
  const { value, interval } = gapOf([cell(2, 0.5)], [cell(3, 0.5)]);
  expect(value).toBeCloseTo(-1, 12);
  expect(interval[1] - interval[0]).toBeCloseTo(0, 9);
  expect(gapOf([cell(2, 0.5)], [cell(3, 0.4)]).interval[1]).toBeGreaterThan(-0.9);
});

it('is surer of two seeds than of one', () => {
  const width = (cells: number): number => {
    const { interval } = gapOf(
      Array.from({ length: cells }, () => cell(2)),
      Array.from({ length: cells }, () => cell(3, 0.05)),
    );
    return interval[1] - interval[0];
  };
  expect(width(1) / width(2)).toBeCloseTo(Math.SQRT2, 9);
});

it('refuses cells that do not pair', () => {
  expect(() => gapOf([cell(1)], [])).toThrow(/not a cell of one for each/);
  expect(() => gapOf([{ ...cell(1), leftOut: null }], [cell(1)])).toThrow(/no left-out values/);
});

it('comes to every verdict', () => {
  expect(belowVerdict({ interval: [-2, -1] })).toBe('held');
  expect(belowVerdict({ interval: [1, 2] })).toBe('not held');
  expect(belowVerdict({ interval: [-1, 1] })).toBe('not decided');
  expect(belowVerdict({ interval: [0.01, 0.03] }, 0.04)).toBe('held');
  expect(allOf(['held', 'held'])).toBe('held');
  expect(allOf(['held', 'not decided'])).toBe('not decided');
  expect(allOf(['held', 'not decided', 'not held'])).toBe('not held');
  expect(said({ value: -0.31, interval: [-0.42, -0.2] })).toBe('−0.31 (−0.42 … −0.2)');
});
