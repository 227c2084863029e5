import { mul, tensor } from '@tensorflow/tfjs-core';
import { testMetric, testObjective, testSampler } from '@tweedie/conformance';
import { createNoise, createProvided, edm, karras } from '@tweedie/core';
import plugin, { gaussianEuler, logUniform, meanShift } from 'tweedie-plugin-example';
import { describe, expect, it } from 'vitest';

// The contract in executable form: one call a method.
testSampler({
  create: () => gaussianEuler(),
  // A rule that is broken on purpose is named, with the reason: the kit then holds that it is broken.
  deviates: { 'is exact for constant x̂₀ and constant ε̂': 'it is exact for a Gaussian instead' },
});
testSampler({ title: 'gaussian-euler with spread 0', create: () => gaussianEuler({ spread: 0 }) });
testObjective({ create: () => logUniform() });
testMetric({ create: () => meanShift() });

/** Runs a sampler to its end. */
const run = async (sampler, denoise, levels, start) => {
  const plan = sampler.plan(edm(), levels);
  const y = tensor(start, [1, start.length]);
  const steps = sampler.steps(denoise, y, plan, createNoise(1));
  for (;;) {
    const { done, value } = await steps.next();
    if (!done) continue;
    const values = Array.from(await value.data());
    value.dispose();
    y.dispose();
    return values;
  }
};

describe('gaussian-euler', () => {
  it('is exact on a Gaussian of its spread, in one step: y ∝ √(s² + ρ²)', async () => {
    const s = 0.7;
    const denoise = (y, rho) => mul(y, s ** 2 / (s ** 2 + rho ** 2));
    const [from, to] = [10, 0.5];
    const [a, b] = await run(gaussianEuler({ spread: s }), denoise, Float64Array.of(from, to), [8, -3]);
    const factor = Math.hypot(s, to) / Math.hypot(s, from);
    expect(a).toBeCloseTo(8 * factor, 5);
    expect(b).toBeCloseTo(-3 * factor, 5);
  });

  it('is Euler where the spread is 0', () => {
    const levels = karras({ steps: 5, max: 80, min: 0.002 });
    gaussianEuler({ spread: 0 })
      .plan(edm(), levels)
      .steps.forEach(({ keep, pull }, i) => {
        expect(keep).toBeCloseTo(levels[i + 1] / levels[i], 12);
        expect(pull).toBeCloseTo(1 - levels[i + 1] / levels[i], 12);
      });
  });

  it('tends to Euler as the spread does to 0', () => {
    const levels = Float64Array.of(10, 4, 1);
    const [near, at] = [1e-6, 0].map((spread) => gaussianEuler({ spread }).plan(edm(), levels).steps);
    near.forEach(({ keep, pull }, i) => {
      expect(keep).toBeCloseTo(at[i].keep, 9);
      expect(pull).toBeCloseTo(at[i].pull, 9);
    });
  });
});

describe('the plugin', () => {
  it('measures the spread of data', async () => {
    const images = Float32Array.of(1, -1, 3, 1, 5, 3); // three points of two values: each has variance 8/3 about its mean
    const dataset = {
      id: 'three',
      shape: [2],
      classes: 0,
      size: 3,
      rows: (at) => ({ images: Float32Array.from(Array.from(at).flatMap((i) => [...images.subarray(2 * i, 2 * i + 2)])) }),
    };
    const { statistics } = plugin.provides.find(({ name }) => name === 'gaussian-euler');
    const { header, tensors } = await statistics.estimate({ dataset, seed: 0n });
    expect(header).toMatchObject({ kind: 'spread', data: 'three', n: 3 });
    expect(header.spread).toBeCloseTo(Math.sqrt(8 / 3), 12);
    expect(Array.from(tensors.mean.data)).toEqual([3, 1]);
  });

  it('makes each method from options, and refuses options that it does not know', async () => {
    for (const provision of plugin.provides) expect((await createProvided(provision, {})).name).toBe(provision.name);
    await expect(createProvided(plugin.provides[0], { spred: 1 })).rejects.toThrow(/spred/);
  });
});
