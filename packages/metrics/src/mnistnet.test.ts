import { memory, tensor, tensor4d } from '@tensorflow/tfjs-core';
import { encodeSafetensors, type Dataset } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { trainMnistnet } from '../recipes/mnistnet.ts';
import { MNISTNET, mnistnet } from './mnistnet.ts';
import { loadMnistnet } from './node.ts';

/** 28 × 28 pictures of a bar, horizontal (class 0) or vertical (class 1), at one of many places. */
const bars: Dataset = {
  id: 'bars',
  shape: [28, 28, 1],
  classes: 10,
  size: 96,
  range: [-1, 1],
  rows: (indices) => {
    const images = new Float32Array(indices.length * 784).fill(-1);
    const labels = Int32Array.from(indices as ArrayLike<number> & Iterable<number>, (i) => i % 2);
    for (let row = 0; row < indices.length; row++) {
      const place = 6 + ((indices[row]! * 7) % 16);
      for (let along = 5; along < 23; along++) {
        for (const wide of [0, 1]) images[row * 784 + (labels[row] === 0 ? (place + wide) * 28 + along : along * 28 + place + wide)] = 1;
      }
    }
    return { images, labels };
  },
};

describe('the recipe of mnistnet', () => {
  it('trains by our drain, and folds its batch normalisation into a small file', async () => {
    const before = memory().numTensors;
    const options = { train: bars, test: bars, steps: 20, batchSize: 12, peak: 1e-2, measured: 48 };
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
    expect(extractor.id).toMatch(/^mnistnet-[0-9a-f]{8}$/);
    const images = tensor(bars.rows([0, 1, 2]).images, [3, 28, 28, 1]);
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
