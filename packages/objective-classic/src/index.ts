import { definePlugin, provide } from '@tweedie/core';
import { dsm, dsmOptions } from './dsm.ts';

export { dsm } from './dsm.ts';
export type { DsmOptions } from './dsm.ts';
export { logNormalLaw, logUniformLaw, uniformTimeLaw } from './noise-law.ts';
export type { NoiseLaw } from './noise-law.ts';

export default definePlugin({
  name: '@tweedie/objective-classic',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'objective',
      name: 'dsm',
      summary: 'Denoising score matching under the EDM, VP and VE noise laws and weightings',
      options: dsmOptions,
      create: dsm,
    }),
  ],
});
