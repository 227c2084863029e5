import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { getBackend, memory } from '@tensorflow/tfjs-core';
import { createNoise, isTweedieError, type Extractor } from '@tweedie/core';
import { loadMnistnet } from '@tweedie/metrics/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput } from '../config/experiment.ts';
import { readLog } from '../run/log.ts';
import { rangesOf } from '../run/ranges.ts';
import { readRecord } from '../run/run-folder.ts';
import { sampleRun } from '../run/sample-run.ts';
import { trainRun, type TrainEvent } from '../run/train-run.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { dealt } from './extractor.ts';
import { openPool, type Pool } from './pool.ts';
import { runtimeOf } from './runtime.ts';

let home: string;
let run: string;
const pools: { threads?: Pool; processes?: Pool } = {};
/** Label dropout, warm-up and clipping; one batch in one piece. */
const PLAIN: ExperimentInput = { ...SMALL, training: { ...SMALL.training, accumulate: 1, steps: 9 } };
const engine = process.env['TWEEDIE_BACKEND'] ?? 'wasm';
/** A second thread breaks tfjs-node. */
const threaded = runtimeOf(engine) === 'worker_threads';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-workers-'));
  run = join(home, 'run');
  await stranger();
  await trainRun({ config: PLAIN, folder: run, cwd: home });
  if (threaded) pools.threads = await openPool({ workers: 3, engine, runtime: 'worker_threads' });
  pools.processes = await openPool({ workers: 2, engine, runtime: 'child_process' });
}, 120_000);
afterAll(async () => {
  await Promise.all([pools.threads?.close(), pools.processes?.close()]);
  await rm(home, { recursive: true, force: true });
});

/** Samplers of somebody else: one that ends the worker it runs in, one whose images depend on each other. */
const stranger = async (): Promise<void> => {
  const folder = join(home, 'node_modules', 'tweedie-odd');
  await mkdir(folder, { recursive: true });
  const about = { name: 'tweedie-odd', version: '1.0.0', type: 'module', exports: './index.mjs', keywords: ['tweedie-plugin'] };
  await writeFile(join(folder, 'package.json'), JSON.stringify(about));
  await writeFile(join(folder, 'index.mjs'), ODD);
};
const ODD = `
const facts = { stochastic: false, reachesZero: true, likelihood: false, guidance: true, inpainting: false };
const options = { '~standard': { version: 1, vendor: 'nobody', validate: (value) => ({ value }), jsonSchema: { input: () => ({ type: 'object', properties: {} }), output: () => ({ type: 'object' }) } } };
const sampler = (name, batchCoupled, before) => ({
  kind: 'sampler', name, summary: name, options,
  create: () => ({
    kind: 'sampler', api: 1, name, reference: '@misc{odd}', facts: { ...facts, batchCoupled },
    plan: (schedule, levels) => ({ sampler: name, schedule, levels, nfe: 1, steps: [{ a: 1 }], notes: [] }),
    async *steps(denoise, y, plan) {
      before();
      const x0 = await denoise(y, plan.levels[0]);
      yield { i: 0, rho: plan.levels[0], y, x0 };
      return x0;
    },
  }),
});
export default { kind: 'plugin', name: 'tweedie-odd', version: '1.0.0', api: 1, provides: [sampler('exits', false, () => process.exit(3)), sampler('coupled', true, () => undefined)] };
`;

/** Engines whose results do not depend on how a batch is cut. */
const exact = ['wasm', 'cpu'].includes(getBackend());

describe('ranges', () => {
  it('cover all images once, evenly, none alone', () => {
    for (const workers of [1, 2, 3, 8])
      for (const count of [1, 2, 3, 5, 64, 65, 100, 129])
        for (const batchSize of [1, 7, 64]) {
          const ranges = rangesOf({ count, first: 4, batchSize, workers });
          expect(ranges.flatMap(({ first, count: rows }) => Array.from({ length: rows }, (_, i) => first + i))).toEqual(
            Array.from({ length: count }, (_, i) => 4 + i),
          );
          const sizes = ranges.map(({ count: rows }) => rows);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(batchSize);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          if (count > 1 && batchSize > 1) expect(Math.min(...sizes)).toBeGreaterThan(1);
        }
    expect(rangesOf({ count: 64, batchSize: 64, workers: 2 })).toHaveLength(2);
    expect(rangesOf({ count: 192, batchSize: 64, workers: 2 })).toHaveLength(4);
  });
});

