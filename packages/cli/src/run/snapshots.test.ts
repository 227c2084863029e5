import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { modelHash, readWeights } from '@tweedie/core/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput } from '../config/experiment.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { bindRun, openRun } from './open-run.ts';
import { sampleRun } from './sample-run.ts';
import { snapshotFile, snapshotSteps } from './snapshots.ts';
import { trainRun } from './train-run.ts';

describe('the steps of snapshots', () => {
  it('are the last, half as many, a quarter … as long as there are whole steps', () => {
    expect([...snapshotSteps(40, 4)]).toEqual([40, 20, 10, 5]);
    expect([...snapshotSteps(100, 3)]).toEqual([100, 50, 25]);
    expect([...snapshotSteps(5, 30)]).toEqual([5, 2, 1]);
    expect([...snapshotSteps(16384, 15)]).toEqual(Array.from({ length: 15 }, (_, k) => 2 ** (14 - k)));
    expect([...snapshotSteps(40, 0)]).toEqual([]);
  });

  it('have names that sort as they do', () => {
    const steps = [1, 9, 10, 99, 1000, 12_345_678];
    expect(steps.map(snapshotFile).sort()).toEqual(steps.map(snapshotFile));
  });
});

describe('a run with snapshots', () => {
  const config: ExperimentInput = { ...SMALL, training: { ...SMALL.training!, snapshots: 4 } };
  let home: string;
  let whole: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'tweedie-snapshots-'));
    whole = join(home, 'whole');
    await trainRun({ config, folder: whole, cwd: home });
  });
  afterAll(() => rm(home, { recursive: true, force: true }));
  const kept = async (folder: string): Promise<ReadonlyMap<string, string>> => {
    const names = (await readdir(join(folder, 'snapshots'))).sort();
    return new Map(
      await Promise.all(names.map(async (name) => [name, (await readFile(join(folder, 'snapshots', name))).toString('base64')] as const)),
    );
  };

  it('keeps those of its steps and no others, in half precision', async () => {
    expect([...(await kept(whole)).keys()]).toEqual([5, 10, 20, 40].map(snapshotFile));
    for (const step of [5, 10, 20, 40]) {
      const { tensors, step: said } = await readWeights(join(whole, 'snapshots', snapshotFile(step)));
      expect(said).toBe(step);
      expect(new Set(Object.values(tensors).map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
    }
  });

  it('ends with the weights of the run, to half precision', async () => {
    const { tensors: exact } = await readWeights(join(whole, 'weights.safetensors'));
    const { tensors: half } = await readWeights(join(whole, 'snapshots', snapshotFile(40)));
    expect(Object.keys(half)).toEqual(Object.keys(exact));
    for (const [name, { data, shape }] of Object.entries(exact)) {
      expect(half[name]!.shape).toEqual(shape);
      // 11 bits of a significand, and no finer than the least subnormal.
      data.forEach((value, i) => {
        const expected = Number(value);
        const off = Math.abs(Number(half[name]!.data[i]) - expected);
        if (!(off <= Math.max(2 ** -11 * Math.abs(expected), 2 ** -25))) expect.fail(`${name}[${i}]: off by ${off}`);
      });
    }
  });

  it('has snapshots of the moving average at their steps: a run that ends there has the same', async () => {
    const folder = join(home, 'short');
    const abort = new AbortController();
    const stop = { signal: abort.signal, onEvent: (event: { kind: string; step?: number }) => event.step === 10 && abort.abort() };
    await trainRun({ config, folder, cwd: home, ...stop });
    const { tensors: average } = await readWeights(join(folder, 'weights.safetensors'));
    const { tensors: half } = await readWeights(join(whole, 'snapshots', snapshotFile(10)));
    let furthest = 0;
    for (const [name, { data }] of Object.entries(average))
      data.forEach((value, i) => {
        furthest = Math.max(furthest, Math.abs(Number(half[name]!.data[i]) - Number(value)) / Math.max(2 ** -14, Math.abs(Number(value))));
      });
    expect(furthest).toBeLessThanOrEqual(2 ** -11);
  });

  it('says the right hash of what each snapshot holds, and each opens, binds and draws as a run of its own', async () => {
    const tensorsBefore = memory().numTensors;
    const drawn: number[][] = [];
    const hashes = new Set<string>();
    for (const step of [5, 40]) {
      const path = join(whole, 'snapshots', snapshotFile(step));
      const opened = await openRun(path);
      const { binding, dispose } = await bindRun(opened, opened.config, { cwd: home });
      dispose();
      const { parameters, config: network } = binding.network;
      const values = Object.fromEntries(
        Object.entries(opened.weights.tensors).map(([name, { data }]) => [name, data as Float32Array] as const),
      );
      expect(opened.weights.modelHash).toBe(modelHash(parameters, values, network));
      hashes.add(opened.weights.modelHash);
      drawn.push([...(await sampleRun({ run: path, count: 3, cwd: home })).images]);
    }
    expect(hashes.size).toBe(2);
    expect(drawn[0]).not.toEqual(drawn[1]);
    expect(memory().numTensors).toBe(tensorsBefore);
  });

  it('writes the very same files when it is stopped and goes on, at a snapshot, before and after one', async () => {
    const expected = await kept(whole);
    for (const stopAfter of [9, 10, 11]) {
      const folder = join(home, `stopped-${stopAfter}`);
      const abort = new AbortController();
      const onEvent = (event: { kind: string; step?: number }): void => {
        if (event.kind === 'step' && event.step === stopAfter) abort.abort();
      };
      await trainRun({ config, folder, cwd: home, signal: abort.signal, onEvent });
      expect([...(await kept(folder)).keys()]).toEqual((stopAfter < 10 ? [5] : [5, 10]).map(snapshotFile));
      await trainRun({ config, folder, cwd: home });
      expect(await kept(folder)).toEqual(expected);
    }
  });

  it('changes nothing of the training: without snapshots the weights are the same', async () => {
    const folder = join(home, 'without');
    await trainRun({ config: SMALL, folder, cwd: home });
    expect(await readdir(folder)).not.toContain('snapshots');
    const [without, with_] = await Promise.all([folder, whole].map((run) => readWeights(join(run, 'weights.safetensors'))));
    expect(with_!.tensors).toEqual(without!.tensors);
  });
});
