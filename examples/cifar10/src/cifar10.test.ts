import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun, readRecord, type Io } from '@tweedie/cli';
import { encodeNpz } from '@tweedie/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cifar10 } from './cifar10.ts';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tweedie-cifar10-'));
  const data = Uint8Array.from({ length: 20 * 3072 }, (_, i) => (i * 37) % 256);
  const labels = Int32Array.from({ length: 20 }, (_, i) => i % 10);
  await writeFile(
    join(cwd, 'photographs.npz'),
    encodeNpz({ arr_0: { shape: [20, 32, 32, 3], data }, labels: { shape: [20], data: labels } }),
  );
});
const started = process.cwd();
beforeAll(() => process.chdir(cwd)); // where the data's path begins
afterAll(() => {
  process.chdir(started);
  return rm(cwd, { recursive: true, force: true });
});

const said: string[] = [];
const io = (): Io => ({ stdout: (text) => said.push(text), stderr: (text) => said.push(text), cwd, interactive: false });
/** The recipe, but for its size and 139 MB of data. */
const TINY = ['--data', 'npz', '--data.path', 'photographs.npz', '--steps', '4', '--batch-size', '4', '--training.snapshots', '2'];
const NARROW = ['--network.channels=[8,16]', '--network.blocks=[1,1]', '--network.embedding', '16'];

it('trains, goes on, ships and draws, tiny', async () => {
  const folder = join(cwd, 'weights');
  const train = (): Promise<number> => cifar10(['train', ...TINY, ...NARROW], io());
  expect(await train(), said.join('')).toBe(0);
  expect(await readRecord(join(cwd, 'runs/cifar10'))).toMatchObject({
    status: 'finished',
    step: 4,
    config: { objective: { pMean: -0.8 }, preconditioner: { sigmaData: 0.5 }, network: { dataMean: 0, sigmaData: 0.5, classes: 10 } },
  });
  expect(await train()).toBe(0);
  expect(said.join('')).toContain('all 4 steps are done');
  expect(await cifar10(['ship'], io(), folder)).toBe(0);
  expect((await readdir(folder)).sort()).toEqual(['cifar10.log.jsonl', 'cifar10.record.json', 'cifar10.safetensors']);
  expect((await openRun(join(folder, 'cifar10.safetensors'))).weights.step).toBe(4);
  expect(await cifar10(['grid', '-n', '10', '--steps', '2'], io(), folder), said.join('')).toBe(0);
  expect([...(await readFile(join(cwd, 'runs/cifar10.png'))).subarray(1, 4)]).toEqual([...new TextEncoder().encode('PNG')]);
});

it('says what it can do', async () => {
  expect(await cifar10([], io())).toBe(0);
  expect(await cifar10(['paint'], io())).toBe(2);
  expect(said.join('')).toMatch(/train .*\n +ship .*\n +grid /);
});
