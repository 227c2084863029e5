import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isTweedieError } from '../contracts/error.ts';
import { cacheFolder } from './cache.ts';
import { npmEnvironment, npmPack } from './npm-pack.ts';

describe('npmPack', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is asked with the user’s registry, without what an outer `npm start` adds', () => {
    expect(
      npmEnvironment({
        PATH: 'p',
        HTTPS_PROXY: 'x',
        npm_config_registry: 'r',
        NPM_CONFIG_CACHE: 'c',
        npm_config_userconfig: 'u',
        'npm_config_//host/:_authToken': 't',
        'npm_config_@scope:registry': 's',
        npm_config_workspace: 'w',
        npm_config_dry_run: 'true',
        npm_config_json: 'true',
        npm_config_prefix: '/',
        npm_lifecycle_event: 'start',
        npm_package_name: 'tweedie',
        npm_execpath: 'yarn',
        INIT_CWD: '/',
      }),
    ).toEqual({
      PATH: 'p',
      HTTPS_PROXY: 'x',
      npm_config_registry: 'r',
      NPM_CONFIG_CACHE: 'c',
      npm_config_userconfig: 'u',
      'npm_config_//host/:_authToken': 't',
      'npm_config_@scope:registry': 's',
    });
  });

  it('says that npm is not there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tweedie-npm-'));
    vi.stubEnv('PATH', folder);
    const error = await npmPack('tiny@1.0.0', folder).catch((error: unknown) => error);
    await rm(folder, { recursive: true });
    expect(isTweedieError(error) && error.message).toBe('[npm pack tiny@1.0.0] npm was not found');
    expect(isTweedieError(error) && error.complaint.code).toBe('NPM_FAILED');
  });
});

describe('cacheFolder', () => {
  it('is where each system keeps caches, or where TWEEDIE_CACHE says', () => {
    expect(cacheFolder({ TWEEDIE_CACHE: '/data', XDG_CACHE_HOME: '/x' }, 'linux')).toBe('/data');
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe(join('/x', 'tweedie'));
    expect(cacheFolder({}, 'linux')).toMatch(/[\\/]\.cache[\\/]tweedie$/);
    expect(cacheFolder({}, 'darwin')).toMatch(/Library[\\/]Caches[\\/]tweedie$/);
    expect(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32')).toBe(join('/l', 'tweedie', 'Cache'));
  });
});
