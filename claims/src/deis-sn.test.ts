import { expect, it } from 'vitest';
import { madeUp } from './cell.fixture.ts';
import { findingsOf } from './deis-sn-findings.ts';

const counts = [5, 10, 20];
const PROFILES = { levels: [0.01], measured: [0.6], gaussian: [0.2] };
const verdicts = (gain: (count: number) => number, spread = 0.01): readonly string[] =>
  findingsOf(
    'made up',
    madeUp(
      counts,
      (name, count) => (name === 'DEIS' ? 3 : name.includes('measured') ? 3 - gain(count) : 2.8),
      (name) => (name.includes('measured') ? spread : 0.01),
    ),
    PROFILES,
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
    'made up',
    madeUp(counts, (name, count) => (name === 'DEIS' || count !== 20 ? 3 - (name === 'DEIS' ? 0 : 1) : 4)),
    PROFILES,
  );
  expect(whole?.because).toBe('plain DEIS is nearer at 20');
});

it('has the clipped profile where it takes part', () => {
  const found = findingsOf(
    'made up',
    madeUp(counts, (name) => (name.includes('clipped') ? 1 : 2)),
    PROFILES,
    true,
  );
  expect(found.map(({ verdict }) => verdict)).toEqual(['not decided', 'held', 'not decided', 'not decided']);
});
