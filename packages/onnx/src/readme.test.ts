import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { checkReadmeBlock } from '@tweedie/conformance';
import { afterAll, expect, it, vi } from 'vitest';
import { withoutRuntime } from '../test/models.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const folder = fileURLToPath(new URL('../out-test/readme/', import.meta.url)); // in the package, so that its imports are the package's
afterAll(() => rm(folder, { recursive: true, force: true }));

const blocks = [...readme.matchAll(/^```ts( runtime)?\n([\s\S]*?)^```/gm)].map(([, runtime, code], i) => ({ runtime, code: code!, i }));

it('has code', () => expect(blocks.map(({ runtime }) => runtime)).toEqual([undefined, ' runtime']));

it.for(blocks)('its block $i runs, prints something and leaves no tensor', async ({ runtime, code, i }, { skip }) => {
  skip(runtime !== undefined && withoutRuntime !== undefined, withoutRuntime);
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}block-${i}.ts`, code);
  await checkReadmeBlock('@tweedie/onnx', () => vi.importActual(`${folder}block-${i}.ts`));
});
