import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNoise, type Json } from '@tweedie/core';
import { cifar10 } from '@tweedie/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from './claim.ts';
import { copiesFinding, type Near } from './copied-images.ts';
import { noiseOf, type GradientNoise } from './gradient-noise.ts';
import { costFinding, noiseFinding, ratioOf, shareAbove } from './stf.ts';
import { learningFindings, learningSection, planOf, trainedPhotographs, type Learnt } from './stf-training.ts';
import { curveFindings, curveSection, type TargetCurve } from './target-curve.ts';
import type { StepCost } from './step-cost.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tweedie-stf-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plan = { ...planOf({ quick: true }), steps: 2, batchSize: 2, snapshots: 1, seeds: 1, n: 2, calls: 2 };

it('trains photographs by both targets, and judges what is drawn', async ({ skip }) => {
  try {
    await cifar10({ split: 'train' });
  } catch {
    return skip('skipped: CIFAR-10 is not in the cache');
  }
  const lab: Lab = {
    quick: true,
    folder,
    root: fileURLToPath(new URL('../..', import.meta.url)),
    cell: <T extends Json>(_: unknown, make: () => Promise<T>) => make(),
    pool: () => Promise.resolve(undefined),
    print: () => undefined,
  };
  const judge = {
    extractor: { id: 'none' },
    distance: (images: Float32Array) => Promise.resolve({ value: 1 + images.length / (2 * 3072) }),
  };
  const learnt = await trainedPhotographs(lab, plan, () => Promise.resolve(judge as never));
  expect(learnt.dsm.distances).toEqual([[2]]);
  expect(learnt.stf.trainings[0]!.gradientNorm).toBeGreaterThan(0);
  const section = learningSection(learnt, plan);
  expect(section.table!.rows.map(([name]) => name)).toEqual(['dsm', 'stf', 'stf over dsm']);
  expect((section.figures![0]!.picture as (width: number) => string)(600)).toMatch(/^<svg/);
});

describe('the noise of gradients', () => {
  it('is tr Cov and ‖E g‖² of the gradients, and the same without each group', () => {
    const gradients = Array.from({ length: 32 }, (_, i) => {
      const z = createNoise(i).hostNormal([1, 50], { stream: 1 });
      return Float32Array.from(z, (each, k) => (k < 2 ? 3 : 0) + 2 * each);
    });
    const noise = (of: readonly Float32Array[]): number => {
      const mean = Float64Array.from({ length: 50 }, (_, k) => of.reduce((sum, g) => sum + g[k]!, 0) / of.length);
      return of.reduce((sum, g) => sum + g.reduce((squares, each, k) => squares + (each - mean[k]!) ** 2, 0), 0) / (of.length - 1);
    };
    const found = noiseOf(gradients);
    expect(found.noise).toBeCloseTo(noise(gradients), 3);
    expect(found.noise).toBeGreaterThan(150); // 50 · 2²
    expect(found.leftOut).toHaveLength(16);
    expect(found.leftOut[3]).toBeCloseTo(noise(gradients.filter((_, i) => i % 16 !== 3)), 3);
    expect(Math.abs(found.signal - 18)).toBeLessThan(8);
  });

  it('is less, more, or not told', () => {
    const of = (value: number, spread: number): GradientNoise => ({
      value,
      signal: 1,
      leftOut: Array.from({ length: 16 }, (_, g) => value * (1 + spread * (g % 2 === 0 ? 1 : -1))),
    });
    const verdict = (a: GradientNoise): string =>
      noiseFinding([{ sigma: undefined, dsm: of(10, 0), stf: a }], { batches: 16, plan }).verdict;
    expect(verdict(of(5, 0.01))).toBe('held');
    expect(verdict(of(20, 0.01))).toBe('not held');
    expect(verdict(of(9.9, 0.05))).toBe('not decided');
    expect(ratioOf(of(5, 0), of(10, 0)).value).toBeCloseTo(0.5, 12);
  });
});

