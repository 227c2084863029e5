import { testObjective } from '@tweedie/conformance';
import { parseOptions } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { lcss, lcssOptions } from './lcss.ts';

testObjective({ create: () => lcss() });

describe('lcss', () => {
  it('refuses an option that it does not have', async () => {
    await expect(parseOptions(lcssOptions, { pMeen: 0 }, 'lcss')).rejects.toThrow(/pMeen/);
  });
});
