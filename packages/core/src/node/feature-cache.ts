import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FeatureCache } from '../contracts/metric.ts';
import { decodeSafetensors, encodeSafetensors } from '../io/safetensors.ts';
import { cacheFolder } from './cache.ts';
import { writeFileAtomic } from './files.ts';
import { sha256 } from './hash.ts';

/**
 * A {@link FeatureCache} of files, one a key, written whole or not at all; default folder `features` of the {@link cacheFolder}. A file
 * that is damaged or of another key counts as none. Nothing is ever removed: the folder may be, at any time.
 */
export const fileFeatureCache = (folder = join(cacheFolder(), 'features')): FeatureCache => {
  const pathOf = (key: string): string => join(folder, `${sha256(key)}.safetensors`);
  const digest = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): string =>
    sha256(new Uint8Array(buffer, byteOffset, byteLength));
  return Object.freeze<FeatureCache>({
    get: async (key) => {
      try {
        const path = pathOf(key);
        const { tensors, metadata } = decodeSafetensors(await readFile(path), path);
        const values = tensors['values']?.data;
        if (!(values instanceof Float32Array || values instanceof Float64Array)) return undefined;
        return metadata['key'] === key && metadata['sha256'] === digest(values) ? values : undefined;
      } catch {
        return undefined; // not there, or not whole: it is computed anew
      }
    },
    set: async (key, values) => {
      const file = encodeSafetensors({
        tensors: { values: { shape: [values.length], data: values } },
        metadata: { key, sha256: digest(values) },
      });
      await writeFileAtomic(pathOf(key), file).catch(() => undefined); // a full disk costs time, not the result
    },
  });
};
