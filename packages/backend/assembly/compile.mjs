/** AssemblyScript → bytes in TypeScript: `npm run compile -w @tweedie/backend`; with `--check` nothing is written, and other bytes than these fail. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const here = (file) => new URL(file, import.meta.url);
const target = here('../src/wasm/winograd/bytes.ts');

let bytes;
const { error, stderr } = await asc.main(
  ['winograd.ts', '--outFile', 'winograd.wasm', '--runtime', 'stub', '--importMemory', '--enable', 'simd', '-O3', '--noAssert'],
  {
    readFile: (name) => readFile(here(name), 'utf8').catch(() => null),
    writeFile: (name, contents) => {
      if (name === 'winograd.wasm') bytes = contents;
    },
    listFiles: () => [],
  },
);
if (error !== null) throw new Error(stderr.toString(), { cause: error });

const text = `/** What \`assembly/winograd.ts\` compiles to (${bytes.length} bytes): \`npm run compile -w @tweedie/backend\` writes this file. */
export const WINOGRAD =
  '${Buffer.from(bytes).toString('base64')}';
`;
if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8')) !== text)
    throw new Error('src/wasm/winograd/bytes.ts is not what assembly/ compiles to: npm run compile -w @tweedie/backend');
} else {
  await writeFile(here('../src/wasm/winograd/bytes.ts.part'), text);
  await rename(here('../src/wasm/winograd/bytes.ts.part'), target);
}
