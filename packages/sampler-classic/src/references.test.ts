import { createNoise, edm, karras, logSnr, STREAM, timePower, vpLinear, type Sampler, type Schedule } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { lifted, M3, posteriorMean, relative, run, starts, type Point } from '../test/problems.ts';
import * as written from '../test/references.ts';
import { ancestral, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3 } from './dpmpp.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc } from './unipc.ts';

const NEVER = { lowerOrderFinal: 'never' } as const;

interface Case {
  readonly name: string;
  readonly sampler: Sampler;
  readonly reference: written.Reference;
  /** What the plan's numbers are of; absent where the plan cannot be run on the host. */
  readonly remembered?: 'x0' | 'eps';
}

const unipcs = ([1, 2, 3] as const).flatMap((order) =>
  (['bh1', 'bh2'] as const).flatMap((variant) =>
    (['x0', 'eps'] as const).flatMap((prediction) =>
      (['published', 'exact'] as const).map((parity): Case => ({
        name: `unipc ${order} ${variant} ${prediction} ${parity}`,
        sampler: unipc({ order, variant, prediction, parity, ...NEVER }),
        reference: written.unipc({ order, variant, data: prediction === 'x0', shortcuts: parity === 'published' }),
        remembered: prediction,
      })),
    ),
  ),
);

const CASES: readonly Case[] = [
  { name: 'euler', sampler: euler(), reference: written.ddim(0), remembered: 'x0' },
  { name: 'heun', sampler: heun(), reference: written.heun },
  { name: 'dpm-solver-2s', sampler: dpmSolver2s(), reference: written.dpmSolver2s, remembered: 'eps' },
  { name: 'dpm-solver-3s', sampler: dpmSolver3s(), reference: written.dpmSolver3s, remembered: 'eps' },
  { name: 'dpmpp-2s', sampler: dpmpp2s(), reference: written.dpmpp2s, remembered: 'x0' },
  { name: 'dpmpp-2m', sampler: dpmpp2m(NEVER), reference: written.dpmpp(2), remembered: 'x0' },
  { name: 'dpmpp-3m', sampler: dpmpp3m(NEVER), reference: written.dpmpp(3), remembered: 'x0' },
  { name: 'dpmpp-3m-o3', sampler: dpmpp3mO3(NEVER), reference: written.dpmpp(3, 2), remembered: 'x0' },
  {
    name: 'dpmpp-3m, lower order at the end',
    sampler: dpmpp3m({ lowerOrderFinal: 'always' }),
    reference: written.dpmpp(3, 1, true),
    remembered: 'x0',
  },
  {
    name: 'unipc, lower order at the end',
    sampler: unipc({ lowerOrderFinal: 'always' }),
    reference: written.unipc({ order: 3, variant: 'bh2', data: true, shortcuts: true, lowerFinal: true }),
    remembered: 'x0',
  },
  {
    name: 'unipc, the predictor alone',
    sampler: unipc({ corrector: false, ...NEVER }),
    reference: written.unipc({ order: 3, variant: 'bh2', data: true, shortcuts: true, corrector: false }),
    remembered: 'x0',
  },
  ...unipcs,
  ...[0, 1, 2, 3].map((degree): Case => ({
    name: `deis t-ab ${degree}`,
    sampler: deis({ variant: 't-ab', degree }),
    reference: written.tAb(degree),
    remembered: 'eps',
  })),
  ...[1, 2, 3].map((degree): Case => ({
    name: `deis rho-ab ${degree}`,
    sampler: deis({ variant: 'rho-ab', degree }),
    reference: written.rhoAb(degree),
    remembered: 'eps',
  })),
  ...([1, 2] as const).map((degree): Case => ({
    name: `deis log-rho-ab ${degree}`,
    sampler: deis({ variant: 'log-rho-ab', degree }),
    reference: written.logRhoAb(degree),
    remembered: 'eps',
  })),
  { name: 'deis rho-heun', sampler: deis({ variant: 'rho-heun' }), reference: written.rhoRk(2), remembered: 'eps' },
  { name: 'deis rho-kutta3', sampler: deis({ variant: 'rho-kutta3' }), reference: written.rhoRk(3), remembered: 'eps' },
  { name: 'deis rho-rk4', sampler: deis({ variant: 'rho-rk4' }), reference: written.rhoRk(4), remembered: 'eps' },
  ...([1, 2, 3, 4] as const).map((terms): Case => ({
    name: `ipndm ${terms}`,
    sampler: ipndm({ terms }),
    reference: written.ipndm(terms),
    remembered: 'eps',
  })),
  { name: 'ancestral small', sampler: ancestral(), reference: written.ancestral('small') },
  { name: 'ancestral large', sampler: ancestral({ variance: 'large' }), reference: written.ancestral('large') },
  { name: 'ddim η = .5', sampler: ddim({ eta: 0.5 }), reference: written.ddim(0.5) },
  { name: 'euler-ancestral η = .7', sampler: eulerAncestral({ eta: 0.7 }), reference: written.eulerAncestral(0.7) },
  { name: 'dpmpp-2m-sde', sampler: dpmpp2mSde(), reference: written.dpmpp2mSde(1) },
  { name: 'dpmpp-2m-sde η = .4', sampler: dpmpp2mSde({ eta: 0.4 }), reference: written.dpmpp2mSde(0.4) },
  { name: 'dpmpp-2s-sde', sampler: dpmpp2sSde(), reference: written.dpmpp2sSde(1) },
  { name: 'dpmpp-2s-sde η = .4', sampler: dpmpp2sSde({ eta: 0.4 }), reference: written.dpmpp2sSde(0.4) },
];

