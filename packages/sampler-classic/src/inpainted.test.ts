import { memory, tensor } from '@tensorflow/tfjs-core';
import { gaussian } from '@tweedie/analytic';
import { createNoise, edm, inpainted, karras, repaint, sample, vpLinear, type SampleEvent, type Sampler } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { ancestral, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp3m } from './dpmpp.ts';
import { dpmSolver2s } from './dpm-solver.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc } from './unipc.ts';

/** Nine correlated pixels: as an image [3, 3, 1]. */
const oracle = gaussian({
  mean: new Float64Array(9).fill(0.2),
  covariance: Float64Array.from({ length: 81 }, (_, at) => 0.3 * Math.exp(-Math.abs((at % 9) - Math.floor(at / 9)))),
  shape: [3, 3, 1],
});
const values = Float32Array.from({ length: 9 }, (_, i) => Math.cos(i));
const all: readonly Sampler[] = [
  euler(), ddim(), ddim({ eta: 0.5 }), ancestral(), eulerAncestral(), heun(), heun({ sChurn: 4 }), dpmSolver2s(), dpmpp2s(),
  dpmpp2m(), dpmpp2mSde(), dpmpp3m(), unipc(), deis(), ipndm(),
]; // prettier-ignore
const singleStep = new Set(['euler', 'ddim', 'ancestral', 'euler-ancestral', 'heun', 'dpm-solver-2s', 'dpmpp-2s']);

const planOf = (sampler: Sampler, schedule = edm()) =>
  sampler.plan(schedule, karras({ steps: 8, max: Math.min(80, schedule.rho(1)), min: 0.002, zero: sampler.facts.reachesZero }));
const imagesOf = async (run: AsyncIterable<SampleEvent>): Promise<number[]> => {
  const drawn: number[] = [];
  for await (const event of run) if (event.kind === 'images') drawn.push(...(await event.images.data()));
  return drawn;
};

describe.each(all.map((sampler) => [sampler.name, sampler] as const))('%s', (name, sampler) => {
  it('inpaints: the known image where all is known, under EDM and VP, without a leak', async () => {
    const [known, mask] = [tensor(values, [1, 3, 3, 1]), tensor(new Float32Array(9).fill(1), [1, 3, 3, 1])];
    const before = memory().numTensors;
    for (const schedule of [edm(), vpLinear()]) {
      const plan = planOf(sampler, schedule);
      const options = { sampler, plan, shape: [3, 3, 1], count: 3, noise: createNoise(2) };
      const drawn = await imagesOf(sample({ ...options, denoise: inpainted(oracle.denoiser, { known, mask }) }));
      // Where the last level is not 0, its noise is left.
      const close = plan.levels.at(-1) === 0 ? 2e-5 : 0.02;
      drawn.forEach((v, at) => expect(Math.abs(v - values[at % 9]!)).toBeLessThan(close));
    }
    expect(memory().numTensors).toBe(before);
    [known, mask].forEach((each) => each.dispose());
  });

  it(`${singleStep.has(name) ? 'goes' : 'does not go'} back and forth`, async () => {
    const [known, mask] = [tensor(values, [1, 3, 3, 1]), tensor([1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 3, 3, 1])];
    const run = repaint({
      sampler,
      plan: planOf(sampler),
      denoise: oracle.denoiser,
      shape: [3, 3, 1],
      count: 2,
      noise: createNoise(2),
      known,
      mask,
      jumpLength: 2,
      resamples: 2,
    });
    if (singleStep.has(name)) expect((await imagesOf(run)).every(Number.isFinite)).toBe(true);
    else await expect(imagesOf(run)).rejects.toThrow(new RegExp(`\\[repaint\\] step 1 of ${name} is another one`));
    [known, mask].forEach((each) => each.dispose());
  });
});
