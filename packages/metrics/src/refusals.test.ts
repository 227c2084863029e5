import { fill, type Tensor } from '@tensorflow/tfjs-core';
import type { Dataset, Extractor, Metric } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { densityCoverage } from './density-coverage.ts';
import { imageStatistics } from './image-statistics.ts';
import { inceptionScore } from './inception-score.ts';
import { kernelDistance } from './kernel-distance.ts';
import { memorisation } from './memorisation.ts';
import { mmd } from './mmd.ts';
import { precisionRecall } from './precision-recall.ts';
import { rawExtractor } from './raw-extractor.ts';

/** Grey images [8, 8, 1], fewer than they have values. */
const SHAPE = [8, 8, 1];
const images = (seed: number, n = 40): Float32Array =>
  normalRows(seed, n, new Array<number>(64).fill(0), 0.25).map((x) => Math.max(-1, Math.min(1, x)));
const reference: Dataset = { ...datasetOf(images(1, 120), SHAPE, [-1, 1]), id: 'held out' };
const training: Dataset = { ...datasetOf(images(2, 100), SHAPE, [-1, 1]), id: 'training' };
const raw = rawExtractor(SHAPE);
const broken: Extractor['features'] = (x: Tensor) => fill([x.shape[0]!, 64], NaN);
const start = (metric: Metric, features: Extractor['features'] = raw.features) =>
  metric.start({ reference, training, extractor: { ...raw, features, logits: features }, seed: 1n });

describe.each<readonly [string, () => Metric]>([
  ['kernel-distance', () => kernelDistance()],
  ['inception-score', () => inceptionScore()],
  ['precision-recall', () => precisionRecall()],
  ['density-coverage', () => densityCoverage()],
  ['memorisation', () => memorisation()],
  ['memorisation of features', () => memorisation({ space: 'features' })],
  ['mmd', () => mmd()],
  ['mmd of features', () => mmd({ space: 'features' })],
  ['image-statistics', () => imageStatistics()],
])('%s', (name, create) => {
  it('judges fewer grey images than they have values', async () => {
    const accumulator = await start(create());
    await addRows(accumulator, images(3), SHAPE);
    const { value, n } = await accumulator.result();
    expect(Number.isFinite(value)).toBe(true);
    expect(n).toBe(40);
  });

  it('warns of constant images and of [0, 1], or refuses', async () => {
    const constant = await start(create());
    await addRows(constant, new Float32Array(40 * 64).fill(0.5), SHAPE);
    if (name === 'image-statistics') await expect(constant.result()).rejects.toThrow(/no spectrum/);
    else expect((await constant.result()).details['warning']).toMatch(/the images are constant/);
    const zeroToOne = await start(create());
    await addRows(zeroToOne, images(4).map(Math.abs), SHAPE);
    expect((await zeroToOne.result()).details['warning']).toMatch(/no value is below 0/);
  });

  it('refuses NaN, infinities and bytes, and names the image', async () => {
    for (const [wrong, words] of [
      [NaN, /image 31 .*not finite/],
      [-Infinity, /image 31 .*not finite/],
      [255, /image 31 is in another range/],
    ] as const) {
      // prettier-ignore
      const accumulator = await start(create());
      const rows = images(5, 4);
      rows[64 + 5] = wrong;
      await expect(addRows(accumulator, rows, SHAPE, { first: 30 })).rejects.toThrow(words);
    }
  });
});

it.each<readonly [string, () => Metric]>([
  ['kernel-distance', () => kernelDistance()],
  ['inception-score', () => inceptionScore()],
  ['precision-recall', () => precisionRecall()],
  ['density-coverage', () => densityCoverage()],
  ['memorisation of features', () => memorisation({ space: 'features' })],
  ['mmd of features', () => mmd({ space: 'features' })],
])('%s refuses an extractor that makes NaN of good images', async (_, create) => {
  await expect(
    (async () => {
      const accumulator = await start(create(), broken);
      await addRows(accumulator, images(6), SHAPE);
      await accumulator.result();
    })(),
  ).rejects.toThrow(/not finite/);
});
