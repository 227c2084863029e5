import { definePlugin, provide } from '@tweedie/core';
import { dpmSolverAdaptive, dpmSolverAdaptiveOptions } from './adaptive.ts';
import { ancestral, ancestralOptions, eulerAncestral, eulerAncestralOptions } from './ancestral.ts';
import { deis, deisOptions } from './deis.ts';
import { dpmSolverV3, dpmSolverV3Options } from './dpm-solver-v3.ts';
import { dpmSolver2s, dpmSolver3s, dpmSolverFast, dpmSolverOptions } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3, multistepOptions, sdeOptions, singlestepOptions } from './dpmpp.ts';
import { v3Ems } from './ems-estimate.ts';
import { ddim, ddimOptions, euler, eulerOptions } from './euler.ts';
import { heun, heunOptions } from './heun.ts';
import { ipndm, ipndmOptions } from './ipndm.ts';
import { pc, pcOptions } from './pc.ts';
import { rk45, rk45Options } from './rk45.ts';
import { unipc, unipcOptions } from './unipc.ts';

export { dpmSolverAdaptive, type DpmSolverAdaptiveOptions } from './adaptive.ts';
export { ancestral, eulerAncestral, type AncestralOptions, type EulerAncestralOptions } from './ancestral.ts';
export { deis, type DeisOptions } from './deis.ts';
export { dpmSolverV3, type DpmSolverV3Options } from './dpm-solver-v3.ts';
export { dpmSolver2s, dpmSolver3s, dpmSolverFast } from './dpm-solver.ts';
export { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3, type MultistepOptions, type SdeOptions } from './dpmpp.ts';
export { estimateEms } from './ems-estimate.ts';
export { ddim, euler, type DdimOptions } from './euler.ts';
export { heun, type HeunOptions } from './heun.ts';
export { ipndm, type IpndmOptions } from './ipndm.ts';
export { pc, type PcOptions } from './pc.ts';
export { rk45, type Rk45Options } from './rk45.ts';
export { unipc, type UnipcOptions } from './unipc.ts';

export default definePlugin({
  name: '@tweedie/sampler-classic',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'sampler',
      name: 'ancestral',
      summary: "DDPM's ancestral sampling between any two levels: stochastic, N calls for N steps",
      options: ancestralOptions,
      create: ancestral,
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
      name: 'euler',
      summary: "Euler's method on the probability-flow ODE: order 1, N calls for N steps",
      options: eulerOptions,
      create: () => euler(),
    }),
    provide({
      kind: 'sampler',
      name: 'euler-ancestral',
      summary: 'Euler to a lower level, then noise up again ("Euler a"): stochastic, N calls for N steps',
      options: eulerAncestralOptions,
      create: eulerAncestral,
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
      name: 'pc',
      summary: 'Predictor–corrector (score_sde): Langevin steps at each level, then reverse diffusion; 2N calls for N steps',
      options: pcOptions,
      create: pc,
    }),
    provide({
      kind: 'sampler',
      name: 'rk45',
      summary: 'Dormand–Prince 5(4) with a step of each image’s own: as exact as asked for, also upward; calls as needed',
      options: rk45Options,
      create: rk45,
    }),
    provide({
      kind: 'sampler',
      name: 'dpm-solver-2s',
      summary: 'DPM-Solver-2, singlestep: order 2, 2N calls for N steps',
      options: dpmSolverOptions,
      create: () => dpmSolver2s(),
    }),
    provide({
      kind: 'sampler',
      name: 'dpm-solver-3s',
      summary: 'DPM-Solver-3, singlestep: order 3, 3N calls for N steps',
      options: dpmSolverOptions,
      create: () => dpmSolver3s(),
    }),
    provide({
      kind: 'sampler',
      name: 'dpm-solver-fast',
      summary: 'DPM-Solver-fast: N calls spent on blocks of order 3, and what is left',
      options: dpmSolverOptions,
      create: () => dpmSolverFast(),
    }),
    provide({
      kind: 'sampler',
      name: 'dpm-solver-adaptive',
      summary: 'DPM-Solver-12 or -23 with a step of each image’s own; calls as needed',
      options: dpmSolverAdaptiveOptions,
      create: dpmSolverAdaptive,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-2s',
      summary: 'DPM-Solver++(2S), singlestep: order 2, 2N calls for N steps',
      options: singlestepOptions,
      create: () => dpmpp2s(),
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-2s-sde',
      summary: 'DPM-Solver++(2S) with ancestral steps ("DPM++ SDE"): stochastic, 2N calls for N steps',
      options: sdeOptions,
      create: dpmpp2sSde,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-2m',
      summary: 'DPM-Solver++(2M): order 2 with history, N calls for N steps',
      options: multistepOptions,
      create: dpmpp2m,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-2m-sde',
      summary: 'DPM-Solver++(2M) as an SDE: stochastic, weakly of order 2, N calls for N steps',
      options: sdeOptions,
      create: dpmpp2mSde,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-3m',
      summary: 'DPM-Solver++(3M) as published: order 2 in spite of its name, N calls for N steps',
      options: multistepOptions,
      create: dpmpp3m,
    }),
    provide({
      kind: 'sampler',
      name: 'dpmpp-3m-o3',
      summary: 'DPM-Solver++(3M) with its second derivative in full: order 3, N calls for N steps',
      options: multistepOptions,
      create: dpmpp3mO3,
    }),
    provide({
      kind: 'sampler',
      name: 'unipc',
      summary: 'UniPC: a predictor of order p and a corrector that costs no call: order p + 1, N calls for N steps',
      options: unipcOptions,
      create: unipc,
    }),
    provide({
      kind: 'sampler',
      name: 'deis',
      summary: 'DEIS: Adams–Bashforth in t, ρ or log ρ (order degree + 1, N calls for N steps), or Runge–Kutta in ρ',
      options: deisOptions,
      create: deis,
    }),
    provide({
      kind: 'sampler',
      name: 'ipndm',
      summary: 'iPNDM: Adams–Bashforth with the weights of equal steps: order 2, N calls for N steps',
      options: ipndmOptions,
      create: ipndm,
    }),
    provide({
      kind: 'sampler',
      name: 'dpm-solver-v3',
      summary: 'DPM-Solver-v3: order 1 to 3 with statistics of the model, or a Gaussian’s; N calls for N steps',
      options: dpmSolverV3Options,
      create: dpmSolverV3,
      statistics: v3Ems,
    }),
  ],
});
