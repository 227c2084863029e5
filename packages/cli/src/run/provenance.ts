import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const versionOf = (packageName: string): string => (require(`${packageName}/package.json`) as { readonly version: string }).version;

/** The versions that a result depends on. */
export const versions = (): Readonly<Record<string, string>> =>
  Object.freeze({
    '@tweedie/cli': (require('../../package.json') as { readonly version: string }).version,
    '@tensorflow/tfjs-core': versionOf('@tensorflow/tfjs-core'),
    node: process.versions.node,
  });

export const platform = (): string => `${process.platform} ${process.arch}`;

/** The commit of the project that a run was started in, if it is one of git. */
export const gitOf = async (cwd: string): Promise<{ readonly commit: string; readonly changed: boolean } | undefined> => {
  const git = async (...args: string[]): Promise<string> => (await promisify(execFile)('git', args, { cwd, timeout: 5000 })).stdout.trim();
  try {
    const [commit, status] = await Promise.all([git('rev-parse', 'HEAD'), git('status', '--porcelain', '--untracked-files=no')]);
    return { commit, changed: status !== '' };
  } catch {
    return undefined;
  }
};
