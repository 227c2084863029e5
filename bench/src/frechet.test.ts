import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frechetDistance, readReferenceStatistics } from '@tweedie/metrics';
import { expect, it } from 'vitest';
import { frechetDocument, writeFrechetFiles } from './frechet.ts';

it('writes two statistics that are of full rank and apart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tweedie-frechet-'));
  try {
    const files = await writeFrechetFiles(folder, 12, 500);
    const [a, b] = await Promise.all(files.map(async (file) => readReferenceStatistics(await readFile(file), file)));
    expect(frechetDistance(a!, b!)).toBeGreaterThan(0.01);
    expect(frechetDistance(a!, a!)).toBeLessThan(1e-12);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('shows what was measured, and who was absent', () => {
  const nothing = { about: null, reason: null, values: null, distance: null, images: null };
  const text = frechetDocument(
    [
      {
        ...nothing,
        name: 'Tweedie wasm',
        values: [1.5, 0],
        distance: { milliseconds: 9500, processor: 9400 },
        images: { milliseconds: 12_340, processor: 1 },
      },
      { ...nothing, name: 'SciPy, 1 thread', reason: 'no SciPy' },
    ],
    3,
    { machine: { cores: 2, processor: 'a processor', memory: 4, os: 'an os', node: '20' }, date: '2026-01-02T03:04:05Z' },
  );
  expect(text).toContain('`npm run bench -- --part frechet`, 2026-01-02, in one session');
  expect(text).toContain('| Tweedie wasm | 9.50 s | 9.40 s | 1.500000000 | 0.0e+0 |');
  expect(text).toContain('| Tweedie wasm | 12.3 s | 0.00 s |');
  expect(text).toContain('SciPy, 1 thread: no SciPy.');
});
