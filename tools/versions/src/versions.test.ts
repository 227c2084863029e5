import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

/** `changeset version`, run on a scratch copy of every package.json: what a bump of one package does to the others. */
const root = new URL('../../..', import.meta.url).pathname;
const require = createRequire(import.meta.url);
const changeset = join(dirname(require.resolve('@changesets/cli/package.json')), 'bin.js');

type Manifest = Record<string, unknown> & { name: string; version: string; peerDependencies?: Record<string, string> };
const read = (file: string): Manifest => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const write = (file: string, value: unknown): void => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

const scratches: string[] = [];
afterEach(() => scratches.splice(0).forEach((scratch) => rmSync(scratch, { recursive: true, force: true })));

const published = readdirSync(join(root, 'packages'));

/** A git repository that holds only manifests and the changesets configuration. */
const scratchCopy = (edit: (manifest: Manifest) => Manifest = (manifest) => manifest): string => {
  const scratch = mkdtempSync(join(tmpdir(), 'tweedie-versions-'));
  scratches.push(scratch);
  write(join(scratch, 'package.json'), { name: 'scratch', private: true, workspaces: ['packages/*'] });
  writeFileSync(join(scratch, 'package-lock.json'), '{}');
  for (const name of published) {
    mkdirSync(join(scratch, 'packages', name), { recursive: true });
    write(
      join(scratch, 'packages', name, 'package.json'),
      edit({ ...read(join(root, 'packages', name, 'package.json')), version: '0.1.0' }),
    );
  }
  mkdirSync(join(scratch, '.changeset'));
  cpSync(join(root, '.changeset/config.json'), join(scratch, '.changeset/config.json'));
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: scratch, stdio: 'pipe' });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'scratch');
  return scratch;
};

/** Bumps, by package; returns the versions after `changeset version`, by package. */
const versionsAfter = (scratch: string, bumps: Record<string, 'patch' | 'minor' | 'major'>): Record<string, string> => {
  const lines = Object.entries(bumps).map(([name, bump]) => `'@tweedie/${name}': ${bump}`);
  writeFileSync(join(scratch, '.changeset/planted.md'), `---\n${lines.join('\n')}\n---\n\nA change.\n`);
  execFileSync(process.execPath, [changeset, 'version'], { cwd: scratch, stdio: 'pipe' });
  return Object.fromEntries(published.map((name) => [name, read(join(scratch, 'packages', name, 'package.json')).version]));
};
const allBut = (changed: Record<string, string>): Record<string, string> =>
  Object.fromEntries(published.map((name) => [name, changed[name] ?? '0.1.0']));

describe('changeset version', () => {
  it('bumps the package that changed and no other', () => {
    expect(versionsAfter(scratchCopy(), { 'sampler-classic': 'patch' })).toEqual(allBut({ 'sampler-classic': '0.1.1' }));
    expect(versionsAfter(scratchCopy(), { 'objective-classic': 'minor' })).toEqual(allBut({ 'objective-classic': '0.2.0' }));
  });

  it('leaves every package alone when core gets a minor', () => {
    expect(versionsAfter(scratchCopy(), { core: 'minor' })).toEqual(allBut({ core: '0.2.0' }));
  });

  it('gives every package that waits for its first release its own minor', () => {
    const scratch = scratchCopy();
    for (const file of readdirSync(join(root, '.changeset')).filter((name) => name.startsWith('first-'))) {
      cpSync(join(root, '.changeset', file), join(scratch, '.changeset', file));
    }
    for (const version of Object.values(versionsAfter(scratch, {}))) expect(version).toMatch(/^0\.[12]\.0$/);
  });

  it('releases what can no longer stand beside core 1.0.0', () => {
    const scratch = scratchCopy();
    const versions = versionsAfter(scratch, { core: 'major' });
    expect(versions['core']).toBe('1.0.0');
    expect(versions['sampler-classic']).toBe('1.0.0');
    expect(read(join(scratch, 'packages/sampler-classic/package.json')).peerDependencies?.['@tweedie/core']).toMatch(/1\.0\.0/);
  });

  it('would make every plugin 1.0.0 if they peered on ^0.1.0: the trap that the ranges avoid', () => {
    const caret = (manifest: Manifest): Manifest =>
      manifest.peerDependencies?.['@tweedie/core'] === undefined
        ? manifest
        : { ...manifest, peerDependencies: { ...manifest.peerDependencies, '@tweedie/core': '^0.1.0' } };
    expect(versionsAfter(scratchCopy(caret), { core: 'minor' })['sampler-classic']).toBe('1.0.0');
  });
});

describe('a plugin that states its version', () => {
  const stated = published.flatMap((name) => {
    const source = join(root, 'packages', name, 'src');
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
    );
    return files.flatMap((file) =>
      [...readFileSync(join(source, file), 'utf8').matchAll(/^ {2}version: '([^']+)',$/gm)].map(([, version]) => ({ name, file, version })),
    );
  });

  it.each(stated)('says that of its package.json: $name in $file', ({ name, version }) => {
    expect(version).toBe(read(join(root, 'packages', name, 'package.json')).version);
  });
  it('is more than one', () => expect(stated.length).toBeGreaterThan(2));
});
