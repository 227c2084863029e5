import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { composeExperiment, openRun, runRecord, sampleRun } from '@tweedie/cli';
import { NETWORK } from '@tweedie/core/container';
import { modelHash } from '@tweedie/core/node';
import { describe, expect, it } from 'vitest';
import { weights } from './cifar10.ts';
import { recipe } from './config.ts';

const folder = dirname(weights);

/** As soon as there is something. */
describe.runIf(existsSync(weights))('what is shipped', () => {
  it('is small', async () => {
    let bytes = 0;
    for (const file of await readdir(folder)) bytes += (await stat(`${folder}/${file}`)).size;
    expect(bytes).toBeLessThanOrEqual(3e6);
  });

  it('was trained by the recipe for one core, says the right hash of its numbers, and names no machine', async () => {
    const { config, weights: opened } = await openRun(weights);
    expect(config).toMatchObject(recipe('cpu'));
    const { parameters, config: network } = (await composeExperiment(config, { data: false })).get(NETWORK);
    const values = Object.fromEntries(Object.entries(opened.tensors).map(([name, { data }]) => [name, data as Float32Array]));
    expect(opened.modelHash).toBe(modelHash(parameters, values, network));
    const text = await readFile(`${folder}/cifar10.record.json`, 'utf8');
    const record = runRecord.parse(JSON.parse(text));
    expect(record).toMatchObject({ step: opened.step, modelHash: opened.modelHash, data: 'cifar10/train@ecfa55c3+mirrored', config });
    expect(text).not.toMatch(/\/(home|root|tmp|Users|work)\//);
  });

  it('draws pictures that are neither black nor noise: neighbours are alike, and the contrast is that of photographs', async () => {
    const { images } = await sampleRun({ run: weights, count: 10, batchSize: 10 });
    let [sum, squares, steps] = [0, 0, 0];
    images.forEach((x, i) => {
      sum += x;
      squares += x * x;
      if (i % 96 >= 3) steps += (x - images[i - 3]!) ** 2;
    });
    const deviation = Math.sqrt(squares / images.length - (sum / images.length) ** 2);
    expect(deviation).toBeGreaterThan(0.25);
    expect(deviation).toBeLessThan(0.75);
    // Real photographs: .13. Noise: 2.
    expect(steps / (images.length * (31 / 32)) / deviation ** 2).toBeLessThan(0.5);
  });
});
