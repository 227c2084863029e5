import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Where data sets and built engines are kept, one folder each: `TWEEDIE_CACHE`, or the system's place for caches
 * (`$XDG_CACHE_HOME/tweedie` or `~/.cache/tweedie`, `~/Library/Caches/tweedie`, `%LOCALAPPDATA%\tweedie\Cache`).
 */
export const cacheFolder = (env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string => {
  if (env['TWEEDIE_CACHE']) return resolve(env['TWEEDIE_CACHE']);
  if (platform === 'win32') return join(env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'tweedie', 'Cache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tweedie');
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tweedie');
};
