import type { Plugin } from '@tweedie/core';
import { afterAll, describe, it, vi } from 'vitest';
import { expectNoLeak } from './leak.ts';
import { broken } from './verdict.ts';

/**
 * Registers the tests of a plugin's README, `new URL('../README.md', import.meta.url)`: it names every method and every option, and
 * each of its `ts` and `js` blocks runs, prints something and leaves no tensor. On Node only.
 */
export const testReadme = (plugin: Plugin, url: URL | string): void => {
  describe(`README of ${plugin.name}`, async () => {
    // Here, so that the kit can be loaded where there are no files.
    const { mkdir, readFile, rm, writeFile } = await import('node:fs/promises');
    const { fileURLToPath } = await import('node:url');
    const readme = await readFile(new URL(url), 'utf8');
    const folder = fileURLToPath(new URL('out-test/readme/', url)); // in the package, so that its imports are the package's
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('names every method and every option', () => checkReadmeNames(plugin, readme));
    it('shows its use', () => {
      if (blocksOf(readme).length === 0) broken(plugin.name, 'its README has no code', undefined, 'a block of ts or js that runs');
    });
    it.each(blocksOf(readme))('its code at line $line runs, prints something and leaves no tensor', async ({ language, line, code }) => {
      const file = `${folder}line-${line}.${language}`;
      await mkdir(folder, { recursive: true });
      await writeFile(file, code);
      // Through vitest, which reads TypeScript, also where this package is installed.
      await checkReadmeBlock(plugin.name, () => vi.importActual(file));
    });
  });
};

/** Holds that a README names, as code, every method of a plugin and every option of it. */
export const checkReadmeNames = (plugin: Plugin, readme: string): void => {
  for (const { kind, name, options } of plugin.provides) {
    const { properties = {} } = options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as { properties?: object };
    const missing = [name, ...Object.keys(properties)].filter((word) => !readme.includes(`\`${word}\``));
    if (missing.length > 0)
      broken(
        plugin.name,
        `its README does not name all of ${kind} ${name}`,
        undefined,
        missing.map((word) => `\`${word}\``).join(', '),
        'name the method, and each option in the table of options',
      );
  }
};

/** Holds that a block of code, run by `run`, prints something and leaves no tensor. */
export const checkReadmeBlock = async (who: string, run: () => Promise<unknown>): Promise<void> => {
  const log = vi.spyOn(console, 'log').mockReturnValue();
  try {
    await expectNoLeak(who, 'when its README is followed', async () => void (await run()));
    if (log.mock.calls.length === 0)
      broken(who, 'a block of its README prints nothing', undefined, 'a result that the reader can compare', 'end it with console.log');
  } finally {
    log.mockRestore();
  }
};

/** The blocks of code that a reader would run, with the line of each. */
export const blocksOf = (readme: string): readonly { readonly language: string; readonly line: number; readonly code: string }[] =>
  [...readme.matchAll(/^```(ts|js)\n([\s\S]*?)^```/gm)].map(({ 1: language, 2: code, index }) => ({
    language: language!,
    line: readme.slice(0, index).split('\n').length,
    code: code!,
  }));
