import { expect, it } from 'vitest';
import { APPROXIMATIONS, type Approximation } from './approximations.ts';
import { cellOf } from './cell.fixture.ts';
import type { Level } from './explained-variance.ts';
import { gaussianFar, gaussianFirst, gaussianNearer, trajectoryPredicted } from './learned-score-findings.ts';
import { lossOf, noLoss, type Curve } from './skipping.ts';

const each = <T>(f: (name: Approximation) => T) =>
  Object.fromEntries(APPROXIMATIONS.map((name) => [name, f(name)])) as { readonly [name in Approximation]: T };
const level = (sigma: number, unexplained: Partial<{ [name in Approximation]: number }>, half = 0.001): Level => ({
  sigma,
  unexplained: each((name) => {
    const denoiser = unexplained[name] ?? 0.9;
    // Half of the interval is 2.13 √15 times what a group changes.
    const change = name === 'gaussian' ? half / 8.25 : 0;
    return { score: 0.1, denoiser, leftOut: Array.from({ length: 16 }, (_, g) => denoiser + (g % 2 ? change : -change)) };
  }),
  error: 0.1,
  errors: each(() => 0.1),
  distances: each(() => 0.1),
});

const curve = (fds: readonly number[], spread = 0.0001): Curve => ({
  name: 'Heun',
  points: fds.map((fd, i) => ({ skipped: [0, 3, 5, 8][i]!, quality: cellOf(fd, i === 0 ? 0 : spread, 35 - 2 * [0, 3, 5, 8][i]!) })),
});

it('calls a loss what is more than 2 % of the distance', () => {
  expect(noLoss(curve([2, 2.01, 2.02, 4]), 2000)).toMatchObject({ verdict: 'held' });
  expect(noLoss(curve([2, 2.01, 2.5, 4]), 2000)).toMatchObject({ verdict: 'not held' });
  expect(noLoss(curve([2, 2.04, 2.04, 4], 0.1), 2000)).toMatchObject({ verdict: 'not decided' });
  expect(lossOf(curve([2, 1.5, 2.02, 4])).map(({ verdict }) => verdict)).toEqual(['held', 'held', 'not held']);
});

it('says what is saved: as much as nothing before it was a loss', () => {
  expect(noLoss(curve([2, 1.9, 2.01, 4]), 2000).measured).toMatch(/up to 28 % at no loss, which saves 10 calls/);
  expect(noLoss(curve([2, 3, 2, 2]), 2000).measured).toMatch(/nothing is saved/);
});

it('holds a denoiser at high noise against 5 %', () => {
  const at = (value: number, half?: number): string => gaussianFar([level(20, { gaussian: value }, half)], 256).verdict;
  expect([at(0.02), at(0.2), at(0.05, 0.01)]).toEqual(['held', 'not held', 'not decided']);
});

it('compares the Gaussian with the training images at moderate noise', () => {
  const at = (gaussian: number, delta: number, half?: number): string =>
    gaussianNearer([level(0.1, {}), level(1, { gaussian, delta }, half)], 256).verdict;
  expect([at(0.1, 0.4), at(0.4, 0.1), at(0.3, 0.31, 0.1)]).toEqual(['held', 'not held', 'not decided']);
});

it('asks which formula a network is nearest to first', () => {
  const at = (...nearest: readonly Approximation[]): string =>
    gaussianFirst(
      nearest.map((name, i) => ({ step: 2 ** i, levels: [level(1, { [name]: 0.1 })] })),
      256,
    ).verdict;
  expect(at('isotropic', 'gaussian', 'mixture')).toBe('held');
  expect(at('isotropic', 'mixture', 'mixture')).toBe('not held');
  expect(at('mixture', 'gaussian')).toBe('not held');
  expect(at('isotropic', 'gaussian')).toBe('not decided');
  expect(gaussianFar([level(20, { gaussian: 0.2 })], 256).because).toMatch(/0.1000 a pixel/);
});

it('holds a trajectory against 5 %, and says where it departs', () => {
  const at = (value: number, half = 0.001) =>
    trajectoryPredicted(
      [
        { rho: 80, state: 0, image: 0, mean: 0, unexplained: 0.01, half },
        { rho: 20, state: 0.01, image: 0.1, mean: 0.2, unexplained: value, half },
        { rho: 5, state: 0.1, image: 0.5, mean: 0.5, unexplained: 0.9, half },
      ],
      128,
    );
  expect([at(0.02).verdict, at(0.2).verdict, at(0.05, 0.01).verdict]).toEqual(['held', 'not held', 'not decided']);
  expect(at(0.02).measured).toMatch(/surely more than 0.1 from ρ = 5 down/);
});
