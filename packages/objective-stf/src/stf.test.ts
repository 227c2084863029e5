import { testObjective } from '@tweedie/conformance';
import { parseOptions } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { stf, stfOptions } from './stf.ts';

testObjective({ create: () => stf() });

describe('stf', () => {
  it('refuses an option that it does not have', async () => {
    await expect(parseOptions(stfOptions, { pMeen: 0 }, 'stf')).rejects.toThrow(/pMeen/);
  });
});
