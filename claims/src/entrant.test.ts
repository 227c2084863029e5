import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { trainRun } from '@tweedie/cli';
import { edm, karras } from '@tweedie/core';
import { deisSn } from '@tweedie/sampler-deis-sn';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from './claim.ts';
import { subjectOf, type Subject } from './digits.ts';
import { offTheFlow, qualityOf, type Entrant } from './entrant.ts';
import { needing, preparedFile } from './prepared-file.ts';
import { openStore } from './store.ts';

let root = '';
let subject: Subject;
let lab: Lab;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tweedie-entrant-'));
  await trainRun({
    config: {
      data: { use: 'eight-gaussians' },
      network: { use: 'mlp', width: 16 },
      schedule: { use: 'edm' },
      preconditioner: { use: 'edm', sigmaData: 0.7 },
      training: { batchSize: 16, steps: 4 },
    },
    folder: join(root, 'run'),
    cwd: root,
  });
  subject = await subjectOf(join(root, 'run'));
  const made = () => ({ engine: 'cpu', commit: 'none', date: '2026-01-01T00:00:00Z' });
  const { cell } = openStore({ folder: join(root, 'records'), claim: 'x', made });
  lab = { quick: true, root, folder: join(root, 'runs/x'), cell, pool: () => Promise.resolve(undefined), print: () => undefined };
});
afterAll(() => rm(root, { recursive: true, force: true }));

const named: Entrant = { name: 'named', sampler: { use: 'deis-sn', variable: 'log-rho', sigmaData: 0.7 } };
const own: Entrant = {
  name: 'own',
  sampler: { use: 'made-in-code' },
  own: {
    schedule: edm(),
    sampler: () => Promise.resolve(deisSn({ variable: 'log-rho', sigmaData: 0.7 })),
    levels: (steps) => karras({ steps, max: 80, min: 0.002, zero: true }),
  },
};
const draws = { steps: 5, n: 120, seed: 3 };

it('draws the same images by a configuration and by code, and keeps no tensor', async () => {
  const before = memory().numTensors;
  const [a, b] = [await qualityOf(lab, subject, named, draws), await qualityOf(lab, subject, own, draws)];
  expect(a.nfe).toBe(5);
  expect(b.nfe).toBe(5);
  expect(b.fd).toBeCloseTo(a.fd, 4);
  expect(memory().numTensors).toBe(before);
});

it('is off the flow by little in many steps and by more in few, and not by nothing', async () => {
  const off = (entrant: Entrant, steps: number): Promise<number> => offTheFlow(lab, subject, entrant, { ...draws, steps, n: 16 });
  const [few, many, coded] = [await off(named, 4), await off(named, 40), await off(own, 4)];
  expect(many).toBeGreaterThan(0);
  expect(few).toBeGreaterThan(2 * many);
  expect(coded).toBeCloseTo(few, 4);
});

it('makes a file when a cell first needs it, and for no cell that is there', async () => {
  let made = 0;
  const file = preparedFile(lab, { kind: 'gaussian', of: 'nothing' }, () => {
    made++;
    return Promise.resolve({ header: { kind: 'gaussian' }, tensors: { x: { shape: [1], data: Float32Array.of(1) } } });
  });
  expect(file.path).toBe(`runs/statistics/gaussian-${file.hash}.safetensors`);
  const ready = needing(lab, [file]);
  for (const n of [1, 2, 1])
    expect(await ready.cell({ kind: 'there', n }, () => Promise.resolve(existsSync(join(root, file.path))))).toBe(true);
  expect(made).toBe(1);
  await rm(join(root, file.path));
  await ready.cell({ kind: 'there', n: 2 }, () => Promise.resolve(false));
  expect(made).toBe(1);
});
