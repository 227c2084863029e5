import { memory, tensor, tensor4d } from '@tensorflow/tfjs-core';
import { encodeSafetensors } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { trainMnistnet } from '../recipes/mnistnet.ts';
import { bars } from '../test/bars.ts';
import { MNISTNET, mnistnet } from './mnistnet.ts';
import { loadMnistnet } from './node.ts';

const digits = bars(28, 1);

describe('the recipe of mnistnet', () => {
  it('trains by our drain, and folds its batch normalisation into a small file', async () => {
    const before = memory().numTensors;
    const options = { train: digits, test: digits, steps: 20, batchSize: 12, peak: 1e-2, measured: 48 };
    const { file, accuracy } = await trainMnistnet(options);
    expect(accuracy).toBeGreaterThan(0.95); // chance is .5; a wrong fold is near it
    expect(memory().numTensors).toBe(before);
    expect(MNISTNET.convolutions.reduce((sum, { from, to }) => sum + 9 * from * to + 2 * to, 650)).toBe(61_050);
    expect(file.length).toBeLessThan(150_000);
  }, 180_000);
});

describe('mnistnet', () => {
  it('sees the grey levels of a saved picture: clipped and rounded', async () => {
    const extractor = await loadMnistnet();
    const levels = Float32Array.from({ length: 784 }, (_, i) => Math.round(127.5 + 120 * Math.sin(i / 9)) / 127.5 - 1);
    const features = async (values: Float32Array): Promise<Float32Array> => {
      const images = tensor4d(values, [1, 28, 28, 1]);
      const out = await extractor.features(images);
      const read = Float32Array.from(await out.data());
      [images, out].forEach((used) => used.dispose());
      return read;
    };
    const exact = await features(levels);
    expect(await features(levels.map((v, i) => v + 0.003 * Math.cos(i)))).toEqual(exact);
    expect(await features(levels.map((v) => (v > 0.9 ? 1.4 : v)))).toEqual(await features(levels.map((v) => (v > 0.9 ? 1 : v))));
    expect(exact).toHaveLength(64);
  });

  it('is named by its weights, and keeps no tensor', async () => {
    const extractor = await loadMnistnet();
    expect(extractor.id).toBe('mnistnet-7cfe34a7');
    const images = tensor(digits.rows([0, 1, 2]).images, [3, 28, 28, 1]);
    const before = memory().numTensors;
    const [features, logits] = [await extractor.features(images), await extractor.logits!(images)];
    expect([features.shape, logits.shape]).toEqual([
      [3, 64],
      [3, 10],
    ]);
    [features, logits].forEach((used) => used.dispose());
    expect(memory().numTensors).toBe(before);
    images.dispose();
  });

  it('refuses images that are no digits and files that are not its weights', async () => {
    const extractor = await loadMnistnet();
    const colour = tensor(new Float32Array(3072), [1, 32, 32, 3]);
    expect(() => extractor.features(colour)).toThrow(/no MNIST digits.*32,32,3/);
    colour.dispose();
    await expect(mnistnet(Uint8Array.of(1, 2, 3))).rejects.toThrow(/mnistnet weights/);
    await expect(mnistnet(encodeSafetensors({ tensors: { 'conv0.weight': { shape: [1], data: Float32Array.of(1) } } }))).rejects.toThrow(
      /"conv0.weight" is not of this network/,
    );
  });
});
