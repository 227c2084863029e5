import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { lockFolder } from '@tweedie/core/node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchTarball, fetchWheels } from './fetch.ts';
import { installNative } from './install.ts';
import { loadBuild } from './load.ts';
import { BINDING, BUILDS, TENSORFLOW, TFJS_NODE } from './pins.ts';
import { BINDING_FILE, buildFolder, damageOf, MANIFEST, nativeFolder, readManifest } from './place.ts';
import { nativeStatus, removeNative } from './status.ts';
import { findCompiler, findPython, noSpace, supported } from './tools.ts';
import { tryBuild } from './trial.ts';

let cache = '';
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tweedie-native-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

const complaintOf = async (attempt: Promise<unknown>): Promise<{ message: string; code: string | undefined }> => {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isTweedieError(error)) throw new Error(`expected a TweedieError, got ${String(error)}`);
  return { message: error.message, code: error.complaint.code };
};

/** A PATH on which only these programs are. */
const pathOf = async (...programs: string[]): Promise<void> => {
  const folder = join(cache, 'bin');
  await mkdir(folder, { recursive: true });
  for (const program of programs)
    await symlink(execFileSync('which', [program], { encoding: 'utf8' }).trim(), join(folder, program)).catch(() => undefined);
  vi.stubEnv('PATH', folder);
};

/** A build as an installation leaves it, of empty libraries. */
const pretend = async (): Promise<string> => {
  const folder = buildFolder('cpu', cache);
  const files = { [BINDING_FILE]: 5, 'site/tensorflow/libtensorflow_cc.so.2': 7 };
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), new Uint8Array(bytes));
  }
  const manifest = { schema: 'tweedie/native@1', kind: 'cpu', tfjs: TFJS_NODE, tensorflow: TENSORFLOW, compiler: 'g++ 12', files };
  await writeFile(join(folder, MANIFEST), JSON.stringify(manifest));
  return folder;
};

const python = await findPython();
const compiler = await findCompiler();
/** These go through the real tools, as far as they get. */
const here = typeof supported('cpu') !== 'string' && python.reason === null;

describe('a build in the cache', () => {
  it('is whole by its manifest, and by nothing else', async () => {
    expect(readManifest('cpu', cache)).toBeNull();
    const folder = await pretend();
    const manifest = readManifest('cpu', cache)!;
    expect(manifest.files[BINDING_FILE]).toBe(5);
    expect(readManifest('gpu', cache)).toBeNull();
    expect(damageOf(manifest, folder)).toBeNull();
    await truncate(join(folder, BINDING_FILE), 4);
    expect(damageOf(manifest, folder)).toBe(`${BINDING_FILE} has another length than it was built with`);
    await rm(join(folder, BINDING_FILE));
    expect(damageOf(manifest, folder)).toBe(`${BINDING_FILE} is gone`);
    for (const text of ['', 'null', '[]', '{"schema":"tweedie/native@1"}', JSON.stringify({ ...manifest, tensorflow: '2.9.1' })]) {
      await writeFile(join(folder, MANIFEST), text);
      expect(readManifest('cpu', cache), text).toBeNull();
    }
  });

  it('is told of as absent, half done, or broken; and removed', async () => {
    const told = async (): Promise<string> => {
      const { builds } = await nativeStatus({ cache });
      return `${builds[0]!.state}: ${builds[0]!.reason}`;
    };
    expect(await told()).toBe('absent: not installed');
    const folder = await pretend();
    expect(await told()).toMatch(/^broken: .*(file too short|invalid ELF|not a valid)/);
    await rm(join(folder, MANIFEST));
    expect(await told()).toBe('half: its installation did not finish');
    expect(await removeNative({ cache })).toEqual({ folders: [folder], bytes: 12 });
    expect(await removeNative({ cache })).toEqual({ folders: [], bytes: 0 });
    expect(await readdir(cache)).toEqual([]);
  });

  it('is not removed while it is being built', async () => {
    const folder = await pretend();
    const unlock = await lockFolder(folder);
    expect((await complaintOf(removeNative({ cache }))).message).toMatch(/another process is working in this folder/);
    expect(readManifest('cpu', cache)).not.toBeNull();
    await unlock();
  });

  it('that does not load says what its loader says', async () => {
    const trial = await tryBuild(await pretend());
    expect(trial).toMatchObject({ failure: expect.stringContaining('tfjs_binding.node') as string });
  });

  it.skipIf(readManifest('cpu') === null)('that was installed is this TensorFlow', async () => {
    expect(await tryBuild(buildFolder('cpu'))).toEqual({ tensorflow: TENSORFLOW, gpu: false });
  });
});

it('the native engine serves one tfjs-core', () => {
  const shared = globalThis as Record<symbol, unknown>;
  const key = Symbol.for('tweedie.tfjs-core');
  const before = shared[key];
  shared[key] = {};
  try {
    expect(() => loadBuild('cpu')).toThrow(/two copies of @tensorflow\/tfjs-core/);
  } finally {
    if (before === undefined) Reflect.deleteProperty(shared, key);
    else shared[key] = before;
  }
});

