import { definePlugin, provide } from '@tweedie/core';
import { lcss, lcssOptions } from './lcss.ts';

export { lcss, type LcssOptions } from './lcss.ts';
export { pathLcss, type PathLcssOptions } from './path-lcss.ts';

export default definePlugin({
  name: '@tweedie/objective-lcss',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'objective',
      name: 'lcss',
      summary: "Local curvature smoothing with Stein's identity: the trace of the Jacobian as an inner product; first order",
      options: lcssOptions,
      create: lcss,
    }),
  ],
});