describe('sampling over workers', () => {
  it.skipIf(!exact)(
    'image i is the same to the bit: here, in threads, in processes',
    async () => {
      const settings = { run, count: 41, first: 3, cwd: home, trajectory: 30, sampler: { use: 'ancestral' } } as const;
      const alone = await sampleRun(settings);
      for (const pool of [pools.threads!, pools.processes!]) {
        const done: number[] = [];
        const dealt = await sampleRun({ ...settings, pool, onEvent: (event) => done.push(event.done) });
        expect(dealt.workers).toBe(pool.workers);
        expect(dealt.images).toEqual(alone.images);
        expect(dealt.labels).toEqual(alone.labels);
        expect(dealt.trajectory).toEqual(alone.trajectory);
        expect([dealt.nfe, dealt.modelHash]).toEqual([alone.nfe, alone.modelHash]);
        expect(done, 'every step of every batch was heard of').toEqual(Array.from({ length: 4 * pool.workers }, (_, i) => i + 1));
      }
      const { images } = await sampleRun({ ...settings, workers: 2 });
      expect(images, 'in a pool of its own').toEqual(alone.images);
    },
    120_000,
  );

  it.skipIf(!exact)('features of images are the same to the bit, and the extractor keeps its name', async () => {
    const extractor = loadMnistnet();
    const images = createNoise(1).normal([37, 28, 28, 1], { stream: 1, step: 0 });
    const bits = async (from: Extractor): Promise<readonly unknown[]> => {
      const [features, logits] = [await from.features(images), await from.logits!(images)];
      const read = [features.shape, await features.data(), await logits.data()];
      [features, logits].forEach((tensor) => tensor.dispose());
      return read;
    };
    const tensors = memory().numTensors;
    for (const pool of [pools.threads!, pools.processes!]) {
      const other = dealt(await extractor, pool, { name: 'mnistnet' });
      expect([other.id, other.dims]).toEqual([(await extractor).id, (await extractor).dims]);
      expect(await bits(other)).toEqual(await bits(await extractor));
    }
    expect(memory().numTensors).toBe(tensors);
    const strange = { ...(await extractor), id: 'another' };
    await expect(bits(dealt(strange, pools.threads!, { name: 'mnistnet' }))).rejects.toThrow(
      /this extractor is not to be had in a worker: got another, expected mnistnet/,
    );
    images.dispose();
  });

  it('says the sentence of a worker, refuses a coupled sampler only where a number was insisted on, and leaves nothing behind', async () => {
    const tensors = memory().numTensors;
    const work = (pools.threads ?? pools.processes)!.run('draw', {
      job: { run: 'gone', cwd: home } as never,
      part: { first: 0, count: 2, frames: 0, start: 0 },
    });
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(isTweedieError(error)).toBe(true);
    expect((error as Error).message).toBe(
      '[gone] there is no such run: expected a RUN folder or a weights.safetensors; train one with `tweedie train`, or check the path',
    );
    const coupled = { run, count: 4, cwd: home, sampler: { use: 'tweedie-odd#coupled' } };
    await expect(sampleRun({ ...coupled, workers: 2 })).rejects.toThrow(/\[sampler coupled\] an image depends on the others of its batch/);
    expect((await sampleRun({ ...coupled, workers: { atMost: 2 } })).workers).toBe(1);
    await expect(sampleRun({ run, count: 8, cwd: home, workers: 0 })).rejects.toThrow(/not a number of workers: got 0/);
    const abort = new AbortController();
    const stopped = sampleRun({
      run,
      count: 400,
      cwd: home,
      pool: pools.threads ?? pools.processes,
      signal: abort.signal,
      onEvent: () => abort.abort(),
    });
    await expect(stopped).rejects.toThrow(/interrupted; nothing was written/);
    expect(memory().numTensors).toBe(tensors);
  }, 60_000);

  it.each(threaded ? (['worker_threads', 'child_process'] as const) : (['child_process'] as const))(
    'a worker that dies is an error, not a silence (%s)',
    async (runtime) => {
      const pool = await openPool({ workers: 2, engine, runtime });
      try {
        await expect(sampleRun({ run, count: 8, cwd: home, pool, sampler: { use: 'tweedie-odd#exits' } })).rejects.toThrow(
          /\[workers\] one of 2 workers ended before its work was done.*try again with fewer/,
        );
      } finally {
        await pool.close();
      }
    },
  );
});

