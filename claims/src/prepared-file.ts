import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { encodeStatistics, type Json, type StatisticsFile } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import type { Lab } from './claim.ts';
import { nameOf } from './store.ts';

/** A statistics file that is made when a cell first needs it, and by no document. */
export interface PreparedFile {
  /** Relative to the project: what a sampler names it by. */
  readonly path: string;
  /** Of the recipe, which decides the file but for an engine's rounding: stands in the keys of cells that need it. */
  readonly hash: string;
  /** Makes the file where it is not there yet. */
  make(): Promise<void>;
}

/** The file that `recipe` says, everything that decides it; claims share it. */
export const preparedFile = (
  { folder, root, print }: Lab,
  recipe: { readonly kind: string; readonly [name: string]: Json },
  estimate: () => Promise<StatisticsFile>,
): PreparedFile => {
  const hash = nameOf(recipe);
  const path = join(dirname(folder), 'statistics', `${recipe.kind}-${hash}.safetensors`);
  return {
    path: relative(root, path),
    hash,
    make: async () => {
      if (existsSync(path)) return;
      print(`  making ${relative(root, path)}`);
      const { header, tensors } = await estimate();
      await writeFileAtomic(path, encodeStatistics({ header, tensors }));
    },
  };
};

/** The same lab, whose cells have these files before they are made. */
export const needing = (lab: Lab, files: readonly PreparedFile[]): Lab => ({
  ...lab,
  cell: (key, make) =>
    lab.cell(key, async () => {
      for (const file of files) await file.make();
      return make();
    }),
});
