import { fork } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Network } from '../contracts/network.ts';
import { encodeSafetensors } from '../io/safetensors.ts';
import { createParameters } from '../run/parameters.ts';
import type { TrainState } from '../run/train.ts';
import { encodeWeights, readState, readWeights, STATE, valuesFor, WEIGHTS, writeCheckpoint } from './checkpoint.ts';
import { writeFileAtomic } from './files.ts';
import { canonicalJson, modelHash } from './hash.ts';
import { lockFolder } from './lock.ts';
import { loadPlugin, resolveMethod } from './resolve.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tweedie-core-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('replaces a file whole and leaves no draft', async () => {
    const path = join(folder, 'deep', 'a.txt');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(dirname(path))).toEqual(['a.txt']);
  });

  it('leaves what was there when it fails', async () => {
    const path = join(folder, 'a');
    await mkdir(join(path, 'b'), { recursive: true }); // a folder cannot be replaced by a file
    await expect(writeFileAtomic(path, 'x')).rejects.toThrow(/could not be written; what was there is untouched/);
    expect(await readdir(folder)).toEqual(['a']);
    expect(await readdir(path)).toEqual(['b']);
  });
});

describe('lockFolder', () => {
  it('refuses a second holder, is given back, and is not held by a killed process', async () => {
    const free = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow(/another process is working in this folder; wait/);
    await free();
    // A stranger that takes the same socket and is killed without a chance to tidy up.
    const { createHash } = await import('node:crypto');
    const address = join(tmpdir(), `tweedie-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}.lock`);
    const holder = join(folder, 'holder.cjs');
    await writeFile(holder, `require('node:net').createServer().listen(${JSON.stringify(address)}, () => process.send('held'))`);
    const child = fork(holder, { execArgv: [] });
    await new Promise((done) => child.once('message', done));
    await expect(lockFolder(folder)).rejects.toThrow(/another process/);
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
    const again = await lockFolder(folder);
    await again();
  });
});

const network: Network = {
  kind: 'network',
  api: 1,
  name: 'tiny',
  config: { width: 2 },
  shape: [2],
  classes: 0,
  parameters: [
    { name: 'w', shape: [2, 2] },
    { name: 'freqs', shape: [1], trainable: false },
    { name: 'b', shape: [2] },
  ],
  init: () => ({ w: Float32Array.of(1, 2, 3, 4), freqs: Float32Array.of(9), b: Float32Array.of(0.1, 6) }),
  apply: (_w, x) => x.clone(),
  doubleDifferentiable: true,
};
const identity = {
  config: { network: { use: 'tiny', width: 2 }, schedule: { use: 'edm' } },
  seed: 3n,
  plugins: { '@tweedie/core': '0.1.0' },
};
const state: TrainState = {
  step: 41,
  parameters: Float32Array.of(1, 2, 3, 4, 5, 6),
  ema: Float32Array.of(0.1, 2, 3, 4, 5, 6.5),
  slots: { m: new Float32Array(6), v: new Float32Array(6).fill(1e-9) },
};

