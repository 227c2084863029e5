import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { div, memory, type Tensor } from '@tensorflow/tfjs-core';
import type { Objective } from '@tweedie/core';
import { OBJECTIVE, value } from '@tweedie/core/container';
import { lockFolder } from '@tweedie/core/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeExperiment, CONFIG } from '../experiment/compose.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { exitCodeOf } from './failure.ts';
import { readLog } from './log.ts';
import { readRecord } from './run-folder.ts';
import { trainRun, type TrainEvent } from './train-run.ts';

let home: string;
let whole: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-train-'));
  whole = join(home, 'whole');
  await trainRun({ config: SMALL, folder: whole, cwd: home });
});
afterAll(() => rm(home, { recursive: true, force: true }));

const bytes = (folder: string, name: string): Promise<Buffer> => readFile(join(folder, name));
const FILES = ['config.json', 'weights.safetensors', 'state.safetensors', 'record.json', 'log.jsonl'];
const contents = async (folder: string): Promise<readonly string[]> =>
  Promise.all(FILES.map(async (name) => (existsSync(join(folder, name)) ? (await bytes(folder, name)).toString('base64') : 'none')));
const expectEqualRuns = async (folder: string): Promise<void> => {
  expect((await bytes(folder, 'weights.safetensors')).equals(await bytes(whole, 'weights.safetensors')), 'weights').toBe(true);
  expect((await bytes(folder, 'state.safetensors')).equals(await bytes(whole, 'state.safetensors')), 'state').toBe(true);
  const timeless = async (run: string) => (await readLog(run)).map(({ seconds: _, ...line }) => line);
  expect(await timeless(folder)).toEqual(await timeless(whole));
};
const copyOfWhole = async (name: string): Promise<string> => {
  const folder = join(home, name);
  await cp(whole, folder, { recursive: true });
  return folder;
};
const failureOf = async (work: Promise<unknown>): Promise<{ message: string; exitCode: number }> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return { message: (error as Error).message, exitCode: exitCodeOf(error) };
};