describe('training over workers', () => {
  const trained = async (name: string, options: Partial<Parameters<typeof trainRun>[0]>, config = PLAIN): Promise<string> => {
    const folder = join(home, name);
    await trainRun({ config, folder, cwd: home, ...options });
    return folder;
  };
  const weights = (folder: string): Promise<Buffer> => readFile(join(folder, 'state.safetensors'));
  const log = async (folder: string) => (await readLog(folder)).map(({ seconds: _, ...line }) => line);

  it.skipIf(!exact)(
    'two workers are two micro-batches, to the bit; stopped, gone on with by one, and again',
    async () => {
      const two = await trained('two', { workers: 2 });
      const again = await trained('again', { workers: 2 });
      const micro = await trained('micro', {}, { ...PLAIN, training: { ...PLAIN.training, accumulate: 2 } });
      expect(await log(two)).toEqual(await log(micro));
      expect((await weights(two)).equals(await weights(again))).toBe(true);
      const vectors = async (folder: string) => (await import('@tweedie/core')).decodeSafetensors(await weights(folder), folder).tensors;
      expect(await vectors(two)).toEqual(await vectors(micro));
      expect((await log(two)).map(({ loss }) => loss)).not.toEqual((await log(run)).map(({ loss }) => loss));
      expect(await readRecord(two)).toMatchObject({ parts: 2, workers: 2 });

      const abort = new AbortController();
      const notices: string[] = [];
      const onEvent = (event: TrainEvent): void => {
        if (event.kind === 'notice') notices.push(event.message);
        if (event.kind === 'step' && event.step === 4) abort.abort();
      };
      const cut = await trained('cut', { workers: 2, signal: abort.signal, onEvent });
      expect(await readRecord(cut)).toMatchObject({ status: 'interrupted', step: 4 });
      await trained('cut', { workers: 1, onEvent });
      expect(await readRecord(cut)).toMatchObject({ status: 'finished', parts: 2, workers: 1 });
      expect((await weights(cut)).equals(await weights(two))).toBe(true);
      expect(notices).toEqual([]);
      // A run that was begun in one piece stays in one.
      const whole = await trained('whole', { signal: AbortSignal.abort() }).then(() => trained('whole', { workers: 2, onEvent }));
      expect(notices).toEqual([
        expect.stringMatching(/begun with batches in 1 part and stays with that, to the bit: 1 of 2 workers has something to do/),
      ]);
      expect((await weights(whole)).equals(await weights(run))).toBe(true);
    },
    120_000,
  );

  it.skipIf(!exact)(
    'hears what an objective tells in its workers: of what targets are made, and how much of the loss is a constant',
    async () => {
      for (const objective of [{ use: 'stf', reference: 16 }, { use: 'lcss' }]) {
        const config: ExperimentInput = { ...PLAIN, objective, training: { ...PLAIN.training, steps: 3 } };
        const two = await trained(`two-${objective.use}`, { workers: 2 }, config);
        const micro = await trained(`micro-${objective.use}`, {}, { ...config, training: { ...config.training, accumulate: 2 } });
        expect(await log(two)).toEqual(await log(micro));
        expect((await log(two))[0]).toHaveProperty(objective.use === 'stf' ? 'ess' : 'loss');
        expect((await readRecord(two))?.ess).toEqual((await readRecord(micro))?.ess);
      }
    },
    120_000,
  );

  it('refuses what does not divide, unless nobody insists', async () => {
    await expect(trained('three', { workers: 3 })).rejects.toThrow(
      /batch does not divide into equal parts: got 3 workers, expected a divisor of the batch size 8/,
    );
    expect(await readRecord(await trained('at-most', { workers: { atMost: 3 } }))).toMatchObject({ parts: 1, workers: 1 });
  });
});