describe('checkpoints', () => {
  it('return state and weights to the bit, and leave no tensor', async () => {
    const before = memory().numTensors;
    const parameters = createParameters(network.parameters, network.init(undefined as never));
    await writeCheckpoint(folder, state, parameters, network, identity);
    parameters.dispose();
    expect(await readState(folder, network, identity)).toEqual(state);
    const weights = await readWeights(join(folder, WEIGHTS));
    expect(weights.config).toEqual(identity.config);
    expect(weights.step).toBe(41);
    const values = valuesFor(network, weights.tensors, 'w');
    expect(values).toEqual({ w: Float32Array.of(0.1, 2, 3, 4), freqs: Float32Array.of(9), b: Float32Array.of(5, 6.5) });
    expect(weights.modelHash).toBe(modelHash(network.parameters, values, network.config));
    expect(memory().numTensors).toBe(before);
  });

  it('the half-precision file hashes what it holds', async () => {
    const parameters = createParameters(network.parameters, network.init(undefined as never));
    const path = join(folder, 'half.safetensors');
    await writeFile(path, encodeWeights(state, parameters, network, identity, { half: true }));
    parameters.dispose();
    const weights = await readWeights(path);
    const values = valuesFor(network, weights.tensors, path);
    expect(values['w']![0]).toBeCloseTo(0.1, 3);
    expect(weights.modelHash).toBe(modelHash(network.parameters, values, network.config));
  });

  it('are refused where they belong to another network, configuration or seed', async () => {
    const parameters = createParameters(network.parameters, network.init(undefined as never));
    await writeCheckpoint(folder, state, parameters, network, identity);
    parameters.dispose();
    const wider: Network = { ...network, parameters: [{ name: 'w', shape: [2, 3] }] };
    await expect(readState(folder, wider, identity)).rejects.toThrow(/belongs to another network/);
    await expect(readState(folder, network, { ...identity, config: {} })).rejects.toThrow(/belongs to another configuration/);
    await expect(readState(folder, network, { ...identity, seed: 4n })).rejects.toThrow(/another seed: got 3, expected 4/);
    const { tensors } = await readWeights(join(folder, WEIGHTS));
    expect(() => valuesFor(wider, tensors, 'w')).toThrow(/of another network: "w" does not fit: got F32 \[2, 2\], expected F32 \[2, 3\]/);
    expect(() => valuesFor({ ...network, parameters: network.parameters.slice(1) }, tensors, 'w')).toThrow(/it has no "w"/);
  });

  it('a damaged state is refused, never half-read', async () => {
    const path = join(folder, STATE);
    await writeFile(path, 'garbage of more than eight bytes');
    await expect(readState(folder, network, identity)).rejects.toThrow(/claims more bytes than there are/);
    await writeFile(path, encodeSafetensors({ tensors: {}, metadata: {} }));
    await expect(readState(folder, network, identity)).rejects.toThrow(/no state of a Tweedie run/);
    expect(await readState(join(folder, 'nothing'), network, identity)).toBeUndefined();
  });

  it('canonical JSON sorts keys at every depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'x' })).toBe('{"a":"x","b":[{"c":null,"d":1}]}');
  });
});

