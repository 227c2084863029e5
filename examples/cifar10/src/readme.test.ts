import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';

it('README: its code runs and says something', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
  expect(blocks.length).toBeGreaterThan(0);
  const folder = fileURLToPath(new URL('../out-test/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const log = vi.spyOn(console, 'log').mockReturnValue();
  try {
    for (const [i, code] of blocks.entries()) {
      await writeFile(`${folder}readme-${i}.ts`, code);
      await vi.importActual(`${folder}readme-${i}.ts`);
    }
    expect(log).toHaveBeenCalled();
  } finally {
    log.mockRestore();
    await rm(folder, { recursive: true });
  }
});
