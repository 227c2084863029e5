import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWeights } from '@tweedie/core/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput } from '../config/experiment.ts';
import { SMALL } from '../testing/small.fixture.ts';
import type { LogLine } from './log.ts';
import { runRecord } from './run-folder.ts';
import { sampleRun } from './sample-run.ts';
import { shipRun } from './ship-run.ts';
import { snapshotFile } from './snapshots.ts';
import { thinned } from './thinned.ts';
import { trainRun } from './train-run.ts';

const line = (step: number, loss: number): LogLine => ({ step, loss, gradientNorm: 2 * loss, rate: 1 / step, seconds: step });

describe('a log, thinned', () => {
  const lines = Array.from({ length: 4096 }, (_, i) => line(i + 1, i % 2));
  const few = thinned(lines);

  it('is even in the logarithm of the step, and has the first steps and the last', () => {
    expect(few.slice(0, 8).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (let power = 1; power <= 4096; power *= 2) expect(few.some(({ step }) => step === power)).toBe(true);
    for (const from of [64, 256, 2048]) expect(few.filter(({ step }) => step > from && step <= 2 * from)).toHaveLength(16);
    expect(thinned(lines.slice(0, 3000)).at(-1)).toMatchObject({ step: 3000, rate: 1 / 3000, seconds: 3000 });
    expect(thinned([])).toEqual([]);
  });

  it('averages what scatters over the steps since the line before, so that nothing is lost or counted twice', () => {
    let [last, sum] = [0, 0];
    for (const { step, loss, gradientNorm } of few) {
      expect(gradientNorm).toBeCloseTo(2 * loss, 12);
      sum += loss * (step - last);
      last = step;
    }
    expect(sum).toBeCloseTo(2048, 9);
  });

  it('averages `ess` over the lines that have it, and leaves it out where none has', () => {
    const some = Array.from({ length: 64 }, (_, i) => (i % 2 ? { ...line(i + 1, 1), ess: i } : line(i + 1, 1)));
    expect(thinned(some)[0]).not.toHaveProperty('ess');
    expect(thinned(some).slice(-2)).toMatchObject([
      { step: 62, ess: 60 }, // of steps 60 and 62, and 61 without
      { step: 64, ess: 63 },
    ]);
  });
});

describe('a run, shipped', () => {
  const config: ExperimentInput = { ...SMALL, training: { ...SMALL.training!, snapshots: 4 } };
  let home: string;
  let run: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'tweedie-ship-'));
    run = join(home, 'run');
    await trainRun({ config, folder: run, cwd: home });
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('is its last weights in half precision, older ones, log and record: and draws as the run did', async () => {
    const folder = join(home, 'shipped');
    const { step, modelHash, files } = await shipRun({ run, folder, name: 'small', snapshots: [5, 20] });
    expect((await readdir(folder)).sort()).toEqual(
      ['small.safetensors', 'small-step-5.safetensors', 'small-step-20.safetensors', 'small.log.jsonl', 'small.record.json'].sort(),
    );
    for (const { path, bytes } of files) expect((await readFile(path)).length).toBe(bytes);
    expect(step).toBe(40);
    expect(await readWeights(join(folder, 'small-step-20.safetensors'))).toMatchObject({ step: 20 });
    const record = runRecord.parse(JSON.parse(await readFile(join(folder, 'small.record.json'), 'utf8')));
    expect(record).toMatchObject({ status: 'finished', step: 40, modelHash });
    expect((await readWeights(join(folder, 'small.safetensors'))).modelHash).toBe(modelHash);

    const [ours, theirs] = await Promise.all(
      [join(folder, 'small.safetensors'), run].map((from) => sampleRun({ run: from, count: 8, cwd: home })),
    );
    ours!.images.forEach((x, i) => expect(x).toBeCloseTo(theirs!.images[i]!, 2));
    expect([...ours!.labels!]).toEqual([...theirs!.labels!]);
  });

  it('is its newest snapshot while it is going on, and says of which step', async () => {
    const [going, folder] = [join(home, 'going'), join(home, 'shipped-early')];
    const abort = new AbortController();
    const onEvent = (event: { kind: string; step?: number }): void => {
      if (event.kind === 'step' && event.step === 13) abort.abort();
    };
    await trainRun({ config, folder: going, cwd: home, signal: abort.signal, onEvent });
    const { step, files } = await shipRun({ run: going, folder, name: 'small', snapshots: [5, 20] });
    expect(step).toBe(10);
    expect(files.map(({ path }) => path)).not.toContain(join(folder, 'small-step-20.safetensors'));
    const record = JSON.parse(await readFile(join(folder, 'small.record.json'), 'utf8')) as unknown;
    expect(record).toMatchObject({ status: 'interrupted', step: 10 });
    const log = (await readFile(join(folder, 'small.log.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(log.at(-1)!)).toMatchObject({ step: 10 });
  });

  it('refuses what is no run, has no snapshots, lacks one, or says where files lie', async () => {
    const ship = (from: string, snapshots: readonly number[] = []): Promise<unknown> =>
      shipRun({ run: from, folder: join(home, 'none'), name: 'small', snapshots });
    await expect(ship(join(home, 'nowhere'))).rejects.toThrow(/there is no run to ship/);
    await expect(ship(run, [7])).rejects.toThrow(/no snapshot of this step: got 7, expected 5, 10, 20, 40/);
    const bare = join(home, 'bare');
    await trainRun({ config: { ...SMALL, training: { ...SMALL.training!, steps: 2 } }, folder: bare, cwd: home });
    await expect(ship(bare)).rejects.toThrow(/keeps no snapshots; train it with `training\.snapshots`/);

    const record = JSON.parse(await readFile(join(run, 'record.json'), 'utf8')) as { config: { data: object } };
    record.config.data = { ...record.config.data, cache: '/home/somebody/data' };
    await writeFile(join(run, 'record.json'), JSON.stringify(record));
    await expect(ship(run)).rejects.toThrow(/config\.data\.cache: the configuration names a place of this machine/);
    expect((await readdir(join(run, 'snapshots'))).sort()).toEqual([5, 10, 20, 40].map(snapshotFile));
    expect(await readdir(home)).not.toContain('none');
  });
});
