import { memory, tensor, tensor4d, tidy, type Tensor4D } from '@tensorflow/tfjs-core';
import { createNoise, decodeSafetensors, encodeSafetensors, type TrainState } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { mirroredAndShifted } from '../recipes/augment.ts';
import { trainCifarnet } from '../recipes/cifarnet.ts';
import { bars } from '../test/bars.ts';
import { CIFARNET, cifarnet } from './cifarnet.ts';
import { seenBy } from './classifier.ts';
import { loadCifarnet } from './node.ts';

const colours = bars(32, 3);

describe('the recipe of cifarnet', () => {
  it('trains by our drain, resumes to the bit, and folds its batch normalisation into a small file', async () => {
    const before = memory().numTensors;
    const options = { train: colours, test: colours, steps: 12, batchSize: 8, peak: 1e-2, measured: 32 };
    const saved: TrainState[] = [];
    const { file, accuracy } = await trainCifarnet({ ...options, save: { every: 8, to: async (state) => void saved.push(state) } });
    expect(accuracy).toBeGreaterThan(0.95); // chance is .5; a wrong fold is near it
    expect(saved.map(({ step }) => step)).toEqual([8]);
    expect((await trainCifarnet({ ...options, state: saved[0]! })).file).toEqual(file);
    expect(memory().numTensors).toBe(before);
    expect(CIFARNET.convolutions.reduce((sum, { from, to }) => sum + 9 * from * to + 2 * to, 2570)).toBe(539_178);
    expect(file.length).toBeLessThan(1_300_000);
    expect(decodeSafetensors(file, 'file').metadata).toMatchObject({
      network: 'cifarnet',
      data: 'bars',
      steps: '12',
      batch: '8',
      seed: '1',
    });
  }, 180_000);

  it('mirrors and shifts each image by itself, the same for a row whatever the part it is drawn in', async () => {
    const by = 2;
    const [rows, height, width] = [64, 6, 8];
    const values = Float32Array.from({ length: rows * height * width * 2 }, (_, i) => i);
    const augmented = async (first: number, count: number): Promise<Float32Array> => {
      const part = values.subarray(first * height * width * 2, (first + count) * height * width * 2);
      const out = tidy(() => mirroredAndShifted(by)(tensor(part, [count, height, width, 2]) as Tensor4D, createNoise(5).rows(first), 3));
      const read = Float32Array.from(await out.data());
      out.dispose();
      return read;
    };
    const whole = await augmented(0, rows);
    expect(await augmented(40, 8)).toEqual(whole.subarray(40 * height * width * 2, 48 * height * width * 2));
    // Every row is one of the 2 · 5 · 5 pictures that there can be, and over the rows nearly half of them are met.
    const mirror = (place: number, size: number): number =>
      [...Array(size).keys()].find((at) => [at, -at, 2 * size - 2 - at].includes(place))!;
    const met = new Set<string>();
    for (let row = 0; row < rows; row++) {
      const fits = [false, true].flatMap((flip) =>
        [-2, -1, 0, 1, 2].flatMap((down) =>
          [-2, -1, 0, 1, 2]
            .filter((right) =>
              [...Array(height * width * 2).keys()].every((at) => {
                const [y, x, c] = [Math.floor(at / (2 * width)), Math.floor(at / 2) % width, at % 2];
                const from = [mirror(y + down, height), mirror((flip ? width - 1 - x : x) + right, width)] as const;
                return whole[row * height * width * 2 + at] === values[((row * height + from[0]) * width + from[1]) * 2 + c];
              }),
            )
            .map((right) => `${flip} ${down} ${right}`),
        ),
      );
      expect(fits).toHaveLength(1);
      met.add(fits[0]!);
    }
    expect(met.size).toBeGreaterThan(25);
  });
});

describe('cifarnet', () => {
  it('sees each channel less its mean, by its deviation over the training split', async () => {
    const [mean, deviation] = [
      [0.4914, 0.4822, 0.4465],
      [0.247, 0.2435, 0.2616],
    ] as const;
    const values = Float32Array.from({ length: 6 }, (_, i) => 2 * (mean[i % 3]! + (i < 3 ? 0 : deviation[i % 3]!)) - 1);
    const images = tensor4d(values, [2, 1, 1, 3]);
    const seen = seenBy(CIFARNET, images);
    // Half a level is .002 of white, .008 of the deviation.
    [...(await seen.data())].forEach((value, i) => expect(Math.abs(value - (i < 3 ? 0 : 1))).toBeLessThan(0.0085));
    [images, seen].forEach((used) => used.dispose());
  });

  it('sees the levels of a saved picture: clipped and rounded', async () => {
    const extractor = await loadCifarnet();
    const levels = Float32Array.from({ length: 3072 }, (_, i) => Math.round(127.5 + 120 * Math.sin(i / 9)) / 127.5 - 1);
    const features = async (values: Float32Array): Promise<Float32Array> => {
      const images = tensor4d(values, [1, 32, 32, 3]);
      const out = await extractor.features(images);
      const read = Float32Array.from(await out.data());
      [images, out].forEach((used) => used.dispose());
      return read;
    };
    const exact = await features(levels);
    expect(await features(levels.map((v, i) => v + 0.003 * Math.cos(i)))).toEqual(exact);
    expect(await features(levels.map((v) => (v > 0.9 ? 1.4 : v)))).toEqual(await features(levels.map((v) => (v > 0.9 ? 1 : v))));
    expect(await features(levels.map((v) => (v > 0.5 ? v - 2 / 255 : v)))).not.toEqual(exact);
    expect(exact).toHaveLength(256);
  });

  it('is named by its weights, and keeps no tensor', async () => {
    const extractor = await loadCifarnet();
    expect(extractor.id).toMatch(/^cifarnet-[0-9a-f]{8}$/);
    const images = tensor(colours.rows([0, 1, 2]).images, [3, 32, 32, 3]);
    const before = memory().numTensors;
    const [features, logits] = [await extractor.features(images), await extractor.logits!(images)];
    expect([features.shape, logits.shape]).toEqual([
      [3, 256],
      [3, 10],
    ]);
    [features, logits].forEach((used) => used.dispose());
    expect(memory().numTensors).toBe(before);
    images.dispose();
  });

  it('refuses grey images, another size, and files that are not its weights', async () => {
    const extractor = await loadCifarnet();
    for (const shape of [
      [1, 32, 32, 1],
      [1, 28, 28, 3],
    ]) {
      const other = tensor(new Float32Array(shape.reduce((product, n) => product * n)), shape);
      expect(() => extractor.features(other)).toThrow(/no CIFAR images.*expected \[32, 32, 3\], colour/);
      other.dispose();
    }
    await expect(cifarnet(Uint8Array.of(1, 2, 3))).rejects.toThrow(/cifarnet weights/);
    await expect(cifarnet(encodeSafetensors({ tensors: { 'conv0.weight': { shape: [1], data: Float32Array.of(1) } } }))).rejects.toThrow(
      /"conv0.weight" is not of this network/,
    );
  });
});
