import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { decodeNpz, tweedieError, type Dataset } from '@tweedie/core';
import { FIRST_PARTY, readBytes } from '@tweedie/core/node';
import type { ReferenceStatistics } from '@tweedie/metrics';
import { meant } from '../config/nearest.ts';
import { picturesOf, samplesIn } from './found-images.ts';

/** Real data: settings of the section `data`, images that were read, or the mean and covariance of features of some. */
export type Against =
  { readonly flags: Readonly<Record<string, string>> } | { readonly reference: Dataset } | { readonly statistics: ReferenceStatistics };

/**
 * Reads `--against`: a data set by NAME or NAME:SPLIT (ours come before a folder of the same name: write ./NAME for that), an npm
 * package that provides one, a folder of pictures, or a .npz of images or of statistics (mu, sigma).
 */
export const againstOf = async (word: string, cwd: string): Promise<Against> => {
  const [, name = '', split] = /^([^:]*)(?::(.*))?$/s.exec(word)!;
  const ours = Object.keys(FIRST_PARTY.data ?? {});
  const path = resolve(cwd, word);
  if (!ours.includes(name) && existsSync(path)) {
    if (statSync(path).isDirectory()) return { reference: await picturesOf(path) };
    if (extname(path).toLowerCase() === '.npz') return inArchive(await readBytes(path), word);
    throw tweedieError({
      subject: '--against',
      problem: 'this kind of file is not read',
      got: word,
      expected: 'a folder of pictures or a .npz',
    });
  }
  if (/[./\\]/.test(name.replace(/^@[^/]+\//, '')))
    throw tweedieError({ subject: '--against', problem: 'there is no such folder or file', got: word, remedy: 'check the path' });
  if (name === '' || (!ours.includes(name) && meant(name, ours) !== ''))
    throw tweedieError({
      subject: '--against',
      problem: 'there are no such data',
      got: word,
      expected: `${ours.join(', ')}, a folder of pictures, or a .npz`,
      remedy: `${meant(name, ours)}\`tweedie data list\` says what there is`,
    });
  return { flags: { 'data.use': name, ...(split === undefined ? {} : { 'data.split': split }) } };
};

const inArchive = async (bytes: Uint8Array, subject: string): Promise<Against> => {
  const arrays = decodeNpz(bytes, subject);
  if ('arr_0' in arrays || !('mu' in arrays || 'sigma' in arrays)) return { reference: samplesIn(arrays, subject) };
  return { statistics: await (await import('@tweedie/metrics')).readReferenceStatistics(bytes, subject) };
};