describe('verdicts', () => {
  const learnt = (...checkpoints: readonly (readonly number[])[]): Learnt => ({
    trainings: checkpoints[0]!.map(() => ({ loss: 1, gradientNorm: 1, milliseconds: 1, diverged: null })),
    distances: checkpoints,
  });
  const of = (dsm: Learnt, stf: Learnt): readonly string[] =>
    learningFindings({ dsm, stf }, { ...plan, steps: 4, snapshots: 2, seeds: 4 }).map(({ verdict }) => verdict);
  const dsm = learnt([40, 41, 42, 43], [20, 24, 18, 22]);

  it('says who is ahead, who ends better and whose seeds end closer together', () => {
    expect(of(dsm, learnt([30, 31, 31, 33], [15, 15.1, 14.9, 15]))).toEqual(['held', 'held', 'held']);
    expect(of(dsm, learnt([60, 61, 62, 64], [90, 150, 30, 120]))).toEqual(['not held', 'not held', 'not held']);
    expect(of(dsm, learnt([41, 40, 43, 42], [21, 23, 19, 21]))).toEqual(['not decided', 'not decided', 'not decided']);
  });

  it('finds the hump of the variance by its intervals', () => {
    const curve = (first: number, middle: number, last: number, reduced: number, half = 0.1): TargetCurve => ({
      sizes: [1, 64],
      rows: 8,
      population: 10,
      levels: [first, middle, last].map((value, i) => ({
        sigma: 10 ** i,
        variance: [value, i === 1 ? reduced : value].map((each) => [each, each - half, each + half] as const),
        ess: 3,
      })),
    });
    const told = (each: TargetCurve): readonly string[] => curveFindings(each).map(({ verdict }) => verdict);
    expect(told(curve(0.2, 5, 0.3, 1))).toEqual(['held', 'held']);
    expect(told(curve(9, 5, 0.3, 7))).toEqual(['not held', 'not held']);
    expect(told(curve(4, 5, 4, 5, 2))).toEqual(['not decided', 'not decided']);
    expect((curveSection(curve(0.2, 5, 0.3, 1)).figures![0]!.picture as (width: number) => string)(600)).toMatch(/^<svg/);
  });

  it('takes costs and copies by their intervals', () => {
    const cost = (interval: readonly [number, number] | null): string =>
      costFinding({ rows: [{ name: 'stf', time: { median: 1, interval }, memory: 1, limit: null }] } as unknown as StepCost).verdict;
    expect([cost([1, 1.05]), cost([1.3, 1.6]), cost([1, 1.2]), cost(null)]).toEqual(['held', 'not held', 'not decided', 'not decided']);
    const near = (share: number, half: number, equal = 0): Near => ({
      share,
      interval: [share - half, share + half],
      equal,
      drawn: 1,
      heldOut: 1,
    });
    const copies = (training: Near, control: Near): string => copiesFinding({ training, control }, { n: 9, neighbours: 9 }, plan).verdict;
    expect(copies(near(0.5, 0.02), near(0.5, 0.02))).toBe('held');
    expect(copies(near(0.5, 0.02), near(0.3, 0.02))).toBe('not held');
    expect(copies(near(0.5, 0.02, 1), near(0.5, 0.02))).toBe('not held');
    expect(copies(near(0.5, 0.2), near(0.5, 0.2))).toBe('not decided');
  });

  it('knows how many levels of EDM’s law lie above one', () => {
    expect(shareAbove(Math.exp(-1.2))).toBeCloseTo(0.5, 6);
    expect(shareAbove(Math.exp(-1.2 + 1.2 * 1.959964))).toBeCloseTo(0.025, 5);
    expect(shareAbove(Math.exp(-1.2 - 1.2 * 1.959964))).toBeCloseTo(0.975, 5);
    expect(shareAbove(Infinity)).toBe(0);
  });
});
