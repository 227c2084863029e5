import { definePlugin, provide } from '@tweedie/core';
import { pdsFilter } from './filter.ts';
import { pds, pdsOptions } from './pds.ts';

export { pds } from './pds.ts';
export type { PdsOptions } from './pds.ts';
export { circulantSkew, filter, identity, shiftSkew } from './operator.ts';
export type { Gains, PdsOperator } from './operator.ts';
export { filterStatistics, gainsOf, pdsFilter, powerLaw, readFilter } from './filter.ts';
export type { FilterStatistics } from './filter.ts';

export default definePlugin({
  name: '@tweedie/sampler-pds',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'pds',
      summary: 'Preconditioned diffusion sampling: predictor–corrector and Langevin steps whose noise and score are filtered alike',
      options: pdsOptions,
      create: pds,
      statistics: pdsFilter,
    }),
  ],
});
