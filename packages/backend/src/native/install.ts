import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { lockFolder, writeFileAtomic } from '@tweedie/core/node';
import { compile } from './compile.ts';
import { fetchTarball, fetchWheels } from './fetch.ts';
import { BINDING, KEPT, NODE_HEADERS, TENSORFLOW, TFJS_NODE, type NativeKind } from './pins.ts';
import { buildFolder, damageOf, MANIFEST, readManifest, type NativeManifest } from './place.ts';
import { findCompiler, findPython, freeBytes, gigabytes, noSpace, notWritable, supported, toolMissing } from './tools.ts';
import { tryBuild } from './trial.ts';
import { unpack } from './unpack.ts';

export interface InstallOptions {
  readonly kind?: NativeKind;
  /** The folder of everything that is kept. Default: the user's cache. */
  readonly cache?: string;
  /** Told what is done now: `fetch TensorFlow 2.21.0 (0.3 GB)`. */
  readonly onStage?: (stage: string) => void;
  readonly signal?: AbortSignal;
}

export interface Installed {
  readonly folder: string;
  readonly kind: NativeKind;
  readonly tfjs: string;
  /** What the libraries call themselves. */
  readonly tensorflow: string;
  readonly bytes: number;
  /** False where a whole build was there already. */
  readonly built: boolean;
  /** Whether TensorFlow found a GPU here. */
  readonly gpu: boolean;
}

/**
 * Builds the engine of `@tensorflow/tfjs-node` (or `-gpu`) into the user's cache: the binding's source and JavaScript from npm, TensorFlow from
 * its wheel, pinned and checked, compiled with g++. No `node_modules` is touched. A whole build is left alone; what an interrupted or
 * damaged one left behind is repaired.
 *
 * Errors say what is missing, and their `code` is NO_BUILD (this system), NO_PYTHON, NO_COMPILER, NO_SPACE, NO_NETWORK or NO_REGISTRY (npm),
 * WRONG_CHECKSUM, PIP_FAILED, NPM_FAILED, BAD_ARCHIVE, COMPILER_FAILED, DOES_NOT_LOAD.
 */
export const installNative = async ({ kind = 'cpu', cache, onStage, signal }: InstallOptions = {}): Promise<Installed> => {
  const build = supported(kind);
  if (typeof build === 'string')
    throw tweedieError({ subject: 'native', problem: build, remedy: 'use wasm or webgpu here: tweedie doctor', code: 'NO_BUILD' });
  const folder = buildFolder(kind, cache);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw notWritable(folder, cause);
  });
  const unlock = await lockFolder(folder);
  try {
    onStage?.('check what is there');
    const there = await wholeBuild(kind, folder, cache, signal);
    if (there !== null) return there;

    const [python, compiler] = await Promise.all([findPython(), findCompiler()]);
    if (python.command === null) throw toolMissing(python);
    if (compiler.command === null) throw toolMissing(compiler);
    const downloads = join(folder, 'downloads');
    await clear(folder, 'downloads');
    await mkdir(downloads, { recursive: true });
    const [held, free] = [await bytesOf(downloads), await freeBytes(folder)];
    if (free + held < build.spaceBytes) throw noSpace(folder, free, build.spaceBytes);

    onStage?.(`fetch tfjs-node ${TFJS_NODE}`);
    const binding = await fetchTarball(BINDING, downloads, signal);
    const headers = await fetchTarball(NODE_HEADERS, downloads, signal);
    onStage?.(`fetch TensorFlow ${TENSORFLOW} (${gigabytes(build.downloadBytes)})`);
    const wheels = await fetchWheels(python.command, build, downloads, signal);

    onStage?.('unpack');
    const take = (archive: string, into: string, keep: readonly string[]): Promise<number> =>
      unpack(python.command!, { archive, into: join(folder, into), keep, signal });
    await take(binding, '.', KEPT.binding);
    await take(headers, 'headers', KEPT.headers);
    for (const wheel of wheels) await take(wheel, 'site', KEPT.wheel);
    await adapt(folder);

    onStage?.(`compile with ${compiler.command} ${compiler.version ?? ''}`);
    await compile(compiler.command, folder, signal);

    onStage?.('load');
    const trial = await tryBuild(folder, signal);
    if ('failure' in trial)
      throw tweedieError({ subject: folder, problem: 'the build does not load', got: trial.failure, code: 'DOES_NOT_LOAD' });
    await clear(folder, 'site', 'package');
    await rm(join(folder, 'site/tensorflow/include'), { recursive: true, force: true });
    const files = await filesOf(folder);
    const manifest: NativeManifest = {
      schema: 'tweedie/native@1',
      kind,
      tfjs: TFJS_NODE,
      tensorflow: trial.tensorflow,
      compiler: `${compiler.command} ${compiler.version ?? ''}`,
      files,
    };
    await writeFileAtomic(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
    return { folder, kind, tfjs: TFJS_NODE, tensorflow: trial.tensorflow, bytes: total(files), built: true, gpu: trial.gpu };
  } catch (error) {
    const code = isTweedieError(error) ? error.complaint.code : (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || (code === 'NO_SPACE' && isTweedieError(error) && error.complaint.subject !== folder))
      throw noSpace(folder, null, build.spaceBytes);
    throw error;
  } finally {
    await unlock();
  }
};

/** What is in the folder already, if it is whole and loads. */
const wholeBuild = async (
  kind: NativeKind,
  folder: string,
  cache: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Installed | null> => {
  const manifest = readManifest(kind, cache);
  if (manifest === null || damageOf(manifest, folder) !== null) return null;
  const trial = await tryBuild(folder, signal);
  if ('failure' in trial) return null;
  const { tfjs } = manifest;
  return { folder, kind, tfjs, tensorflow: trial.tensorflow, bytes: total(manifest.files), built: false, gpu: trial.gpu };
};

/**
 * The private copy asks for the umbrella package, which a project need not have, and for protocol buffers, which only TensorBoard's
 * summaries use. It is given the project's tfjs-core, and none.
 */
const adapt = async (folder: string): Promise<void> => {
  const umbrella = join(folder, 'package/node_modules/@tensorflow/tfjs');
  await mkdir(umbrella, { recursive: true });
  const shim = `module.exports = globalThis[Symbol.for('tweedie.tfjs-core')];\n`;
  await writeFile(join(umbrella, 'index.js'), shim);
  await mkdir(join(folder, 'package/node_modules/@tensorflow/tfjs-core'), { recursive: true });
  await writeFile(join(folder, 'package/node_modules/@tensorflow/tfjs-core/index.js'), shim);
  await mkdir(join(folder, 'package/dist/proto'), { recursive: true });
  await writeFile(join(folder, 'package/dist/proto/api_pb.js'), '');
};

/** Empties a folder except for some of its entries. The manifest is the first to go. */
const clear = async (folder: string, ...except: string[]): Promise<void> => {
  await rm(join(folder, MANIFEST), { force: true });
  for (const name of await readdir(folder)) if (!except.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
};

/** Every file under a folder, and its bytes. */
export const filesOf = async (folder: string): Promise<Record<string, number>> => {
  const files: Record<string, number> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(folder.length + 1)] = (await stat(path)).size;
  }
  return files;
};

const total = (files: Readonly<Record<string, number>>): number => Object.values(files).reduce((sum, bytes) => sum + bytes, 0);

const bytesOf = async (folder: string): Promise<number> => total(await filesOf(folder));
