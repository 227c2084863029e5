import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export const root = new URL('../../..', import.meta.url).pathname;

/** Runs npm in a folder; rejects with what it said. */
export const npm = async (cwd: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    cwd,
    env: { ...process.env, npm_config_workspaces: undefined },
  });
  return stdout;
};

/** Installs the dependencies of a folder's package.json, as a user would. */
export const install = (folder: string, ...args: string[]): Promise<string> =>
  npm(folder, 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...args);
