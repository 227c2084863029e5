import { memory, tensor, tidy, type Rank, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core';
import { createNoise, toTensors } from '@tweedie/core';
import { expect, it } from 'vitest';
import { folded, initialValues, trainedFeatures, trainedParameters } from '../recipes/batch-norm.ts';
import { featuresOf, seenBy, type ClassifierSpec } from './classifier.ts';

const spec: ClassifierSpec = {
  name: 'small',
  judges: 'small images',
  shape: [8, 8, 2],
  features: 5,
  classes: 3,
  convolutions: [
    { name: 'conv0', from: 2, to: 4, stride: 1 },
    { name: 'conv1', from: 4, to: 5, stride: 2 },
  ],
  normalisation: { mean: [0.4, 0.6], deviation: [0.2, 0.3] },
};

it('what is folded of a batch, in parts, is what was normalised over the whole of it', async () => {
  const noise = createNoise(1);
  const specs = trainedParameters(spec);
  const values = Object.fromEntries(
    Object.entries(initialValues(specs, noise)).map(([name, data], draw) => {
      const z = noise.hostNormal([1, data.length], { stream: 99, draw });
      return [name, name.startsWith('conv') ? data.map((value, i) => value + 0.3 * z[i]!) : data];
    }),
  );
  const rows = Float32Array.from(noise.hostUniform([12, 128], { stream: 98 }), (u) => 2 * u - 1);
  const images = (from: number, to: number): Tensor4D => tensor<Rank.R4>(rows.subarray(from * 128, to * 128), [to - from, 8, 8, 2]);
  const before = memory().numTensors;
  const weights = toTensors(specs, values);
  const stored = await folded(spec, weights, function* () {
    yield images(0, 5);
    yield images(5, 12);
  });
  const [normalised, plain] = tidy(() => {
    const seen = seenBy(spec, images(0, 12));
    const held = Object.fromEntries(Object.entries(stored).map(([name, { shape, data }]) => [name, tensor(data, [...shape])]));
    return [trainedFeatures(spec, weights, seen), featuresOf(spec, held, seen)];
  }) as [Tensor2D, Tensor2D];
  const [want, got] = [await normalised.data(), await plain.data()];
  want.forEach((value, i) => expect(Math.abs(got[i]! - value)).toBeLessThan(1e-5));
  expect(Math.max(...want)).toBeGreaterThan(0.3);
  [normalised, plain, ...Object.values(weights)].forEach((used) => used.dispose());
  expect(memory().numTensors).toBe(before);
});
