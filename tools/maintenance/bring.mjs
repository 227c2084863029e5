// @ts-check
/**
 * Engines and runtimes that npm has and `npm ci` does not bring: 420 MB that only the steps about them need. Installed together beside
 * what the lockfile says, without a trace in package.json: npm removes what an earlier installation of this kind brought.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const PACKAGES = { webgpu: '0.6.2', '@tensorflow/tfjs-backend-webgpu': '4.22.0', 'onnxruntime-node': '1.30.0' };

/** Why they cannot be had here, or undefined. @param {string} root @returns {string | undefined} */
export const bring = (root) => {
  const lacking = () =>
    Object.entries(PACKAGES).flatMap(([name, version]) => {
      const manifest = join(root, 'node_modules', name, 'package.json');
      return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version ? [] : [`${name}@${version}`];
    });
  if (lacking().length === 0) return undefined;
  const wanted = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const quick = ['--prefer-offline', '--fetch-retries=1', '--no-audit', '--no-fund'];
  spawnSync(npm, ['install', '--no-save', '--ignore-scripts', ...quick, ...wanted], { cwd: root, stdio: 'ignore' });
  const left = lacking();
  return left.length === 0 ? undefined : `npm could not install ${left.join(' ')}`;
};
