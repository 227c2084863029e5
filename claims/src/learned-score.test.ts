import { memory, reshape, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { createNoise, STREAM, type Dataset, type Model } from '@tweedie/core';
import { estimateGaussian } from '@tweedie/sampler-teleport';
import { gaussian } from '@tweedie/analytic';
import { expect, it } from 'vitest';
import { approximationsOf, type Approximations } from './approximations.ts';
import { explainedVariance } from './explained-variance.ts';
import { initialTrajectory } from './initial-trajectory.ts';

/** Two classes of 2 × 2 pixels, far apart in one direction. */
const N = 128;
const z = createNoise(5n).hostNormal([N, 4], { stream: STREAM.data });
const images = Float32Array.from(z, (v, i) => 0.1 * v * (i % 4 === 3 ? 0.2 : 1) + (i % 4 === 0 ? (Math.floor(i / 4) % 2 ? 0.6 : -0.6) : 0));
const data: Dataset = {
  id: 'two',
  shape: [2, 2, 1],
  classes: 2,
  size: N,
  range: [-1, 1],
  rows: (indices) => ({
    images: Float32Array.from(Array.from(indices).flatMap((i) => [...images.subarray(4 * i, 4 * i + 4)])),
    labels: Int32Array.from(indices, (i) => i % 2),
  }),
};

/** A model that is one of the formulas. */
const modelOf =
  ({ formulas }: Approximations, name: 'gaussian' | 'mixture' | 'delta'): Model['denoise'] =>
  (y, rho) =>
    tidy(() => reshape(formulas[name](reshape(y, [-1, 4]) as Tensor2D, rho as number), y.shape));
const of = (approximations: Approximations, name: 'gaussian' | 'mixture' | 'delta') =>
  explainedVariance({ denoise: modelOf(approximations, name), approximations, data, n: N, sigmas: [0.2, 20], seed: 1 });

it('leaves nothing of a model unexplained that is the formula itself, and something by the others', async () => {
  const before = memory().numTensors;
  const approximations = approximationsOf(data, N);
  for (const name of ['gaussian', 'mixture', 'delta'] as const) {
    const [near, far] = await of(approximations, name);
    expect(near!.unexplained[name]).toMatchObject({ score: 0, denoiser: 0 });
    const others = (['mean', 'isotropic', 'gaussian', 'mixture', 'delta'] as const).filter((other) => other !== name);
    for (const other of others) expect(near!.unexplained[other].denoiser).toBeGreaterThan(1e-4);
    // The mean is right up to what the model has beyond it; far out all of them are the same.
    expect(near!.unexplained.mean.denoiser).toBeCloseTo(1, 1);
    expect(far!.unexplained.gaussian.score).toBeLessThan(1e-6);
    expect(near!.error).toBeCloseTo(near!.errors[name], 6);
  }
  approximations.dispose();
  expect(memory().numTensors).toBe(before);
});

it('orders the formulas by their error, the mixture best where there are classes', async () => {
  const approximations = approximationsOf(data, N);
  const { errors } = (await of(approximations, 'mixture'))[0]!;
  expect(errors.mixture).toBeLessThan(errors.gaussian);
  expect(errors.gaussian).toBeLessThan(errors.isotropic);
  expect(errors.isotropic).toBeLessThan(errors.mean);
  approximations.dispose();
});

it('follows a Gaussian model along its own flow, and departs from a model of classes', async () => {
  const file = await estimateGaussian({ dataset: data, n: N, seed: 0n });
  const { mean, values, vectors } = file.tensors as Record<string, { data: Float32Array }>;
  const law = gaussian({ mean: mean!.data, eigen: { values: values!.data, vectors: vectors!.data }, shape: data.shape });
  const before = memory().numTensors;
  const own = await initialTrajectory({ model: { denoise: law.denoiser, shape: data.shape }, gaussian: file, n: 32, steps: 24, seed: 1 });
  expect(memory().numTensors).toBe(before);
  expect(own).toHaveLength(24);
  expect(own[0]).toMatchObject({ rho: 80, state: 0 });
  for (const { unexplained, state } of own) {
    expect(unexplained).toBeLessThan(0.02);
    expect(state).toBeLessThan(0.03);
  }
  const approximations = approximationsOf(data, N);
  const other = await initialTrajectory({
    model: { denoise: modelOf(approximations, 'mixture'), shape: data.shape },
    gaussian: file,
    n: 32,
    steps: 24,
    seed: 1,
  });
  expect(other.at(-1)!.unexplained).toBeGreaterThan(0.03);
  expect(other[1]!.unexplained).toBeLessThan(other.at(-1)!.unexplained);
  approximations.dispose();
});
