import { describe, expect, it } from 'vitest';
import { cellOf } from './cell.fixture.ts';
import { filterIsSuch, whateverTheCondition } from './condition-numbers.ts';
import { leavesTheLaw } from './predictor-variance.ts';
import { betterAfter, betterAtTheBestStep } from './preconditioned-iterations.ts';

describe('quality after equally many iterations', () => {
  const curve = (fds: readonly number[], spread?: number) =>
    fds.map((fd, i) => ({ iterations: [10, 20, 40][i]!, quality: cellOf(fd, spread, 2 * [10, 20, 40][i]!) }));
  const judged = (ours: readonly number[], spread?: number) =>
    betterAfter({ name: 'frequency', n: 512, decisive: 20, plain: curve([8, 4, 2], 0), curve: curve(ours, spread) });

  it('comes to every verdict', () => {
    expect(judged([8, 3, 2]).verdict).toBe('held');
    expect(judged([8, 5, 2]).verdict).toBe('not held');
    expect(judged([8, 3.99, 2], 0.1).verdict).toBe('not decided');
  });

  it('says how many times as many the plain one needs, where it ever gets there', () => {
    expect(judged([8, 2, 2], 0).measured).toContain('plain is as good after 2 (2 … 2) times as many');
    expect(judged([8, 1, 1]).measured).toContain('plain is never as good, up to 40 iterations');
    expect(judged([9, 9, 9]).measured).toContain('plain is better after its first 10');
    expect(judged([8, 2, 2]).ran).toContain('n = 512, seed 1, 40 network calls');
  });
});

it('compares the best steps of each, not equal ones', () => {
  const at = (snr: number, plain: number, filtered: number) => ({ snr, plain: cellOf(plain, 0), filtered: cellOf(filtered) });
  expect(betterAtTheBestStep([at(0.1, 3, 2), at(0.2, 1, 2)])).toMatchObject({
    verdict: 'not held',
    measured: expect.stringContaining('snr 0.1 against 0.2') as string,
  });
  expect(betterAtTheBestStep([at(0.1, 3, 2), at(0.2, 2.5, 4)]).verdict).toBe('held');
});

it('wants the condition number to cost nothing with M = Σ^½, and much without', () => {
  const at = (plain: number, ideal: number): string =>
    whateverTheCondition([[100, 100], [1000, 100], [1e4, 100], [1e5, 100], [plain, ideal]]).verdict; // prettier-ignore
  expect([at(1e6, 150), at(1e6, 201), at(5e4, 100)]).toEqual(['held', 'not held', 'not held']);
});

it('wants the filter to halve the iterations, and says why it does not', () => {
  expect(filterIsSuch([1000, 499, 50], 0.02, 200)).toMatchObject({ verdict: 'held' });
  expect(filterIsSuch([1000, 499, 50], 0.02, 200)).not.toHaveProperty('because');
  expect(filterIsSuch([1000, 1001, 50], 0.02, 200)).toMatchObject({
    verdict: 'not held',
    because: expect.stringContaining('slow modes') as string,
  });
});

it('allows the published predictor 5 % of the variance, and says what a gain of 1.25 leaves by the formula', () => {
  const at = (published: number) => leavesTheLaw({ published, exact: 1, steps: 1000, n: 4000 });
  expect([at(0.96), at(1.04), at(0.94), at(1.06)].map(({ verdict }) => verdict)).toEqual(['held', 'held', 'not held', 'not held']);
  expect(at(0.735).measured).toContain('0.735 of the true one as published (0.735 = m²/(2m² − 1) expected)');
});
