import { createHash } from 'node:crypto';
import type { Json, ParameterSpec } from '../contracts/network.ts';

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** JSON with sorted keys and no spaces: equal values, equal text. */
export const canonicalJson = (value: Json): string => {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const record = value as { readonly [key: string]: Json };
  return `{${Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key]!)}`)
    .join(',')}}`;
};

/** SHA-256 over (name, dtype, shape, little-endian bytes) of the inference weights sorted by name, then the canonical JSON of the network's config. */
export const modelHash = (specs: readonly ParameterSpec[], values: Readonly<Record<string, Float32Array>>, config: Json): string => {
  const hash = createHash('sha256');
  for (const { name, shape } of [...specs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const data = values[name]!;
    hash.update(`${name}\0F32\0${shape.join(',')}\0`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.update(canonicalJson(config)).digest('hex');
};
