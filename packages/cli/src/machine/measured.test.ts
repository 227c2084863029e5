import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnose, selectEngine, type Finding } from '@tweedie/backend';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEngine, startWorkers } from '../engine.ts';
import type { Io } from '../io.ts';
import { candidatesOf, measure } from './measure.ts';
import { fastest, measuredFile, readMeasured, stillHolds, writeMeasured, type MeasuredRow } from './measured.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-measured-'));
  vi.stubEnv('TWEEDIE_CACHE', home);
  vi.stubEnv('TWEEDIE_BACKEND', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await selectEngine({ engine: 'wasm' });
  await rm(home, { recursive: true, force: true });
});

const io: Io = { stdout: () => undefined, stderr: () => undefined, cwd: '.', interactive: false };
const row = (engine: string, workers: number, sampling: number, training: number): MeasuredRow => ({
  engine,
  workers,
  sampling,
  training,
  start: 0.5,
  memory: 1,
});
const ROWS = [row('wasm', 1, 100, 50), row('wasm', 2, 180, 54), row('wasm', 4, 190, 90)];

describe('what is fastest', () => {
  it('is chosen for each purpose; a lead that is noise is none', () => {
    expect(fastest(ROWS, 'sampling')?.workers).toBe(2);
    expect(fastest(ROWS, 'training')?.workers).toBe(4);
    expect(fastest([row('tfjs-node', 1, 90, 90), ...ROWS], 'sampling', 'tfjs-node')?.workers).toBe(1);
    expect(fastest([], 'sampling')).toBeUndefined();
  });

  it('is remembered for this machine, these versions and these engines', async () => {
    const findings = await diagnose({ engine: 'wasm' });
    expect(await readMeasured()).toBeUndefined();
    const written = await writeMeasured(findings, ROWS);
    expect(await readMeasured()).toEqual(written);
    expect(written.engines, 'the reference in plain JavaScript is no candidate').toEqual({ wasm: '4.22.0' });
    expect(stillHolds(written, findings)).toBe(true);
    const more = findings.map((finding): Finding => (finding.id === 'tfjs-node' ? { ...finding, available: true, version: '4' } : finding));
    expect(stillHolds(written, more), 'an engine was installed since').toBe(false);
    for (const change of [
      { cpu: 'abacus' },
      { cores: 1000 },
      { versions: { ...written.versions, node: '1.0.0' } },
      { rows: [] },
      { schema: 'x' },
    ]) {
      await writeFile(measuredFile(), JSON.stringify({ ...written, ...change }));
      expect(await readMeasured(), JSON.stringify(change)).toBeUndefined();
    }
    await writeFile(measuredFile(), '{');
    expect(await readMeasured(), 'a damaged file is no obstacle').toBeUndefined();
  });

  it('is used where nobody asks for anything else', async () => {
    expect(await startWorkers({ io, purpose: 'sampling' })).toEqual({ engine: 'wasm', workers: { atMost: 1 } });
    const findings = await diagnose({ engine: 'wasm' });
    const written = await writeMeasured(findings, ROWS);
    expect(await startWorkers({ io, purpose: 'sampling' })).toEqual({ engine: 'wasm', workers: { atMost: 2, start: 0.5 } });
    expect(await startWorkers({ io, purpose: 'training' })).toEqual({ engine: 'wasm', workers: { atMost: 4, start: 0.5 } });
    expect(await startWorkers({ io, purpose: 'training', workers: 3 })).toEqual({ engine: 'wasm', workers: 3 });
    expect(await startWorkers({ io, purpose: 'training', backend: 'wasm' })).toEqual({
      engine: 'wasm',
      workers: { atMost: 4, start: 0.5 },
    });
    expect(await startWorkers({ io, purpose: 'training', backend: 'cpu' })).toEqual({ engine: 'cpu', workers: { atMost: 1 } });
    vi.stubEnv('TWEEDIE_BACKEND', 'cpu');
    expect(await startEngine(undefined, io)).toBe('cpu');
    vi.stubEnv('TWEEDIE_BACKEND', '');
    await writeFile(measuredFile(), JSON.stringify({ ...written, engines: { ...written.engines, 'tfjs-node': '4.22.0' } }));
    expect(await startWorkers({ io, purpose: 'sampling' }), 'an engine is gone').toEqual({ engine: 'wasm', workers: { atMost: 1 } });
  });
});

describe('measuring', () => {
  it('tries each engine once and once a core, a graphics card once', () => {
    const found = (id: Finding['id']): Finding => ({ id, available: true, chosen: false, reason: '', version: '1' });
    expect(candidatesOf([found('webgpu'), found('wasm'), found('cpu')], 4).map(({ engine, workers }) => `${engine} ${workers}`)).toEqual([
      'webgpu 1',
      'wasm 1',
      'wasm 2',
      'wasm 4',
    ]);
  });

  it('times the digits network for each, in processes that end with it', async () => {
    const findings = await diagnose({ engine: 'wasm' });
    const seen: number[] = [];
    const rows = await measure(findings, { rounds: 1, onProgress: (done) => seen.push(done) });
    expect(rows.map(({ engine, workers }) => ({ engine, workers }))).toEqual(candidatesOf(findings));
    for (const { sampling, training, memory } of rows) expect(Math.min(sampling, training, memory)).toBeGreaterThan(0);
    expect(seen).toEqual(Array.from({ length: 2 * rows.length }, (_, i) => i + 1));
  }, 240_000);
});
