import { existsSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { tweedieError, type Dataset } from '@tweedie/core';
import { WEIGHTS } from '@tweedie/core/node';
import { CONFIG_FILE, RECORD_FILE } from '../run/run-folder.ts';
import { picturesOf, samplesOf } from './found-images.ts';

/** What is to be judged: a run that images are drawn from, or images that are there. */
export type Target = { readonly run: string } | { readonly samples: Dataset };

/** Reads the first word of `tweedie evaluate`: a RUN folder or its weights, a folder of pictures, a .npz. Pictures are read whole. */
export const targetOf = async (word: string, cwd: string): Promise<Target> => {
  const path = resolve(cwd, word);
  if (!existsSync(path))
    throw tweedieError({
      subject: word,
      problem: 'there is no such run, folder or file',
      expected: `a RUN folder or a ${WEIGHTS}, a folder of pictures, or a .npz of samples`,
      remedy: 'check the path',
    });
  if (statSync(path).isDirectory()) {
    const isRun = [WEIGHTS, CONFIG_FILE, RECORD_FILE].some((name) => existsSync(join(path, name)));
    return isRun ? { run: word } : { samples: await picturesOf(path) };
  }
  const kind = extname(path).toLowerCase();
  if (kind === '.npz') return { samples: await samplesOf(path, word) };
  if (kind === '.safetensors') return { run: word };
  throw tweedieError({
    subject: word,
    problem: 'this kind of file is not judged',
    got: kind === '' ? 'a file' : kind,
    expected: 'a .npz of samples, a .safetensors of weights, or a folder',
    remedy: 'one picture is no set of them: give its folder',
  });
};
