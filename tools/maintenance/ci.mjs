// @ts-check
/**
 * npm test                                   every step that CI runs, quick ones first; all run, all are reported
 * node tools/maintenance/ci.mjs lint test    these steps only
 * node tools/maintenance/ci.mjs native …     the further engines and Nodes, where they can be had, and the slow proofs
 *
 * The last line is `N passed, N failed`, with `, N skipped` where something was: tests are counted one by one, every other
 * step as one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { bring } from './bring.mjs';
import { otherNode } from './other-node.mjs';
import * as webgpu from './webgpu.mjs';

const root = new URL('../..', import.meta.url).pathname;
const require = createRequire(join(root, 'package.json'));

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} run A command of node_modules/.bin, or a script beside this one, and its arguments.
 * @property {boolean} [tests] Whether it leaves test reports to be counted.
 * @property {Record<string, string>} [env]
 * @property {() => string | undefined} [absent] Why the step cannot run here.
 */

const nx = (/** @type {string[]} */ ...args) => ['nx', ...args, '--output-style=static'];
const tool = (/** @type {string} */ name) => ({ name, run: nx('test', `@tweedie/${name}`), tests: true });
const suites = nx('run-many', '-t', 'test', '--exclude=tag:kind:tool', '--parallel=2');

/** @type {Step[]} */
const steps = [
  { name: 'format', run: ['prettier', '--check', '--log-level=warn', '.'] },
  { name: 'sync', run: ['nx', 'sync:check'] },
  { name: 'unused', run: ['knip', '--no-progress', '--no-config-hints'] },
  tool('boundaries'),
  tool('versions'),
  { name: 'lint', run: nx('run-many', '-t', 'lint', '--parallel=2') },
  { name: 'typecheck', run: nx('run-many', '-t', 'typecheck', '--parallel=2') },
  { name: 'package', run: nx('run-many', '-t', 'package', '--parallel=2') },
  { name: 'test', run: suites, tests: true },
  tool('engines'),
  tool('bundle'),
  tool('generators'),
  tool('third-party'),
];

const lacks = (/** @type {string} */ name) => () => {
  try {
    require.resolve(`${name}/package.json`);
    return undefined;
  } catch {
    return `${name} is not installed`;
  }
};

/** What a command that brings something says where what it needs is not here. */
const NOT_HERE = ['NO_BUILD', 'NO_PYTHON', 'NO_COMPILER', 'NO_SPACE', 'NO_NETWORK', 'NO_REGISTRY'];

/** Why something is not here, by our own command that brings it. Any other failure shows in the suites, which then lack it. @param {string[]} args */
const notBrought = (...args) => {
  const node = (/** @type {string[]} */ ...command) =>
    spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: quiet() });
  const build = node(bin('nx'), 'build', '@tweedie/cli', '--output-style=static');
  if (build.status !== 0) console.log(build.stdout);
  const { status, stdout } = node(join(root, 'packages/cli/bin/tweedie.js'), ...args, '--json');
  if (stdout !== '') console.log(stdout.trim());
  const { code, message } = status === 0 || stdout === '' ? {} : JSON.parse(stdout);
  return NOT_HERE.includes(code) ? message : undefined;
};

const noNative = () => (lacks('@tensorflow/tfjs-node')() === undefined ? undefined : notBrought('native', 'install'));
const noData = () => notBrought('data', 'fetch', 'mnist') ?? notBrought('data', 'fetch', 'cifar10');

const noNode = (/** @type {string} */ major) => () => {
  const found = otherNode(major);
  return 'reason' in found ? found.reason : undefined;
};

