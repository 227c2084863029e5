import { definePlugin, provide } from '@tweedie/core';
import { dpmpp2m, multistepOptions } from './dpmpp.ts';
import { ddim, ddimOptions, euler, eulerOptions } from './euler.ts';
import { heun, heunOptions } from './heun.ts';

export { dpmpp2m } from './dpmpp.ts';
export type { MultistepOptions } from './dpmpp.ts';
export { ddim, euler } from './euler.ts';
export type { DdimOptions } from './euler.ts';
export { heun } from './heun.ts';
export type { HeunOptions } from './heun.ts';

export default definePlugin({
  name: '@tweedie/sampler-classic',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'euler',
      summary: "Euler's method on the probability-flow ODE: order 1, N calls for N steps",
      options: eulerOptions,
      create: () => euler(),
    }),
    provide({
      kind: 'sampler',
      name: 'ddim',
      summary: 'DDIM(η): Euler at η = 0, ancestral sampling at η = 1; N calls for N steps',
      options: ddimOptions,
      create: ddim,
    }),
    provide({
      kind: 'sampler',
      name: 'heun',
      summary: "Heun's method with churn (EDM): order 2, 2N − 1 calls for N steps to 0",
      options: heunOptions,
      create: heun,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-2m',
      summary: 'DPM-Solver++(2M): order 2 with history, N calls for N steps',
      options: multistepOptions,
      create: dpmpp2m,
    }),
  ],
});
