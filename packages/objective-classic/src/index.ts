import { definePlugin, provide } from '@tweedie/core';
import { dsm, dsmOptions } from './dsm.ts';
import { fdSsm, fdSsmOptions } from './fd-ssm.ts';
import { ism, ismOptions } from './ism.ts';
import { ssm, ssmOptions, ssmVr } from './ssm.ts';

export { dsm, type DsmOptions } from './dsm.ts';
export { ism, type IsmOptions } from './ism.ts';
export { ssm, ssmVr, type SsmOptions } from './ssm.ts';
export { fdSsm, type FdSsmOptions } from './fd-ssm.ts';

export default definePlugin({
  name: '@tweedie/objective-classic',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'objective',
      name: 'dsm',
      summary: 'Denoising score matching under the EDM, VE, VP, sub-VP, DDPM and NCSN noise laws and weightings',
      options: dsmOptions,
      create: dsm,
    }),
    provide({
      kind: 'objective',
      name: 'ism',
      summary: 'Implicit score matching with the exact trace, up to 64 dimensions; second order',
      options: ismOptions,
      create: ism,
    }),
    provide({
      kind: 'objective',
      name: 'ssm',
      summary: 'Sliced score matching, the trace along a random direction; second order',
      options: ssmOptions,
      create: ssm,
    }),
    provide({
      kind: 'objective',
      name: 'ssm-vr',
      summary: 'Sliced score matching with reduced variance: the norm is not sliced; second order',
      options: ssmOptions,
      create: ssmVr,
    }),
    provide({
      kind: 'objective',
      name: 'fd-ssm',
      summary: 'Sliced score matching by finite differences: two evaluations, first order',
      options: fdSsmOptions,
      create: fdSsm,
    }),
  ],
});
