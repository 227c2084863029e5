import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { tweedieError, type Json } from '@tweedie/core';
import { canonicalJson, sha256, writeFileAtomic } from '@tweedie/core/node';
import type { Lab } from './claim.ts';

/** A stored cell: what was asked, what came of it, and where. */
export interface StoredCell {
  readonly schema: 'tweedie/claims-cell@1';
  readonly key: { readonly [name: string]: Json };
  readonly value: Json;
  /** How it was made: none of this decides the value but for rounding. */
  readonly made: { readonly engine: string; readonly commit: string; readonly date: string; readonly seconds: number };
}

export interface Store {
  readonly cell: Lab['cell'];
  /** Cells that were read or made since the store was opened. */
  readonly used: readonly StoredCell[];
}

export interface StoreOptions {
  readonly folder: string;
  /** The claim that the cells belong to: a folder of their own. */
  readonly claim: string;
  /** Said of every cell that is made; without it cells are only read, and a missing one is an error with the code `MISSING`. */
  readonly made?: () => Omit<StoredCell['made'], 'seconds'>;
  readonly onMade?: (cell: StoredCell) => void;
}

export const nameOf = (key: StoredCell['key']): string => sha256(canonicalJson(key as Json)).slice(0, 16);

/** Cells as files, `<folder>/<claim>/<hash of the key>.json`, each written whole or not at all. */
export const openStore = ({ folder, claim, made, onMade = () => undefined }: StoreOptions): Store => {
  const used: StoredCell[] = [];
  const cell: Lab['cell'] = async <T extends Json>(key: StoredCell['key'], make: () => Promise<T>): Promise<T> => {
    const path = join(folder, claim, `${nameOf(key)}.json`);
    const found = await readCell(path, key);
    if (found !== undefined) {
      used.push(found);
      return found.value as T;
    }
    if (made === undefined)
      throw tweedieError({
        subject: `claim ${claim}`,
        problem: 'a cell was not made yet',
        got: canonicalJson(key as Json).slice(0, 200),
        remedy: `run \`npm run claims -- --only ${claim}\``,
        code: 'MISSING',
      });
    const about = made();
    const began = performance.now();
    const value = await make();
    const stored: StoredCell = {
      schema: 'tweedie/claims-cell@1',
      key,
      value,
      made: { ...about, seconds: Math.round(performance.now() - began) / 1000 },
    };
    await writeFileAtomic(path, `${JSON.stringify(stored, null, 1)}\n`);
    used.push(stored);
    onMade(stored);
    return value;
  };
  return { cell, used };
};

/** A file that is damaged or holds another key is no obstacle: its cell is made anew. */
const readCell = async (path: string, key: StoredCell['key']): Promise<StoredCell | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const cell = JSON.parse(text) as StoredCell;
    return cell.schema === 'tweedie/claims-cell@1' && canonicalJson(cell.key as Json) === canonicalJson(key as Json) ? cell : undefined;
  } catch {
    return undefined;
  }
};
