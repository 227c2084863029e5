import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { tweedieError, type Dataset } from '@tweedie/core';
import { FIRST_PARTY } from '@tweedie/core/node';
import { meant } from '../config/nearest.ts';
import { picturesOf, samplesOf } from './found-images.ts';

/** Real data: settings of the section `data`, or images that were read. */
export type Against = { readonly flags: Readonly<Record<string, string>> } | { readonly reference: Dataset };

/**
 * Reads `--against`: a data set by NAME or NAME:SPLIT (ours come before a folder of the same name: write ./NAME for that), an npm
 * package that provides one, a folder of pictures, or a .npz of images.
 */
export const againstOf = async (word: string, cwd: string): Promise<Against> => {
  const [, name = '', split] = /^([^:]*)(?::(.*))?$/s.exec(word)!;
  const ours = Object.keys(FIRST_PARTY.data ?? {});
  const path = resolve(cwd, word);
  if (!ours.includes(name) && existsSync(path)) {
    if (statSync(path).isDirectory()) return { reference: await picturesOf(path) };
    if (extname(path).toLowerCase() === '.npz') return { reference: await samplesOf(path, word) };
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
