import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '@tweedie/core/node';
import { TENSORFLOW, TFJS_NODE, type NativeKind } from './pins.ts';

/** Where builds are kept, one folder each. */
export const nativeFolder = (cache = cacheFolder()): string => join(cache, 'native');

/** The folder of one build. Its name says all that the build depends on. */
export const buildFolder = (kind: NativeKind, cache = cacheFolder()): string =>
  join(nativeFolder(cache), `tfjs-${TFJS_NODE}-tensorflow-${TENSORFLOW}-${kind}-${process.platform}-${process.arch}`);

/** Written last: what makes a build whole. */
export interface NativeManifest {
  readonly schema: 'tweedie/native@1';
  readonly kind: NativeKind;
  readonly tfjs: string;
  readonly tensorflow: string;
  readonly compiler: string;
  /** Every file of the build, by its path in the folder, and its bytes. */
  readonly files: Readonly<Record<string, number>>;
}

export const MANIFEST = 'manifest.json';

/** Places inside a build. */
export const BINDING_FILE = 'package/lib/napi-v8/tfjs_binding.node';
export const LIBRARIES = 'site/tensorflow';

/** The build of this kind if it was finished, else null. Cheap: one small file. */
export const readManifest = (kind: NativeKind, cache?: string): NativeManifest | null => {
  try {
    const read = JSON.parse(readFileSync(join(buildFolder(kind, cache), MANIFEST), 'utf8')) as Partial<NativeManifest> | null;
    const whole =
      read?.schema === 'tweedie/native@1' &&
      read.kind === kind &&
      read.tfjs === TFJS_NODE &&
      read.tensorflow === TENSORFLOW &&
      typeof read.compiler === 'string' &&
      typeof read.files === 'object' &&
      read.files !== null &&
      typeof read.files[BINDING_FILE] === 'number';
    return whole ? (read as NativeManifest) : null;
  } catch {
    return null;
  }
};

/** What a finished build has lost since, or null: the first file that is gone or has another length. */
export const damageOf = (manifest: NativeManifest, folder: string): string | null => {
  for (const [path, bytes] of Object.entries(manifest.files)) {
    const at = join(folder, path);
    if (!existsSync(at)) return `${path} is gone`;
    if (statSync(at).size !== bytes) return `${path} has another length than it was built with`;
  }
  return null;
};
