// @ts-check
/**
 * node tools/maintenance/check-package.mjs packages/core
 *
 * Packs a built package and looks at the tarball as a stranger would get it: the files that must and must not be there,
 * `publint --strict`, and `attw` with the profile for packages that are ESM only.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

const folder = resolve(process.argv[2] ?? '.');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'tweedie-package-'));
const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** @type {string[]} */
const problems = [];
const expect = (/** @type {unknown} */ truth, /** @type {string} */ problem) => truth || problems.push(problem);

/** Runs a checker; what it prints is shown only if it complains. */
const check = (/** @type {string} */ what, /** @type {string[]} */ args) => {
  try {
    execFileSync(npx, ['--no-install', what, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout: string, stderr: string }} */ (error);
    problems.push(`${what} ${args.join(' ')}\n${stdout}${stderr}`);
  }
};

try {
  const [packed] = JSON.parse(
    execFileSync(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const tarball = join(scratch, packed.filename);
  /** @type {string[]} */
  const files = packed.files.map((/** @type {{ path: string }} */ file) => file.path);

  for (const wanted of ['README.md', 'src/index.ts', 'dist/index.js', 'dist/index.d.ts'])
    expect(files.includes(wanted), `the tarball lacks ${wanted}`);
  for (const file of files) {
    expect(!/\.test\.|\.tsbuildinfo$|tsconfig|vitest\.config/.test(file), `the tarball contains ${file}`);
  }
  for (const target of Object.values(manifest.bin ?? {})) {
    const path = String(target).replace(/^\.\//, '');
    expect(files.includes(path), `bin names ${path}, which the tarball lacks`);
    expect(readFileSync(join(folder, path), 'utf8').startsWith('#!/usr/bin/env node'), `${path} does not begin with #!/usr/bin/env node`);
  }

  expect(manifest.type === 'module', 'type is not "module"');
  expect(manifest.license === 'MIT', 'license is not MIT');
  expect(manifest.engines?.node, 'engines.node is missing');
  for (const [path, entry] of Object.entries(manifest.exports)) {
    if (path === './package.json') continue;
    const conditions = Object.keys(entry);
    expect(
      conditions[0] === '@tweedie/source' && conditions.at(-1) === 'default',
      `exports["${path}"] must begin with @tweedie/source and end with default`,
    );
  }
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (name.startsWith('@tweedie/'))
      expect(range === '>=0.1.0 <1.0.0', `${name} has the range ${range}; while we are 0.x it is ">=0.1.0 <1.0.0"`);
  }

  check('publint', ['run', tarball, '--strict']);
  check('attw', [tarball, '--profile', 'esm-only']);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

if (problems.length > 0) {
  console.error(problems.map((problem) => `${manifest.name}: ${problem}`).join('\n'));
  process.exitCode = 1;
} else {
  console.log(`${manifest.name}: publint and attw are content with the tarball`);
}
