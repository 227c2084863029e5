import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { tensor } from '@tensorflow/tfjs-core';
import { composeExperiment, CONFIG, openRun, runRecord, sampleRun, type LogLine } from '@tweedie/cli';
import { judge } from '@tweedie/core';
import { NETWORK } from '@tweedie/core/container';
import { modelHash } from '@tweedie/core/node';
import { classMatch } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';
import { describe, expect, it } from 'vitest';
import config from './config.ts';
import { SNAPSHOTS, weights } from './digits.ts';

const folder = dirname(weights);
const text = (file: string): Promise<string> => readFile(`${folder}/${file}`, 'utf8');
const record = runRecord.parse(JSON.parse(await text('digits.record.json')));
const files = (await readdir(folder)).filter((file) => file.endsWith('.safetensors'));

describe('what is shipped', () => {
  it('is small: the weights, and some on the way', async () => {
    const older = SNAPSHOTS.filter((step) => step < record.step).map((step) => `digits-step-${step}.safetensors`);
    expect(files.sort()).toEqual([basename(weights), ...older].sort());
    let bytes = 0;
    for (const file of await readdir(folder)) bytes += (await stat(`${folder}/${file}`)).size;
    expect(bytes).toBeLessThanOrEqual(3e6);
  });

  it('was trained by the configuration beside it', async () => {
    for (const file of files) expect((await openRun(`${folder}/${file}`)).config, file).toMatchObject(config);
    expect(record.config).toEqual((await openRun(weights)).config);
    // Nothing but what follows from the data was added: composing it again gives it again.
    const { data: _, ...resolved } = record.config;
    const again: object = (await composeExperiment(record.config, { data: false })).get(CONFIG);
    expect(again).toMatchObject(resolved);
    expect(record).toMatchObject({ data: 'mnist/train@6bbc9ace', network: 'digits', steps: config.training!.steps });
  });

  it('says the right hash of its numbers', async () => {
    for (const file of files) {
      const { config: own, weights: opened } = await openRun(`${folder}/${file}`);
      const { parameters, config: network } = (await composeExperiment(own, { data: false })).get(NETWORK);
      const values = Object.fromEntries(Object.entries(opened.tensors).map(([name, { data }]) => [name, data as Float32Array]));
      expect(opened.modelHash, file).toBe(modelHash(parameters, values, network));
      expect(new Set(Object.values(opened.tensors).map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
    }
    const { weights: last } = await openRun(weights);
    expect(record).toMatchObject({ step: last.step, modelHash: last.modelHash });
  });

  it('has a log that ends with it, and falls', async () => {
    const log = (await text('digits.log.jsonl'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine);
    expect(log[0]).toMatchObject({ step: 1 });
    expect(log.at(-1)).toMatchObject({ step: record.step });
    const at = (step: number): number => log.find((line) => line.step === step)!.loss;
    expect(at(1)).toBeGreaterThan(at(64));
    expect(at(64)).toBeGreaterThan(at(1024));
    expect(log.at(-1)!.loss).toBeLessThan(at(1024));
  });

  it('names nobody and no machine', async () => {
    for (const file of ['digits.record.json', 'digits.log.jsonl']) expect(await text(file)).not.toMatch(/\/(home|root|tmp|Users|work)\//);
  });
});

describe('the shipped model', () => {
  /** Of 32 digits, by class, the share that a classifier is sure of and that are what was asked for. */
  const matchOf = async (run: string): Promise<number> => {
    const { images, labels } = await sampleRun({ run, count: 32, batchSize: 32 });
    const seen = tensor(images, [32, 28, 28, 1]);
    try {
      const extractor = await loadMnistnet();
      const batches = (async function* () {
        yield { images: seen, labels: labels!, first: 0 };
      })();
      const [match] = await judge([classMatch()], { extractor, seed: 0n }, batches);
      return match!.value;
    } finally {
      seen.dispose();
    }
  };

  it('draws digits that are recognised, with no training and no data', async () => {
    const match = await matchOf(weights);
    expect(match).toBeGreaterThanOrEqual(24 / 32);
    // The classifier is no judge that likes everything: it recognises fewer of those of the first steps.
    expect(await matchOf(`${folder}/digits-step-256.safetensors`)).toBeLessThan(match);
  });
});
