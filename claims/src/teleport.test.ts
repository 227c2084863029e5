import { expect, it } from 'vitest';
import { APPROXIMATIONS, type Approximation } from './approximations.ts';
import { cellOf } from './cell.fixture.ts';
import type { Level } from './explained-variance.ts';
import { gaussianFar, gaussianFirst, gaussianNearer, trajectoryPredicted } from './learned-score-findings.ts';
import { lossOf, noLoss, type Curve } from './skipping.ts';

const each = <T>(f: (name: Approximation) => T) =>
  Object.fromEntries(APPROXIMATIONS.map((name) => [name, f(name)])) as { readonly [name in Approximation]: T };
const level = (sigma: number, unexplained: Partial<{ [name in Approximation]: number }>, half = 0.001, score = 1e-5): Level => ({
  sigma,
  unexplained: each((name) => {
    const denoiser = unexplained[name] ?? 0.9;
    // Half of the interval is 2.13 √15 times what a group changes.
    const change = name === 'gaussian' ? half / 8.25 : 0;
    return { score, denoiser, leftOut: Array.from({ length: 16 }, (_, g) => denoiser + (g % 2 ? change : -change)) };
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

it('holds the score at high noise against 1 %, its denoiser against 5 %', () => {
  const at = (value: number, half?: number, score?: number) =>
    gaussianFar([level(20, { gaussian: value }, half, score)], 256).map(({ verdict }) => verdict);
  expect(at(0.02)).toEqual(['held', 'held']);
  expect(at(0.2)).toEqual(['held', 'not held']);
  expect(at(0.05, 0.01, 0.1)).toEqual(['not held', 'not decided']);
  expect(gaussianFar([level(20, { gaussian: 0.2 })], 256)[1]?.because).toMatch(/network 0.1000/);
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
});

it('holds a state against 1 % and an image against 5 %, and says where they part', () => {
  const at = (unexplained: number, half = 0.001, state = 0.001) =>
    trajectoryPredicted(
      [
        { rho: 80, state: 0, image: 0, mean: 0, unexplained: 0.01, half },
        { rho: 20, state, image: 0.1, mean: 0.2, unexplained, half },
        { rho: 5, state: 0.1, image: 0.5, mean: 0.5, unexplained: 0.9, half },
      ],
      128,
    );
  const verdicts = (...given: Parameters<typeof at>): readonly string[] => at(...given).map(({ verdict }) => verdict);
  expect(verdicts(0.02)).toEqual(['held', 'held']);
  expect(verdicts(0.2, 0.001, 0.02)).toEqual(['not held', 'not held']);
  expect(verdicts(0.05, 0.01)).toEqual(['held', 'not decided']);
  expect(at(0.02)[0]?.measured).toMatch(/5 % from ρ = 5 down/);
});
