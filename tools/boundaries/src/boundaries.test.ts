import { createProjectGraphAsync } from '@nx/devkit';
import { ESLint } from 'eslint';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';
import { beforeAll, describe, expect, it } from 'vitest';

/** The rules of the house are only as good as the violations that they catch: each is planted here, in a file that exists nowhere. */
const root = new URL('../../..', import.meta.url).pathname;
let eslint: ESLint;

beforeAll(async () => {
  process.env['NX_DAEMON'] = 'false';
  await createProjectGraphAsync(); // the rule reads the cached graph
  // A file that is not on disk has no types; the rules of this test need none.
  eslint = new ESLint({ cwd: root, overrideConfig: [{ ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] }] });
});

const rulesBroken = async (file: string, code: string): Promise<string[]> => {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: join(root, file) });
  return (result?.messages ?? []).map((message) => `${message.ruleId ?? 'parse error'}: ${message.message}`);
};

const BOUNDARY = '@nx/enforce-module-boundaries';
const IMPORT = '@typescript-eslint/no-restricted-imports';
const SYNTAX = 'no-restricted-syntax';
const uses = (specifier: string): string => `import * as x from '${specifier}';\nexport const y = x;`;

const planted: readonly (readonly [what: string, file: string, code: string, rule: string])[] = [
  ['core imports a leaf', 'packages/core/src/planted.ts', uses('@tweedie/sampler-classic'), BOUNDARY],
  ['core imports analytic', 'packages/core/src/planted.ts', uses('@tweedie/analytic'), BOUNDARY],
  ['analytic imports a leaf', 'packages/analytic/src/planted.ts', uses('@tweedie/networks'), BOUNDARY],
  ['a leaf imports a leaf', 'packages/sampler-classic/src/planted.ts', uses('@tweedie/networks'), BOUNDARY],
  ['an objective imports a sampler', 'packages/objective-classic/src/planted.ts', uses('@tweedie/sampler-classic'), BOUNDARY],
  ['a metric imports data', 'packages/metrics/src/planted.ts', uses('@tweedie/data'), BOUNDARY],
  ['a leaf imports the kit in its source', 'packages/sampler-classic/src/planted.ts', uses('@tweedie/conformance'), BOUNDARY],
  ['onnx imports networks', 'packages/onnx/src/planted.ts', uses('@tweedie/networks'), BOUNDARY],
  ['node: in onnx outside the runtime', 'packages/onnx/src/planted.ts', uses('node:fs'), IMPORT],
  ['a leaf imports backend', 'packages/networks/src/planted.ts', uses('@tweedie/backend'), BOUNDARY],
  ['the test of a leaf imports backend', 'packages/networks/src/planted.test.ts', uses('@tweedie/backend'), BOUNDARY],
  ['the test of core imports the kit', 'packages/core/src/planted.test.ts', uses('@tweedie/conformance'), BOUNDARY],
  ['conformance imports a leaf', 'packages/conformance/src/planted.ts', uses('@tweedie/sampler-classic'), BOUNDARY],
  ['backend imports analytic', 'packages/backend/src/planted.ts', uses('@tweedie/analytic'), BOUNDARY],
  ['a leaf reaches into core', 'packages/metrics/src/planted.ts', uses('../../core/src/index.ts'), BOUNDARY],
  ['tsyringe in a leaf', 'packages/objective-classic/src/planted.ts', uses('tsyringe'), IMPORT],
  ['tsyringe elsewhere in core', 'packages/core/src/plugin/planted.ts', uses('tsyringe'), IMPORT],
  ['tsyringe in a command', 'packages/cli/src/planted.ts', uses('tsyringe'), IMPORT],
  ['tsyringe in a test', 'packages/core/src/plugin/planted.test.ts', uses('tsyringe'), IMPORT],
  ['reflect-metadata in a leaf', 'packages/metrics/src/planted.ts', "import 'reflect-metadata';", IMPORT],
  ['node: in a sampler', 'packages/sampler-classic/src/planted.ts', uses('node:fs'), IMPORT],
  ['node: in networks', 'packages/networks/src/planted.ts', uses('node:path'), IMPORT],
  ['node: in core outside core/src/node', 'packages/core/src/run/planted.ts', uses('node:fs/promises'), IMPORT],
  ['an engine in a leaf', 'packages/sampler-classic/src/planted.ts', uses('@tensorflow/tfjs-backend-wasm'), IMPORT],
  ['the umbrella in a leaf', 'packages/networks/src/planted.ts', uses('@tensorflow/tfjs'), IMPORT],
  ['tfjs-node in core', 'packages/core/src/planted.ts', uses('@tensorflow/tfjs-node'), IMPORT],
  ['an engine in a test', 'packages/networks/src/planted.test.ts', uses('@tensorflow/tfjs-backend-cpu'), IMPORT],
  ['dataSync in a leaf', 'packages/metrics/src/planted.ts', 'export const f = (x: { dataSync(): number[] }) => x.dataSync();', SYNTAX],
  ['arraySync in core', 'packages/core/src/planted.ts', 'export const f = (x: { arraySync(): number[] }) => x.arraySync();', SYNTAX],
  ['Math.random in a sampler', 'packages/sampler-classic/src/planted.ts', 'export const f = () => Math.random();', SYNTAX],
  ['Math.random in a test', 'packages/sampler-classic/src/planted.test.ts', 'export const f = () => Math.random();', SYNTAX],
  ['a class in core', 'packages/core/src/planted.ts', 'export class Sampler { x = 1; }', SYNTAX],
  ['two leaves whose tests import each other', 'packages/data/src/planted.test.ts', uses('@tweedie/metrics'), BOUNDARY],
  ['export * in an index', 'packages/metrics/src/index.ts', "export * from './planted.ts';", SYNTAX],
  ['any', 'packages/core/src/planted.ts', 'export const f = (x: any): unknown => x;', '@typescript-eslint/no-explicit-any'],
  [
    'an import only for its type',
    'packages/metrics/src/planted.ts',
    "import { Noise } from '@tweedie/core';\nexport type N = Noise;",
    '@typescript-eslint/consistent-type-imports',
  ],
];

