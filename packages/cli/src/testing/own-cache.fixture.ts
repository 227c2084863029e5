// What `tweedie doctor` measured on this machine is nothing that tests may depend on: they have a cache of their own, with the built engines in it.
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '@tweedie/core/node';
import { afterAll } from 'vitest';

const builds = join(cacheFolder(), 'native');
const own = mkdtempSync(join(tmpdir(), 'tweedie-cache-'));
if (existsSync(builds)) symlinkSync(builds, join(own, 'native'), 'dir');
process.env['TWEEDIE_CACHE'] = own;

afterAll(() => {
  rmSync(own, { recursive: true, force: true });
});
