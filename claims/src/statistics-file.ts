import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { main } from '@tweedie/cli';
import { tweedieError } from '@tweedie/core';
import type { Lab } from './claim.ts';

/**
 * A file of `tweedie stats KIND SOURCE …flags`, made where it is not there yet. Returns its path relative to the project, which is
 * what a cell's sampler names it by: the same wherever the project lies.
 */
export const statisticsFile = async (
  { folder, root, print }: Lab,
  { kind, source, flags = [] }: { readonly kind: string; readonly source: string; readonly flags?: readonly string[] },
): Promise<string> => {
  const path = join(folder, `${[kind, ...flags].join(' ').replaceAll(/[^\w.]+/g, '-')}.safetensors`);
  if (!existsSync(path)) {
    let said = '';
    const code = await main(['stats', kind, source, '--out', path, ...flags], {
      stdout: () => undefined,
      stderr: (text) => (said += text),
      cwd: root,
      interactive: false,
    });
    if (code !== 0) throw tweedieError({ subject: `statistics ${kind}`, problem: 'they could not be made', got: said.trim() });
    print(`  made ${relative(root, path)}`);
  }
  return relative(root, path);
};