describe('lint reports', () => {
  it.each(planted)('%s', async (_what, file, code, rule) => {
    expect((await rulesBroken(file, code)).join('\n')).toContain(`${rule}: `);
  });
});

const permitted: readonly (readonly [what: string, file: string, code: string])[] = [
  [
    'a leaf imports core and analytic',
    'packages/sampler-classic/src/planted.ts',
    uses('@tweedie/core') + uses('@tweedie/analytic').replaceAll(/\b[xy]\b/g, '$&2'),
  ],
  ['analytic imports core', 'packages/analytic/src/planted.ts', uses('@tweedie/core')],
  ['the test of a leaf imports the kit', 'packages/sampler-classic/src/planted.test.ts', uses('@tweedie/conformance')],
  ['the test of a leaf imports a sibling', 'packages/metrics/src/planted.test.ts', uses('@tweedie/data')],
  ['conformance imports backend', 'packages/conformance/src/planted.ts', uses('@tweedie/backend')],
  ['the container imports tsyringe', 'packages/core/src/plugin/container.ts', "import 'reflect-metadata';\n" + uses('tsyringe')],
  ['core/src/node imports node:fs', 'packages/core/src/node/planted.ts', uses('node:fs')],
  ['a test imports node:fs', 'packages/core/src/planted.test.ts', uses('node:fs')],
  ['backend imports an engine', 'packages/backend/src/planted.ts', uses('@tensorflow/tfjs-backend-wasm')],
  ['a command imports a leaf', 'packages/cli/src/planted.ts', uses('@tweedie/sampler-classic')],
  ['an example imports backend', 'examples/swiss-roll/src/planted.ts', uses('@tweedie/backend')],
  ['a leaf imports tfjs-core', 'packages/metrics/src/planted.ts', uses('@tensorflow/tfjs-core')],
];

describe('lint permits', () => {
  it.each(permitted)('%s', async (_what, file, code) => {
    expect(await rulesBroken(file, code)).toEqual([]);
  });
});
