import { z } from 'zod';
import { definePlugin, provide } from '../plugin/define.ts';
import { edm } from './edm.ts';
import { edmPreconditioner, epsPreconditioner, scorePreconditioner, vPreconditioner, x0Preconditioner } from './preconditioner.ts';
import { subVp } from './sub-vp.ts';
import { ve } from './ve.ts';
import { vpCosine } from './vp-cosine.ts';
import { vpDiscrete } from './vp-discrete.ts';
import { vpLinear } from './vp-linear.ts';

const positive = z.number().positive();
const betas = z.strictObject({
  betaMin: positive.default(0.1).describe('β at t = 0'),
  betaMax: positive.default(20).describe('β at t = 1'),
  tMin: positive.default(1e-3).describe('least time of training and likelihood'),
});

/** The schedules and preconditioners by the names that configurations use. */
export const processes = definePlugin({
  name: '@tweedie/core',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'schedule',
      name: 'edm',
      summary: 'σ(t) = t, α = 1 (Karras et al. 2022)',
      options: z.strictObject({
        sigmaMin: positive.default(0.002).describe('least σ'),
        sigmaMax: positive.default(80).describe('σ of the prior'),
      }),
      create: edm,
    }),
    provide({
      kind: 'schedule',
      name: 've',
      summary: 'variance exploding, σ geometric in t (Song et al. 2021)',
      options: z.strictObject({
        sigmaMin: positive.default(0.01).describe('σ at t = 0'),
        sigmaMax: positive.default(50).describe('σ at t = 1'),
      }),
      create: ve,
    }),
    provide({
      kind: 'schedule',
      name: 'vp',
      summary: 'variance preserving, β linear in t (Ho et al. 2020, Song et al. 2021)',
      options: betas,
      create: vpLinear,
    }),
    provide({
      kind: 'schedule',
      name: 'sub-vp',
      summary: 'the drift of vp with σ = 1 − α² (Song et al. 2021)',
      options: betas,
      create: subVp,
    }),
    provide({
      kind: 'schedule',
      name: 'vp-cosine',
      summary: 'variance preserving, α a cosine (Nichol and Dhariwal 2021)',
      options: z.strictObject({ s: positive.default(0.008).describe('offset at t = 0') }),
      create: vpCosine,
    }),
    provide({
      kind: 'schedule',
      name: 'vp-discrete',
      summary: "DDPM's table of 1000 steps (Ho et al. 2020)",
      options: z.strictObject({
        betaMin: positive.default(1e-4).describe('first β'),
        betaMax: positive.default(0.02).describe('last β'),
        count: z.int().min(2).default(1000).describe('length of the table'),
        interpolant: z.enum(['log-alpha', 'alpha-bar']).default('log-alpha').describe('what is linear between entries'),
      }),
      create: vpDiscrete,
    }),
    provide({
      kind: 'preconditioner',
      name: 'edm',
      summary: 'unit-variance input and target at every level; the head is x₀ (Karras et al. 2022, table 1)',
      options: z.strictObject({ sigmaData: positive.default(0.5).describe('standard deviation of the data') }),
      create: edmPreconditioner,
    }),
    provide({
      kind: 'preconditioner',
      name: 'eps',
      summary: 'the network predicts ε',
      options: z.strictObject({}),
      create: epsPreconditioner,
    }),
    provide({
      kind: 'preconditioner',
      name: 'x0',
      summary: 'the network predicts x₀',
      options: z.strictObject({}),
      create: x0Preconditioner,
    }),
    provide({
      kind: 'preconditioner',
      name: 'score',
      summary: 'the network predicts the score of x_t',
      options: z.strictObject({}),
      create: scorePreconditioner,
    }),
    provide({
      kind: 'preconditioner',
      name: 'v',
      summary: 'the network predicts v = α ε − σ x₀',
      options: z.strictObject({}),
      create: vPreconditioner,
    }),
  ],
});
