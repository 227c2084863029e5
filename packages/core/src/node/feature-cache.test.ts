import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileFeatureCache } from './feature-cache.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tweedie-cache-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('fileFeatureCache', () => {
  it('keeps arrays of both types by their keys, for the next process', async () => {
    const [cache, other] = [fileFeatureCache(join(folder, 'features')), fileFeatureCache(join(folder, 'features'))];
    expect(await cache.get('a/b')).toBeUndefined();
    await cache.set('a/b', Float32Array.of(1.5, -2));
    await cache.set('a/b/moments', Float64Array.of(Math.PI));
    await cache.set('../../outside', Float32Array.of(7));
    expect(await other.get('a/b')).toEqual(Float32Array.of(1.5, -2));
    expect(await other.get('a/b/moments')).toEqual(Float64Array.of(Math.PI));
    expect(await other.get('a')).toBeUndefined();
    await cache.set('a/b', Float32Array.of(3));
    expect(await other.get('a/b')).toEqual(Float32Array.of(3));
    expect(await readdir(folder)).toEqual(['features']);
    expect(await readdir(join(folder, 'features'))).toHaveLength(3);
  });

  it('takes nothing from a file that is damaged, cut short or of another key', async () => {
    const cache = fileFeatureCache(folder);
    await cache.set('one', Float32Array.of(1, 2, 3, 4));
    const path = join(folder, (await readdir(folder))[0]!);
    const whole = await readFile(path);
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 3]! ^= 1;
    for (const spoilt of [flipped, whole.subarray(0, -4), Buffer.from('no file of ours')]) {
      await writeFile(path, spoilt);
      expect(await cache.get('one')).toBeUndefined();
    }
    await cache.set('two', Float32Array.of(9));
    const two = (await readdir(folder)).find((name) => join(folder, name) !== path)!;
    await writeFile(path, await readFile(join(folder, two)));
    expect(await cache.get('one')).toBeUndefined();
  });

  it('does not throw where it cannot write', async () => {
    const taken = join(folder, 'taken');
    await writeFile(taken, '');
    const cache = fileFeatureCache(taken); // a file is no folder
    await cache.set('one', Float32Array.of(1));
    expect(await cache.get('one')).toBeUndefined();
  });
});
