import type { ExperimentConfig } from '@tweedie/cli';
import { expect, it } from 'vitest';
import type { Cell } from './cell.ts';
import { comparisons } from './results.ts';

const cell = (name: string, seed: number, distance: number | undefined, failure?: Cell['failure']): Cell => ({
  schema: 1,
  name,
  seed,
  steps: 10,
  hash: '',
  config: {} as ExperimentConfig,
  plugins: {},
  derivatives: 1,
  engine: 'none',
  initial: '',
  parameters: 1,
  losses: [3, 1, -1],
  gradientNorms: [5, 4, 2],
  seconds: { training: 1, judging: 1 },
  milliseconds: 2,
  checkpoints: distance === undefined ? [] : [{ step: 10, scores: [{ name: 'd', value: distance, n: 9, details: {} }] }],
  kept: [],
  ...(failure === undefined ? {} : { failure }),
});

const verdicts = (others: readonly (number | undefined)[], dsm: readonly number[] = [10, 20, 30]): readonly string[] =>
  comparisons({
    names: ['dsm', 'other'],
    cells: [
      ...dsm.map((x, seed) => cell('dsm', seed, x)),
      ...others.map((x, seed) => cell('other', seed, x, x === undefined ? FAILED : undefined)),
    ],
  }).map(({ verdict }) => verdict);

const FAILED: Cell['failure'] = { kind: 'diverged', step: 7, message: '…' };

it('calls two objectives different only where the interval of the paired difference excludes 0', () => {
  // Apart by 1, 2, 3: 2 ± 4.303/√3; the spread between seeds is far greater, and does not count.
  expect(verdicts([11, 22, 33])).toEqual(['—', 'no difference shown']);
  expect(verdicts([12, 22.5, 33])).toEqual(['—', 'differs from dsm: worse']);
  expect(verdicts([8, 17.5, 27])).toEqual(['—', 'differs from dsm: better']);
  expect(verdicts([10, 20, 30])).toEqual(['—', 'the same numbers as dsm']);
  expect(verdicts([30])).toEqual(['—', 'one seed: no verdict']);
});

it('compares the seeds that are left where some diverged, and says so', () => {
  const [, other] = comparisons({
    names: ['dsm', 'other'],
    cells: [cell('dsm', 0, 10), cell('dsm', 1, 20), cell('other', 0, undefined, FAILED), cell('other', 1, 25)],
  });
  expect(other).toMatchObject({ seeds: 2, failed: 1, difference: { n: 1, mean: 5 }, verdict: 'one seed: no verdict; diverged at step 7' });
  expect(verdicts([undefined, undefined])).toEqual(['—', 'diverged at step 7, 7']);
});
