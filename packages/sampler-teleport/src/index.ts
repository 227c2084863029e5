import { definePlugin, provide } from '@tweedie/core';
import { gaussianStatistics } from './statistics.ts';
import { teleport, teleportOptions, type TeleportOptions } from './teleport.ts';

export { teleport } from './teleport.ts';
export type { TeleportOptions, TeleportPlan } from './teleport.ts';
export { gaussianFlow, hostGaussianFlow } from './gaussian.ts';
export type { AnyGaussian, Floor, Isotropic } from './gaussian.ts';
export { calibrateSkip } from './calibrate.ts';
export type { CalibrateOptions, Calibration } from './calibrate.ts';
export { estimateGaussian } from './statistics.ts';
export type { GaussianStatisticsOptions } from './statistics.ts';

export default definePlugin({
  name: '@tweedie/sampler-teleport',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'teleport',
      summary: 'The first part of sampling by the closed-form flow of a Gaussian, without network calls, in front of any sampler',
      options: teleportOptions,
      // What is left of `then` and `gaussian` once the configuration's names and paths are resolved.
      create: (options) => teleport(options as TeleportOptions),
      statistics: gaussianStatistics,
      parts: { then: 'sampler' },
    }),
  ],
});
