import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tweedieError } from '../contracts/error.ts';

/** Writes a file whole or not at all: to a sibling first, flushed, then renamed over the old one. Makes the folder if need be. */
export const writeFileAtomic = async (path: string, content: Uint8Array | string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
  try {
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw tweedieError({
      subject: path,
      problem: 'the file could not be written; what was there is untouched',
      got: cause instanceof Error ? cause.message : cause,
      remedy: 'check the free space and the permissions of its folder',
      cause,
    });
  }
};

/** Reads a file whole, or says in one sentence why not. */
export const readBytes = async (path: string, remedy = 'check the path'): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (cause) {
    throw tweedieError({
      subject: path,
      problem: 'the file cannot be read',
      got: (cause as NodeJS.ErrnoException).code ?? cause,
      remedy,
      cause,
    });
  }
};

/** Reads a JSON file, or says in one sentence why not. */
export const readJson = async (path: string, remedy?: string): Promise<unknown> => {
  const text = new TextDecoder().decode(await readBytes(path, remedy));
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw tweedieError({
      subject: path,
      problem: 'this is no JSON',
      got: cause instanceof Error ? cause.message : cause,
      remedy: remedy ?? 'restore the file',
      cause,
    });
  }
};
