import { type Tree } from '@nx/devkit';
import { ESLint } from 'eslint';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { flushChanges, FsTree } from 'nx/src/generators/tree.js';
import tseslint from 'typescript-eslint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A method of each kind is generated into a scratch copy of the workspace, and is then what CI would have it be. */
const root = new URL('../../..', import.meta.url).pathname;
const require = createRequire(import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), 'tweedie-generators-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

type Generator = (tree: Tree, options: { kind: string; name: string; title: string; arxiv?: string | number }) => Promise<() => void>;
const { default: generate } = require('../method/generator.cjs') as { default: Generator };

/** Runs a program of node_modules; rejects with what it printed. */
const run = async (program: string, args: string[], cwd = scratch): Promise<string> => {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd,
      env: {
        ...process.env,
        CI: 'true',
        NO_COLOR: '1',
        FORCE_COLOR: undefined,
        NX_DAEMON: 'false',
        VITEST: undefined,
        VITEST_POOL_ID: undefined,
        VITEST_WORKER_ID: undefined,
      },
    });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(stdout + stderr, { cause: error });
  }
};

const title = 'A method\'s "title", $x$ & all';
const method = { name: 'scratch-made', title, arxiv: '2306.14878' };

beforeAll(async () => {
  for (const file of ['tsconfig.base.json', 'vitest.shared.ts', 'vitest.engine.ts', '.prettierrc.json', '.prettierignore', 'LICENSE'])
    copyFileSync(join(root, file), join(scratch, file));
  writeFileSync(join(scratch, 'package.json'), JSON.stringify({ name: 'scratch', private: true, type: 'module' }));
  mkdirSync(join(scratch, 'packages/sampler-classic'), { recursive: true });
  copyFileSync(join(root, 'packages/sampler-classic/package.json'), join(scratch, 'packages/sampler-classic/package.json'));
  symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'));
  for (const kind of ['objective', 'sampler', 'metric']) {
    const tree = new FsTree(scratch, false);
    await generate(tree, { kind, ...method });
    flushChanges(scratch, tree.listChanges());
    // References to siblings, which the scratch copy does not have.
    const file = join(scratch, 'packages', `${kind}-scratch-made`, 'tsconfig.lib.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/"\.\.\/(core|conformance)\//g, `"${join(root, 'packages')}/$1/`));
  }
});

it('has a template for each kind', () =>
  expect(readdirSync(join(root, 'tools/generators/method/files')).toSorted()).toEqual(['metric', 'objective', 'package', 'sampler']));

describe.each(['objective', 'sampler', 'metric'])('a generated %s', (kind) => {
  const folder = join(scratch, 'packages', `${kind}-scratch-made`);

  it('is shaped like its siblings', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    const sibling = JSON.parse(readFileSync(join(root, 'packages/sampler-classic/package.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(manifest).toSorted()).toEqual(Object.keys(sibling).toSorted());
    for (const key of ['license', 'type', 'keywords', 'sideEffects', 'exports', 'files', 'engines', 'dependencies'])
      expect(manifest[key]).toEqual(sibling[key]);
    expect(manifest['nx']).toEqual({ tags: [`kind:${kind}`] });
    expect(readdirSync(folder).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
      'src',
      'tsconfig.json',
      'tsconfig.lib.json',
      'tsconfig.spec.json',
      'vitest.config.ts',
    ]);
    expect(readdirSync(join(folder, 'src')).toSorted()).toEqual(['index.ts', 'readme.test.ts', 'scratch-made.test.ts', 'scratch-made.ts']);
    expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });

  it('brings its changeset and its README', () => {
    expect(readFileSync(join(scratch, `.changeset/first-${kind}-scratch-made.md`), 'utf8')).toContain(
      `'@tweedie/${kind}-scratch-made': minor`,
    );
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const heading of ['Use', 'Options', 'Differences from the paper', 'Reference']) expect(readme).toContain(`\n## ${heading}\n`);
    expect(readme).toContain('https://arxiv.org/abs/2306.14878');
    expect(readme).toContain(`${title}: in one sentence`);
    expect(readme).toContain(`_${title}_, 2023`);
    for (const leftover of ['<%', '&#39;', '&#34;', '&amp;']) expect(readme).not.toContain(leftover);
  });

  it('is formatted, and lint has nothing to say', async () => {
    await run('prettier/bin/prettier.cjs', ['--check', `packages/${basename(folder)}`]);
    const eslint = new ESLint({ cwd: root, overrideConfig: [{ ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] }] });
    for (const file of readdirSync(join(folder, 'src'))) {
      const [result] = await eslint.lintText(readFileSync(join(folder, 'src', file), 'utf8'), {
        filePath: join(root, 'packages', basename(folder), 'src', file),
      });
      expect(result?.messages.map(({ message }) => message)).toEqual([]);
    }
  });

  it('typechecks', async () => {
    await run('typescript/bin/tsc', ['--build', folder]);
  });

  it('passes the conformance kit', async () => {
    const printed = await run('vitest/vitest.mjs', ['run', '--root', folder]);
    const [, passed] = /Tests\s+(\d+) passed \(\d+\)/.exec(printed) ?? [];
    expect(Number(passed)).toBeGreaterThan(6);
  });
});

it('is refused where it stands already, or where its name is none', async () => {
  await expect(generate(new FsTree(scratch, false), { kind: 'sampler', ...method })).rejects.toThrow(/exists already/);
  await expect(generate(new FsTree(scratch, false), { kind: 'sampler', name: 'No Name', title })).rejects.toThrow(/no name for a sampler/);
});

it.each<[given: string | number, number: string, year: number]>([
  ['2302.00670', '2302.00670', 2023],
  [2302.0067, '2302.00670', 2023],
  [2306.14878, '2306.14878', 2023],
  [1412.698, '1412.6980', 2014],
  [1501.00001, '1501.00001', 2015],
  [705.0001, '0705.0001', 2007],
])('reads %s, of which the command line makes a number, as arXiv %s', async (given, number, year) => {
  const tree = new FsTree(scratch, false);
  await generate(tree, { kind: 'objective', name: 'numbered', title, arxiv: given });
  expect(tree.read('packages/objective-numbered/README.md', 'utf8')).toContain(`_, ${year}, [${number}](https://arxiv.org/abs/${number}).`);
  expect(tree.read('packages/objective-numbered/src/numbered.ts', 'utf8')).toContain(`eprint = {${number}},`);
});

it('is found by nx g', async () => {
  const printed = await run(
    'nx/dist/bin/nx.js',
    ['g', '@tweedie/generators:method', 'sampler', 'scratch-made', '--title=A title', '--dry-run', '--no-interactive'],
    root,
  );
  expect(printed).toContain('CREATE packages/sampler-scratch-made/src/scratch-made.ts');
});
