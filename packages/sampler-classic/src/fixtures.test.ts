import { createNoise, edm, karras, type Sampler } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { FIXTURE, lifted, posteriorMean, relative, run } from '../test/problems.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s } from './dpm-solver.ts';
import { dpmpp2m, dpmpp3m } from './dpmpp.ts';
import { ipndm } from './ipndm.ts';
import { unipc } from './unipc.ts';

const NEVER = { lowerOrderFinal: 'never' } as const;
/** samplers.md 13.6: one dimension, EDM, eight steps on Karras levels 80 → .002, from 40, −25 and 3. */
const TABLE: readonly (readonly [name: string, sampler: Sampler, remembered: 'x0' | 'eps', ends: readonly number[]])[] = [
  ['DDIM', deis({ degree: 0 }), 'eps', [0.4522344861, 0.0713292087, 0.2636721012]],
  ['tAB3', deis({ variant: 't-ab', degree: 3 }), 'eps', [0.4961423523, 0.0784356318, 0.2919682737]],
  ['rhoAB3', deis({ variant: 'rho-ab', degree: 3 }), 'eps', [0.4961423523, 0.0784356318, 0.2919682737]],
  ['logrhoAB2', deis({ variant: 'log-rho-ab', degree: 2 }), 'eps', [0.5660024644, 0.1057459508, 0.3415360399]],
  ['Heun', deis({ variant: 'rho-heun' }), 'eps', [0.6564718985, 0.1361637591, 0.3944980494]],
  ['iPNDM4', ipndm(), 'eps', [0.5838167837, 0.1184937529, 0.3550250958]],
  ['DPM-2S', dpmSolver2s(), 'eps', [0.6001670552, 0.1882544466, 0.424161171]],
  ['DPM-3S', dpmSolver3s(), 'eps', [0.5326463662, 0.1537836413, 0.3212791764]],
  ['DPM++2M', dpmpp2m(NEVER), 'x0', [0.6763360235, 0.1205119989, 0.4087446207]],
  ['DPM++3M published', dpmpp3m(NEVER), 'x0', [0.697573903, 0.2496099072, 0.4735648066]],
  ['UniPC2 bh1', unipc({ order: 2, variant: 'bh1', ...NEVER }), 'x0', [1.3707163076, 0.2877102517, 0.8770116974]],
  ['UniPC2 bh2', unipc({ order: 2, ...NEVER }), 'x0', [0.6897805072, 0.1283086136, 0.420924726]],
  ['UniPC3 bh2 data', unipc({ order: 3, ...NEVER }), 'x0', [0.6387452955, 0.320953878, 0.470373045]],
  ['UniPC3 bh2 noise', unipc({ order: 3, prediction: 'eps', ...NEVER }), 'eps', [0.5617369101, 0.1072615315, 0.3359530262]],
];

describe('golden trajectories', () => {
  const levels = karras({ steps: 8, max: 80, min: 0.002 });
  const denoise = posteriorMean(FIXTURE);
  const starts = [[40], [-25], [3]];
  it.each(TABLE)('%s: coefficients in float64 (2e-10), tensors (2e-5)', async (_, sampler, remembered, ends) => {
    const plan = sampler.plan(edm(), levels);
    starts.forEach((start, k) => expect(Math.abs(hostRun(plan, denoise, start, remembered)[0]! - ends[k]!)).toBeLessThan(2e-10));
    const got = await run(sampler, lifted(denoise), starts, plan, createNoise(0));
    expect(relative(got, ends.map((end) => [end]))).toBeLessThan(2e-5); // prettier-ignore
  });
});