const vp = vpLinear();
const GRIDS: readonly (readonly [string, Schedule, (steps: number) => Float64Array])[] = [edm(), vp].flatMap((schedule) => {
  const [max, min] = schedule === vp ? [vp.rho(1), vp.rho(1e-3)] : [80, 0.002];
  const title = schedule === vp ? 'VP' : 'EDM';
  return [
    [`${title} Karras`, schedule, (steps: number) => karras({ steps, max, min })] as const,
    [`${title} logSNR`, schedule, (steps: number) => logSnr({ steps, max, min })] as const,
    [`${title} t²`, schedule, (steps: number) => timePower(schedule, { steps, max, min, power: 2 })] as const,
  ];
});

const denoise = posteriorMean(M3);
const noise = createNoise(7n);

describe('D7: each method is what its paper writes in x, over whole runs of 5, 10 and 50 steps', () => {
  it.each(CASES)('$name', async ({ sampler, reference, remembered }) => {
    let host = 0;
    const tensors: Record<number, number> = { 5: 0, 10: 0, 50: 0 };
    for (const [, schedule, grid] of GRIDS) {
      for (const steps of [5, 10, 50]) {
        const levels = grid(steps);
        const plan = sampler.plan(schedule, levels);
        const from = starts(levels[0]!, 3).slice(0, 4);
        const want = from.map((start, row) => {
          const z = (step: number, draw: number): Point => [...noise.rows(row).hostNormal([1, 3], { stream: STREAM.sampler, step, draw })];
          return reference({ denoise, schedule, levels, start, z });
        });
        if (remembered !== undefined) {
          const got = from.map((start) => hostRun(plan, denoise, start, remembered));
          host = Math.max(host, relative(got, want));
        }
        tensors[steps] = Math.max(tensors[steps]!, relative(await run(sampler, lifted(denoise), from, plan, noise), want));
      }
    }
    expect(host).toBeLessThan(1e-11);
    expect(tensors[50]).toBeLessThan(1e-5);
    // Five steps from 80 to .002 are of h ≈ 2: an ε̂ that was rounded to float32 is weighed by up to e^h and more.
    const coarse = remembered === 'eps' || sampler.name === 'heun' ? 3e-4 : 1e-5;
    expect(Math.max(tensors[5]!, tensors[10]!)).toBeLessThan(coarse);
  });
});
