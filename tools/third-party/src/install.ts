import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { install, npm, root } from './npm.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder outside the repository, which goes when the tests end. */
    readonly scratch: string;
    /** Ours and the stranger's, packed: tarballs by package name. */
    readonly tarballs: Readonly<Record<string, string>>;
    /** A folder with all of them installed. */
    readonly project: string;
  }
}

const manifestOf = (folder: string): { private?: boolean; devDependencies: Record<string, string> } =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { private?: boolean; devDependencies: Record<string, string> };

/** Packs ours and the stranger's, once, and installs the tarballs into an empty folder, as a user would from the registry. */
export default async ({ provide }: TestProject): Promise<() => Promise<void>> => {
  const scratch = mkdtempSync(join(tmpdir(), 'tweedie-third-party-'));
  const packed = join(scratch, 'tarballs');
  const project = join(scratch, 'project');
  for (const folder of [packed, project]) mkdirSync(folder);

  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  const tarballs: Record<string, string> = {};
  for (const folder of [...packages.filter((each) => !manifestOf(each).private), join(root, 'examples/third-party-plugin')]) {
    const [{ name, filename }] = JSON.parse(await npm(folder, 'pack', '--ignore-scripts', '--json', '--pack-destination', packed)) as [
      { name: string; filename: string },
    ];
    tarballs[name] = `file:${join(packed, filename)}`;
  }

  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'a-users-project',
      private: true,
      type: 'module',
      dependencies: { '@tensorflow/tfjs-core': '^4.22.0', vitest: manifestOf(root).devDependencies['vitest'], ...tarballs },
    }),
  );
  await install(project);
  // The plugin's own tests, run where it is installed.
  for (const file of ['test', 'vitest.config.js'])
    cpSync(join(root, 'examples/third-party-plugin', file), join(project, file), { recursive: true });
  provide('scratch', scratch);
  provide('tarballs', tarballs);
  provide('project', project);
  return () => rm(scratch, { recursive: true, force: true });
};
