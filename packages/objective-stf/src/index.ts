import { definePlugin, provide } from '@tweedie/core';
import { stf, stfOptions } from './stf.ts';

export { stableTarget, stf } from './stf.ts';
export type { StfOptions } from './stf.ts';

export default definePlugin({
  name: '@tweedie/objective-stf',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'objective',
      name: 'stf',
      summary: 'Stable target field: the denoising target averaged over a reference batch; unbiased, of less variance',
      options: stfOptions,
      create: stf,
    }),
  ],
});
