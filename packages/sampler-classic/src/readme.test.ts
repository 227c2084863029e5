import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import plugin from './index.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

describe('README.md', () => {
  it('names every method and every option of it', () => {
    for (const { name, options } of plugin.provides) {
      expect(readme).toContain(`\`${name}\``);
      const { properties = {} } = options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as { properties?: object };
      for (const option of Object.keys(properties)) expect(readme).toContain(`\`${option}\``);
    }
  });

  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
  it.each(blocks.map((code, i) => [i, code] as const))('has a code block %i that runs and leaves no tensor', async (i, code) => {
    const folder = new URL('../out-tsc/readme/', import.meta.url);
    await mkdir(folder, { recursive: true });
    await writeFile(new URL(`block-${i}.ts`, folder), code);
    const log = vi.spyOn(console, 'log').mockReturnValue();
    const before = memory().numTensors;
    await import(/* @vite-ignore */ new URL(`block-${i}.ts`, folder).pathname);
    expect(memory().numTensors).toBe(before);
    expect(log).toHaveBeenCalled();
    log.mockRestore();
  });
});
