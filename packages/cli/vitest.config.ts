import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageTests } from '../../vitest.shared.ts';

/** What `tweedie doctor` measured on this machine is nothing that tests may depend on. */
export default packageTests({ env: { TWEEDIE_CACHE: mkdtempSync(join(tmpdir(), 'tweedie-cache-')) } });
