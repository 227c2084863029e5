import { expect, it } from 'vitest';
import { madeUp } from './cell.fixture.ts';
import { findingsOf } from './deis-sn.ts';

const counts = [5, 10, 20];
const verdicts = (gain: (count: number) => number, spread = 0.01): readonly string[] =>
  findingsOf(
    { short: 'made up' },
    madeUp(
      counts,
      (name, count) => (name === 'DEIS' ? 3 : name.includes('measured') ? 3 - gain(count) : 2.8),
      (name) => (name.includes('measured') ? spread : 0.01),
    ),
  ).map(({ verdict }) => verdict);

it('holds where normalised scores are nearer at every number of calls', () => {
  expect(verdicts(() => 0.5)).toEqual(['held', 'held', 'held']);
});

it('does not hold where they are farther, be it at one number of calls', () => {
  expect(verdicts(() => -0.5)).toEqual(['not held', 'not held', 'not held']);
  expect(verdicts((count) => (count === 20 ? -0.5 : 0.5))).toEqual(['held', 'not held', 'held']);
});

it('leaves open what the interval does', () => {
  expect(verdicts(() => 0.01, 1)).toEqual(['not decided', 'not decided', 'not decided']);
});

it('says at which numbers of calls it fails', () => {
  const [, whole] = findingsOf(
    { short: 'made up' },
    madeUp(counts, (name, count) => (name === 'DEIS' || count !== 20 ? 3 - (name === 'DEIS' ? 0 : 1) : 4)),
  );
  expect(whole?.because).toBe('plain DEIS is nearer at 20');
});
