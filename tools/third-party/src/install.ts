import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder outside the repository with our tarballs and the stranger's installed. */
    readonly project: string;
  }
}

const root = new URL('../../..', import.meta.url).pathname;
const npm = (cwd: string, ...args: string[]): string =>
  execFileSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_config_workspaces: undefined },
  });

/** Packs ours and the stranger's, and installs the tarballs into an empty folder, as a user would from the registry. */
export default ({ provide }: TestProject): (() => Promise<void>) => {
  const scratch = mkdtempSync(join(tmpdir(), 'tweedie-third-party-'));
  const tarballs = join(scratch, 'tarballs');
  const project = join(scratch, 'project');
  mkdirSync(tarballs);
  mkdirSync(project);

  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  const published = packages.filter(
    (folder) => !(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { private?: boolean }).private,
  );
  for (const folder of [...published, join(root, 'examples/third-party-plugin')])
    npm(folder, 'pack', '--ignore-scripts', '--silent', '--pack-destination', tarballs);

  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'a-users-project',
      private: true,
      type: 'module',
      dependencies: {
        '@tensorflow/tfjs-core': '^4.22.0',
        vitest: devDependencies['vitest'],
        ...Object.fromEntries(
          readdirSync(tarballs).map((file) => {
            const name = /^(tweedie)-(?!plugin-example)(.*)-\d+\.\d+\.\d+\.tgz$/.exec(file);
            return [name === null ? 'tweedie-plugin-example' : `@tweedie/${name[2]}`, `file:${join(tarballs, file)}`];
          }),
        ),
      },
    }),
  );
  npm(project, 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent');
  // The plugin's own tests, run where it is installed.
  for (const file of ['test', 'vitest.config.js'])
    cpSync(join(root, 'examples/third-party-plugin', file), join(project, file), { recursive: true });
  provide('project', project);
  return () => rm(scratch, { recursive: true, force: true });
};
