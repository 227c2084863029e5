import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';

/** READMEs of the house and of packages that may not test their own with the packages built on them. */
const PAGES = [
  '../../../README.md',
  '../../../packages/core/README.md',
  '../../../packages/analytic/README.md',
  '../../../packages/backend/README.md',
];

const blocks = await Promise.all(
  PAGES.map(async (page) => {
    const text = await readFile(new URL(page, import.meta.url), 'utf8');
    return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], i) => [page.replaceAll('../', ''), i, code!] as const);
  }),
);

describe('README', () => {
  it('has code', () => {
    for (const page of blocks) expect(page.length).toBeGreaterThan(0);
  });

  it.each(blocks.flat())('%s: code block %i runs', async (page, i, code) => {
    const folder = new URL('../out-tsc/readme/', import.meta.url);
    await mkdir(folder, { recursive: true });
    const file = new URL(`${page.replaceAll('/', '-')}-${i}.ts`, folder);
    await writeFile(file, code);
    const quiet = [vi.spyOn(console, 'log').mockReturnValue(), vi.spyOn(console, 'error').mockReturnValue()];
    try {
      await import(/* @vite-ignore */ file.pathname);
    } finally {
      quiet.forEach((spy) => spy.mockRestore());
    }
  });
});
