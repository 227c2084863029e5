// @ts-check
/**
 * npm run version-packages
 *
 * Turns the waiting changesets into versions and changelogs, then carries each version to where a plugin states it
 * (`version: '…'` in its source) and into the lockfile.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const root = new URL('../..', import.meta.url).pathname;
const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

execFileSync(npx, ['--no-install', 'changeset', 'version'], { cwd: root, stdio: 'inherit' });
for (const name of readdirSync(join(root, 'packages'))) {
  const { version } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
  const source = join(root, 'packages', name, 'src');
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const before = readFileSync(join(source, file), 'utf8');
    const after = before.replace(/^( {2}version: ')[^']+(',)$/m, `$1${version}$2`);
    if (after !== before) writeFileSync(join(source, file), after);
  }
}
execFileSync(npm, ['install', '--package-lock-only', '--ignore-scripts'], { cwd: root, stdio: 'inherit' });
