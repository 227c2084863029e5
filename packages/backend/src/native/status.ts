import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, lockFolder } from '@tweedie/core/node';
import { filesOf } from './install.ts';
import type { NativeKind } from './pins.ts';
import { buildFolder, damageOf, nativeFolder, readManifest } from './place.ts';
import { findCompiler, findPython, freeBytes, supported, type Tool } from './tools.ts';
import { tryBuild } from './trial.ts';

/** One kind of build: whether it is there, whether it runs, and if not why not. */
export interface BuildStatus {
  readonly kind: NativeKind;
  readonly folder: string;
  /** `absent`; `half` done or damaged; `broken`: whole, and yet it does not load. */
  readonly state: 'absent' | 'half' | 'broken' | 'ready';
  /** A clause: why it is not ready, or what is known of one that is. */
  readonly reason: string;
  readonly tensorflow: string | null;
  readonly compiler: string | null;
  readonly bytes: number;
  /** Whether TensorFlow uses a GPU here; null where it did not load. */
  readonly gpu: boolean | null;
  /** Whether it can be built on this system at all, and what keeps it from being: space, say. Null: nothing. */
  readonly obstacle: string | null;
}

export interface NativeStatus {
  /** The folder of all builds. */
  readonly folder: string;
  readonly freeBytes: number;
  readonly builds: readonly BuildStatus[];
  readonly tools: readonly Tool[];
}

/** What of the native engines is in the cache, whether it loads, and what an installation would lack. Loads builds in child processes. */
export const nativeStatus = async ({ cache = cacheFolder() }: { readonly cache?: string } = {}): Promise<NativeStatus> => {
  const folder = nativeFolder(cache);
  const [python, compiler, free] = await Promise.all([findPython(), findCompiler(), freeBytes(cache)]);
  const builds: BuildStatus[] = [];
  for (const kind of ['cpu', 'gpu'] as const) builds.push(await statusOf(kind, cache, free));
  return { folder, freeBytes: free, builds, tools: [python, compiler] };
};

const statusOf = async (kind: NativeKind, cache: string, free: number): Promise<BuildStatus> => {
  const folder = buildFolder(kind, cache);
  const build = supported(kind);
  const obstacle = typeof build === 'string' ? build : free < build.spaceBytes ? 'too little space' : null;
  const nothing = { kind, folder, obstacle, tensorflow: null, compiler: null, gpu: null };
  if (!existsSync(folder)) return { ...nothing, state: 'absent', reason: 'not installed', bytes: 0 };
  const files = await filesOf(folder);
  const bytes = Object.values(files).reduce((sum, each) => sum + each, 0);
  const manifest = readManifest(kind, cache);
  const damage = manifest === null ? 'its installation did not finish' : damageOf(manifest, folder);
  if (manifest === null || damage !== null) return { ...nothing, state: 'half', reason: String(damage), bytes };
  const { compiler } = manifest;
  const trial = await tryBuild(folder);
  if ('failure' in trial) return { ...nothing, state: 'broken', reason: trial.failure, tensorflow: manifest.tensorflow, compiler, bytes };
  const reason = kind === 'cpu' ? 'loads' : trial.gpu ? 'loads, and finds a GPU' : 'loads, but finds no GPU here: not run on one';
  return { ...nothing, state: 'ready', reason, tensorflow: trial.tensorflow, compiler, bytes, gpu: trial.gpu };
};

/** Deletes every build in the cache, half-done ones too, and says how much that was. Errors: an installation is running. */
export const removeNative = async ({ cache = cacheFolder() }: { readonly cache?: string } = {}): Promise<{
  folders: readonly string[];
  bytes: number;
}> => {
  const root = nativeFolder(cache);
  const names = existsSync(root) ? await readdir(root) : [];
  const folders = names.map((name) => join(root, name));
  let bytes = 0;
  for (const folder of folders) {
    const unlock = await lockFolder(folder);
    try {
      bytes += Object.values(await filesOf(folder)).reduce((sum, each) => sum + each, 0);
      await rm(folder, { recursive: true, force: true });
    } finally {
      await unlock();
    }
  }
  await rm(root, { recursive: true, force: true });
  return { folders, bytes };
};
