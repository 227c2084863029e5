import { definePlugin, provide } from '@tweedie/core';
import { gaussianEuler, gaussianEulerOptions, spread } from './gaussian-euler.js';
import { logUniform, logUniformOptions } from './log-uniform.js';
import { meanShift, meanShiftOptions } from './mean-shift.js';

export { gaussianEuler } from './gaussian-euler.js';
export { logUniform } from './log-uniform.js';
export { meanShift } from './mean-shift.js';

/** All that Tweedie needs to know: the command line makes flags, help and statistics of it. */
export default definePlugin({
  name: 'tweedie-plugin-example',
  version: '1.0.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'gaussian-euler',
      summary: 'Euler, exact where the data are one Gaussian of a known spread: order 1, N calls for N steps',
      options: gaussianEulerOptions,
      create: gaussianEuler,
      statistics: spread,
    }),
    provide({
      kind: 'objective',
      name: 'log-uniform',
      summary: 'Denoising score matching with noise levels uniform in log ρ',
      options: logUniformOptions,
      create: logUniform,
    }),
    provide({
      kind: 'metric',
      name: 'mean-shift',
      summary: 'Distance between the mean images, in units of one pixel',
      options: meanShiftOptions,
      create: () => meanShift(),
    }),
  ],
});