describe.skipIf(!here)('what is missing is named', () => {
  it('Python', async () => {
    await pathOf('g++');
    const { code, message } = await complaintOf(installNative({ cache }));
    expect(code).toBe('NO_PYTHON');
    expect(message).toMatch(/^\[native\] an installation needs Python 3\.11 or later with pip \(there is none\); install them/);
  });

  it('an old Python, and one without pip', async () => {
    await mkdir(join(cache, 'bin'));
    const fake = (text: string): Promise<void> => writeFile(join(cache, 'bin/python3'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', join(cache, 'bin'));
    await fake('echo 3.9.2');
    expect((await findPython()).reason).toBe('python3 is 3.9.2');
    await fake('echo 3.13.1; exit 1');
    expect((await findPython()).reason).toBe('python3 has no pip');
  });

  it('the compiler', async () => {
    vi.stubEnv('CXX', join(cache, 'nothing'));
    const { code, message } = await complaintOf(installNative({ cache }));
    expect(code).toBe('NO_COMPILER');
    expect(message).toMatch(/needs the C\+\+ compiler g\+\+ \(there is none\); install it/);
  });

  it.skipIf(compiler.reason !== null)('the npm registry, with nothing half-done called whole', async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    vi.stubEnv('npm_config_cache', join(cache, 'npm'));
    vi.stubEnv('npm_config_fetch_retries', '0');
    const { code, message } = await complaintOf(installNative({ cache }));
    expect(code).toBe('NO_REGISTRY');
    expect(message).toContain('the npm registry cannot be reached (ECONNREFUSED)');
    expect(readManifest('cpu', cache)).toBeNull();
  });

  it('the package index', async () => {
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/');
    vi.stubEnv('PIP_RETRIES', '1');
    vi.stubEnv('PIP_FIND_LINKS', '');
    vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
    const { code, message } = await complaintOf(fetchWheels(python.command!, BUILDS['linux-x64-cpu']!, cache));
    expect(code, message).toBe('NO_NETWORK');
    expect(message).toContain('the Python package index cannot be reached');
  });

  it('a wheel that is not the pinned one', async () => {
    const wheel = 'tiny-1.0-py3-none-any.whl';
    await mkdir(join(cache, 'links'));
    const make = `import zipfile; z=zipfile.ZipFile(${JSON.stringify(join(cache, 'links', wheel))},'w'); z.writestr('tiny-1.0.dist-info/METADATA','Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n'); z.writestr('tiny-1.0.dist-info/WHEEL','Wheel-Version: 1.0\\n'); z.close()`;
    execFileSync(python.command!, ['-c', make]);
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', join(cache, 'links'));
    const build = { wheels: [{ requirement: 'tiny==1.0', sha256: '0'.repeat(64) }], platforms: ['manylinux_2_27_x86_64'] };
    const folder = join(cache, 'downloads');
    expect((await complaintOf(fetchWheels(python.command!, build, folder))).code).toBe('WRONG_CHECKSUM');
    expect((await readdir(folder)).filter((name) => name.endsWith('.whl'))).toEqual([]);
  });

  it('an npm package that is not the pinned one is not kept', async () => {
    // npm pack SPEC --pack-destination FOLDER …: leaves a file that is something else
    await writeFile(join(cache, 'npm'), `#!/bin/sh\necho other > "$4/${BINDING.file}"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${cache}:/usr/bin:/bin`);
    const { code, message } = await complaintOf(fetchTarball(BINDING, cache));
    expect(code, message).toBe('WRONG_CHECKSUM');
    expect(await readdir(cache)).toEqual(['npm']);
  });

  it('space, and a cache that cannot be written', async () => {
    expect(noSpace('/cache', 2e8, 1.6e9).message).toBe(
      '[/cache] there is too little space for an installation: got 0.2 GB free, expected 1.6 GB free; make room, or set TWEEDIE_CACHE to a folder on another disk',
    );
    await writeFile(join(cache, 'file'), '');
    const { message } = await complaintOf(installNative({ cache: join(cache, 'file') }));
    expect(message).toMatch(/the cache folder cannot be written \((ENOTDIR|EEXIST)\); set TWEEDIE_CACHE/);
  });

  it('another installation, which is left alone', async () => {
    const folder = buildFolder('cpu', cache);
    await mkdir(folder, { recursive: true });
    const unlock = await lockFolder(folder);
    expect((await complaintOf(installNative({ cache }))).message).toMatch(/another process is working in this folder/);
    await unlock();
  });
});

describe('another system', () => {
  it('is told in one sentence', async () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' });
    try {
      const { code, message } = await complaintOf(installNative({ cache }));
      expect(code).toBe('NO_BUILD');
      expect(message).toMatch(
        /^\[native\] TensorFlow publishes no libraries for darwin-\w+ that .* only for linux-x64 and linux-arm64; use wasm/,
      );
    } finally {
      Object.defineProperty(process, 'platform', platform);
    }
    expect(await readdir(cache)).toEqual([]);
  });
});

it('every build has its own folder', () => {
  const folders = (['cpu', 'gpu'] as const).map((kind) => buildFolder(kind, cache));
  expect(new Set(folders).size).toBe(2);
  for (const folder of folders) expect(dirname(folder)).toBe(nativeFolder(cache));
});