/** What npm ci alone does not bring. @type {Step[]} */
const further = [
  { name: 'native', run: nx('run-many', '-t', 'test:native', '--parallel=2'), tests: true, absent: noNative },
  {
    name: 'webgpu',
    run: nx('run-many', '-t', 'test', '--projects=@tweedie/backend,@tweedie/engines,@tweedie/bundle', '--parallel=2'),
    tests: true,
    env: { TWEEDIE_BACKEND: 'webgpu', ...webgpu.environment },
    absent: () => webgpu.missing(root),
  },
  { name: 'onnx', run: nx('test', '@tweedie/onnx', '--skip-nx-cache'), tests: true, absent: () => bring(root) },
  {
    name: 'onnx-run',
    run: nx('test', '@tweedie/cli', '--skip-nx-cache', 'src/run/onnx-run.test.ts'),
    tests: true,
    absent: () => bring(root),
  },
  { name: 'node-22', run: ['./other-node.mjs', '22'], tests: true, absent: noNode('22') },
  { name: 'node-24', run: ['./other-node.mjs', '24'], tests: true, absent: noNode('24') },
  { name: 'slow', run: nx('run-many', '-t', 'test:slow', '--parallel=2'), tests: true, absent: noData },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => ![...steps, ...further].some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no step is called ${unknown.join(', ')}; there are ${[...steps, ...further].map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const chosen = wanted.length === 0 ? steps : [...steps, ...further].filter(({ name }) => wanted.includes(name));

/** Nx asks its tasks for colours unless FORCE_COLOR is 0, which others take for a yes. */
const plain = (/** @type {string | undefined} */ program) =>
  program === 'nx' ? { FORCE_COLOR: '0', NO_COLOR: undefined } : { NO_COLOR: '1', FORCE_COLOR: undefined };

/** Nx restores the reports of cached suites, so what lies here after a step is of this step. */
const reports = () =>
  ['packages', 'examples', 'tools']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'out-test/vitest.json')))
    .concat(['bench', 'claims'].map((name) => join(root, name, 'out-test/vitest.json')))
    .filter((path) => existsSync(path));

/** @type {{ name: string, seconds: number, result: string, passed: number, failed: number, skipped: number }[]} */
const rows = [];
for (const { name, run, tests, env, absent } of chosen) {
  const start = performance.now();
  const reason = absent?.();
  if (reason !== undefined) {
    console.log(`\n${name}: skipped: ${reason}`);
    rows.push({ name, seconds: 0, result: `skipped: ${reason}`, passed: 0, failed: 0, skipped: 1 });
    continue;
  }
  console.log(`\n━━ ${name}: ${run.join(' ')}`);
  for (const report of reports()) rmSync(report);
  const { status } = spawnSync(process.execPath, [bin(run[0] ?? ''), ...run.slice(1)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...quiet(), ...plain(run[0]), ...env },
  });
  const seconds = (performance.now() - start) / 1000;
  let [passed, failed, skipped] = [0, 0, 0];
  if (tests) {
    for (const report of reports()) {
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
      passed += numPassedTests;
      failed += numFailedTests;
      skipped += numPendingTests + numTodoTests;
    }
  }
  if (!tests && status === 0) passed = 1;
  if (status !== 0 && failed === 0) failed = 1; // it broke before or after its tests
  rows.push({ name, seconds, result: failed === 0 ? 'passed' : 'FAILED', passed, failed, skipped });
}

const width = Math.max(...rows.map(({ name }) => name.length));
console.log(`\n${'step'.padEnd(width)} | seconds | result`);
for (const { name, seconds, result, passed, failed, skipped } of rows) {
  const counts = passed + failed + skipped > 1 ? ` (${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''})` : '';
  console.log(`${name.padEnd(width)} | ${seconds.toFixed(1).padStart(7)} | ${result}${counts}`);
}
const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) => rows.reduce((total, row) => total + row[key], 0);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''}`);
process.exitCode = sum('failed') === 0 ? 0 : 1;

function quiet() {
  return { ...process.env, CI: 'true', NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' };
}

/** The script behind a command of node_modules/.bin, so that no shell is in between. @param {string} name */
function bin(name) {
  if (name.startsWith('./')) return join(root, 'tools/maintenance', name);
  const manifest = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  return join(root, 'node_modules', name, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name]);
}