describe('a RUN folder', () => {
  it('holds configuration, record, log, weights and state', async () => {
    for (const name of FILES) expect(existsSync(join(whole, name)), name).toBe(true);
    const record = await readRecord(whole);
    expect(record).toMatchObject({ schema: 'tweedie/record@1', status: 'finished', steps: 40, step: 40, seed: 7, network: 'mlp' });
    expect(record?.plugins).toMatchObject({ '@tweedie/networks': expect.any(String), '@tweedie/data': expect.any(String) });
    const log = await readLog(whole);
    expect(log.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(log[0]?.rate).toBeCloseTo(3e-3 / 6, 12);
    expect(log[39]?.rate).toBeCloseTo((3e-3 * 1) / 20, 12);
  });

  it('keeps the whole configuration: composing it again gives it again', async () => {
    const config = JSON.parse((await bytes(whole, 'config.json')).toString()) as typeof SMALL;
    expect((await composeExperiment(config, { cwd: home })).get(CONFIG)).toEqual(config);
    expect(config.network).toMatchObject({ use: 'mlp', shape: [2], classes: 8, width: 16 });
    expect(config.preconditioner?.['sigmaData']).toBeGreaterThan(0.4);
  });
});

describe('resuming', () => {
  it('is bit-equal after an interruption, at any step', async () => {
    for (const stopAfter of [1, 17, 39]) {
      const folder = join(home, `stopped-${stopAfter}`);
      const abort = new AbortController();
      const events: TrainEvent[] = [];
      const first = await trainRun({
        config: SMALL,
        folder,
        cwd: home,
        signal: abort.signal,
        onEvent: (event) => {
          events.push(event);
          if (event.kind === 'step' && event.step === stopAfter) abort.abort();
        },
      });
      expect(first).toMatchObject({ status: 'interrupted', step: stopAfter, steps: 40 });
      expect(await readRecord(folder)).toMatchObject({ status: 'interrupted', step: stopAfter });
      const second = await trainRun({ config: SMALL, folder, cwd: home });
      expect(second).toMatchObject({ status: 'finished', step: 40, resumedFrom: stopAfter });
      await expectEqualRuns(folder);
    }
  });

  it('is bit-equal after kill -9 at a random moment', async () => {
    const folder = join(home, 'killed');
    const script = new URL('../testing/child.fixture.mjs', import.meta.url).pathname;
    const process_ = spawn(process.execPath, [script, '/src/testing/train-child.fixture.ts', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaint = '';
    process_.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const ended = new Promise<NodeJS.Signals | null>((done) => process_.once('exit', (_, signal) => done(signal)));
    const killAt = randomInt(2, 30);
    const delay = randomInt(0, 20);
    for await (const line of createInterface(process_.stdout)) {
      if (Number(line) === killAt) setTimeout(() => process_.kill('SIGKILL'), delay);
    }
    const signal = await ended;
    expect(signal, `killed at step ${killAt} + ${delay} ms; ${complaint}`).toBe('SIGKILL');
    const left = await readRecord(folder);
    expect(left?.status).toBe('running');
    const resumed = await trainRun({ config: SMALL, folder, cwd: home });
    expect(resumed.status).toBe('finished');
    expect(resumed.resumedFrom % 3, 'from a checkpoint').toBe(0);
    await expectEqualRuns(folder);
  }, 120_000);

  it('needs nothing but its folder when it was stopped while it was timed', async () => {
    const folder = join(home, 'stopped-early');
    const { message, exitCode } = await failureOf(
      trainRun({ config: { ...SMALL, training: { batchSize: 8, seconds: 1 } }, folder, cwd: home, signal: AbortSignal.abort() }),
    );
    expect(message).toMatch(/interrupted before the first step; nothing was written; run the same command again/);
    expect(exitCode).toBe(1);
    expect(existsSync(folder)).toBe(false);
  });

  it('uses the steps that a time budget was counted into, once', async () => {
    const folder = join(home, 'budget');
    const config = { ...SMALL, training: { batchSize: 8, seconds: 0.3 } };
    const abort = new AbortController();
    const budgets: number[] = [];
    const onEvent = (event: TrainEvent): void => {
      if (event.kind === 'budget') budgets.push(event.steps);
      if (event.kind === 'step') abort.abort();
    };
    const first = await trainRun({ config, folder, cwd: home, signal: abort.signal, onEvent });
    const second = await trainRun({ config, folder, cwd: home, onEvent });
    expect(budgets).toHaveLength(1);
    expect([first.steps, second.steps, second.step]).toEqual([budgets[0], budgets[0], budgets[0]]);
    expect(await readRecord(folder)).toMatchObject({ budgetSeconds: 0.3, steps: budgets[0] });
  });

  it('leaves a finished run alone, and says so', async () => {
    const before = await contents(whole);
    const again = await trainRun({ config: SMALL, folder: whole, cwd: home });
    expect(again).toMatchObject({ status: 'finished', resumedFrom: 40, step: 40 });
    expect(await contents(whole)).toEqual(before);
  });
});

describe('nothing is overwritten', () => {
  const refuses = async (name: string, damage: (folder: string) => Promise<void>, config: typeof SMALL, said: RegExp): Promise<void> => {
    const folder = await copyOfWhole(name);
    await damage(folder);
    const before = await contents(folder);
    const { message, exitCode } = await failureOf(trainRun({ config, folder, cwd: home }));
    expect(message).toMatch(said);
    expect(exitCode).toBe(2);
    expect(await contents(folder)).toEqual(before);
  };
  const untouched = (): Promise<void> => Promise.resolve();

  it('by another configuration: it says what differs', () =>
    refuses(
      'other-config',
      untouched,
      { ...SMALL, optimizer: { ...SMALL.optimizer, rate: 0.1 }, training: { ...SMALL.training, batchSize: 16 } },
      /optimizer\.rate: 0\.003 → 0\.1.*training\.batchSize: 8 → 16.*choose another folder/,
    ));
  it('by another seed', () => refuses('other-seed', untouched, { ...SMALL, seed: 8 }, /seed: 7 → 8/));
  it('by other data', () =>
    refuses('other-data', untouched, { ...SMALL, data: { use: 'eight-gaussians', size: 51 } }, /other data: got eight-gaussians.*n=51/));
  it('by a state with a lying header', () =>
    refuses(
      'lying-state',
      async (folder) => {
        const state = await bytes(folder, 'state.safetensors');
        state.writeBigUInt64LE(1n << 40n);
        await writeFile(join(folder, 'state.safetensors'), state);
        await rewindRecord(folder);
      },
      SMALL,
      /state\.safetensors\] the header claims more bytes than there are/,
    ));
  it('by a truncated state', () =>
    refuses(
      'truncated-state',
      async (folder) => {
        const state = await bytes(folder, 'state.safetensors');
        await writeFile(join(folder, 'state.safetensors'), state.subarray(0, state.length - 100));
      },
      SMALL,
      /lies beyond the end of the file/,
    ));
  it('where the configuration is gone', () =>
    refuses('no-config', (folder) => rm(join(folder, 'config.json')), SMALL, /holds .*but no config\.json/));
  it('where the record is gone or no record', async () => {
    await refuses('no-record', (folder) => rm(join(folder, 'record.json')), SMALL, /no record\.json/);
    await refuses(
      'bad-record',
      (folder) => writeFile(join(folder, 'record.json'), '{"schema":"tweedie/record@1","steps":"many"}'),
      SMALL,
      /this is no record of a run/,
    );
  });
  it('by a second process', async () => {
    const folder = await copyOfWhole('locked');
    const unlock = await lockFolder(folder);
    const { message } = await failureOf(trainRun({ config: SMALL, folder, cwd: home }));
    await unlock();
    expect(message).toMatch(/another process is working in this folder/);
  });
  it('but how often a checkpoint is written may change', async () => {
    const folder = await copyOfWhole('other-rhythm');
    await expect(
      trainRun({ config: { ...SMALL, training: { ...SMALL.training, checkpointEvery: 11 } }, folder, cwd: home }),
    ).resolves.toMatchObject({ status: 'finished' });
  });
});

const rewindRecord = async (folder: string): Promise<void> => {
  const record = JSON.parse((await bytes(folder, 'record.json')).toString()) as Record<string, unknown>;
  await writeFile(join(folder, 'record.json'), JSON.stringify({ ...record, status: 'running', step: 39 }));
};

describe('the container', () => {
  it('decides: an objective of another scope is what trains, and a loss that is not finite leaves the last checkpoint', async () => {
    const folder = join(home, 'not-finite');
    const experiment = await composeExperiment(SMALL, { cwd: home });
    const objective = experiment.get(OBJECTIVE);
    const failing: Objective = {
      ...objective,
      loss: (model, batch, noise) =>
        batch.step === 10
          ? objective.loss(
              {
                ...model,
                denoise: (y, rho, label) => broken(model.denoise(y, rho, label)),
                raw: (y, rho, label) => broken(model.raw(y, rho, label)),
              },
              batch,
              noise,
            )
          : objective.loss(model, batch, noise),
    };
    const { message, exitCode } = await failureOf(
      trainRun({ config: SMALL, folder, cwd: home, experiment: experiment.scope(value(OBJECTIVE, failing)) }),
    );
    expect(message).toMatch(/the loss of step 10 is not finite: row 0 .*the last good checkpoint, of step 9, is in/);
    expect(exitCode).toBe(1);
    expect(await readRecord(folder)).toMatchObject({ status: 'failed', step: 9 });
    // Nothing of the bad step was applied: without the fault the run ends as if nothing had happened.
    await trainRun({ config: SMALL, folder, cwd: home });
    await expectEqualRuns(folder);
  });

  it('leaks no tensor over a run', async () => {
    const before = memory().numTensors;
    await trainRun({ config: { ...SMALL, training: { ...SMALL.training, steps: 4 } }, folder: join(home, 'short'), cwd: home });
    expect(memory().numTensors).toBe(before);
  });
});

/** Infinite everywhere. */
const broken = (x: Tensor): Tensor => div(x, 0);