describe('plugins by name', () => {
  /** Installs a package by hand: a manifest and an entry that needs nothing. */
  const install = async (name: string, entry: string, manifest: object = {}): Promise<void> => {
    const at = join(folder, 'node_modules', name);
    await mkdir(at, { recursive: true });
    await writeFile(
      join(at, 'package.json'),
      JSON.stringify({ name, version: '1.2.3', type: 'module', exports: { import: './index.js' }, ...manifest }),
    );
    await writeFile(join(at, 'index.js'), entry);
  };
  const schema = `{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }), jsonSchema: { input: () => ({ type: 'object', properties: {} }), output: () => ({}) } } }`;
  const plugin = (name: string, provides: string, api = 1): string =>
    `export default { kind: 'plugin', name: '${name}', version: '1.2.3', api: ${api}, provides: [${provides}] };`;
  const method = (kind: string, name: string): string =>
    `{ kind: '${kind}', name: '${name}', summary: '', options: ${schema}, create: () => ({ id: '${name}' }) }`;

  it('finds ours by method, a stranger by package, and one of several by #', async () => {
    expect((await resolveMethod('schedule', 'vp')).provision.name).toBe('vp');
    await install(
      'tweedie-schedule-foo',
      plugin('tweedie-schedule-foo', `${method('schedule', 'foo')}, ${method('preconditioner', 'foo')}`),
    );
    expect((await resolveMethod('schedule', 'tweedie-schedule-foo', { from: folder })).provision.name).toBe('foo');
    await install('@them/two', plugin('@them/two', `${method('schedule', 'a')}, ${method('schedule', 'b')}`));
    expect((await resolveMethod('schedule', '@them/two#b', { from: folder })).provision.name).toBe('b');
    await expect(resolveMethod('schedule', '@them/two', { from: folder })).rejects.toThrow(
      /provides several: expected @them\/two#a, @them\/two#b/,
    );
    await expect(resolveMethod('sampler', '@them/two', { from: folder })).rejects.toThrow(/provides no such sampler/);
  });

  it('uses the fallback for a package of ours that the project lacks', async () => {
    const fallback = async (name: string): Promise<unknown> => ({ default: { kind: 'plugin', name, version: '0', api: 1, provides: [] } });
    await expect(resolveMethod('sampler', 'heun', { from: folder, fallback })).rejects.toThrow(
      /@tweedie\/sampler-classic provides no such sampler/,
    );
  });

  it.each([
    [
      'a package that is not installed',
      'tweedie-none',
      undefined,
      {},
      /neither a method of Tweedie nor an installed package.*npm install tweedie-none/,
    ],
    ['a name that npm would not take', 'No Such!', undefined, {}, /nor an npm package name/],
    ['a path', '../../evil', undefined, {}, /nor an npm package name/],
    [
      'a package that is no plugin',
      'left-pad',
      'export default () => 1;',
      {},
      /\[left-pad\] this package is no Tweedie plugin: got function/,
    ],
    ['one without a default export', 'bare', 'export const a = 1;', {}, /got no default export/],
    [
      'another api',
      'tweedie-new',
      plugin('tweedie-new', '', 2),
      {},
      /plugin "tweedie-new" speaks another version of the plugin contracts: got api 2/,
    ],
    [
      'one that throws on import',
      'tweedie-broken',
      'throw new Error("boom");',
      {},
      /\[tweedie-broken\] the package throws when it is imported: got boom/,
    ],
    [
      'a missing peer',
      'tweedie-peer',
      'import "some-missing-peer";',
      { peerDependencies: { 'some-missing-peer': '^1.0.0' } },
      /its peer some-missing-peer is not installed: expected \^1\.0\.0; npm install "some-missing-peer@\^1\.0\.0"/,
    ],
  ])('refuses %s', async (_, name, entry, manifest, message) => {
    if (entry !== undefined) await install(name, entry, manifest);
    await expect(loadPlugin(name, { from: folder })).rejects.toThrow(message);
  });

  it('refuses a peer out of range, and forgives an optional one', async () => {
    await install('old-peer', 'export const a = 1;', { exports: undefined, main: './index.js' });
    await install('tweedie-range', plugin('tweedie-range', ''), { peerDependencies: { 'old-peer': '^2.0.0' } });
    await expect(loadPlugin('tweedie-range', { from: folder })).rejects.toThrow(
      /its peer old-peer is of another version: got 1\.2\.3, expected \^2\.0\.0/,
    );
    await install('tweedie-optional', plugin('tweedie-optional', ''), {
      peerDependencies: { nobody: '*' },
      peerDependenciesMeta: { nobody: { optional: true } },
    });
    expect((await loadPlugin('tweedie-optional', { from: folder })).name).toBe('tweedie-optional');
  });

  it('reads the peers of a package that is linked into the project', async () => {
    const real = join(folder, 'real');
    await mkdir(real);
    await writeFile(
      join(real, 'package.json'),
      JSON.stringify({
        name: 'tweedie-linked',
        version: '1.0.0',
        type: 'module',
        exports: './index.js',
        peerDependencies: { '@tensorflow/tfjs-core': '^4.0.0' },
      }),
    );
    await writeFile(join(real, 'index.js'), plugin('tweedie-linked', ''));
    await mkdir(join(folder, 'node_modules', '@tensorflow'), { recursive: true });
    await symlink(real, join(folder, 'node_modules', 'tweedie-linked'));
    const core = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/package.json'));
    await symlink(core, join(folder, 'node_modules', '@tensorflow', 'tfjs-core'));
    expect((await loadPlugin('tweedie-linked', { from: folder })).name).toBe('tweedie-linked');
  });
});
