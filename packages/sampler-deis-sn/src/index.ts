import { definePlugin, provide } from '@tweedie/core';
import { deisSn, deisSnOptions } from './deis-sn.ts';
import { deisProfile } from './estimate.ts';

export { deisSn } from './deis-sn.ts';
export type { DeisSnOptions } from './deis-sn.ts';
export { estimateProfile } from './estimate.ts';
export { gaussianProfile, interpolated, readProfile, type ProfileTable } from './profile.ts';

export default definePlugin({
  name: '@tweedie/sampler-deis-sn',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'deis-sn',
      summary: 'DEIS with score normalization: interpolates ε̂ over its mean size; order degree + 1, N calls for N steps',
      options: deisSnOptions,
      create: deisSn,
      statistics: deisProfile,
    }),
  ],
});
