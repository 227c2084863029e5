import { tensor } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechet } from './frechet.ts';
import { rawExtractor } from './raw-extractor.ts';

it('images are called pixels, points raw, and either is itself', async () => {
  expect([rawExtractor([2]).id, rawExtractor([4, 4, 3]).id]).toEqual(['raw', 'pixels']);
  const images = tensor(
    Float32Array.from({ length: 24 }, (_, i) => i),
    [2, 2, 2, 3],
  );
  const features = await rawExtractor([2, 2, 3]).features(images);
  expect(features.shape).toEqual([2, 12]);
  expect([...(await features.data())]).toEqual([...Array(24).keys()]);
  expect(() => rawExtractor([2, 3, 2]).features(images)).toThrow(/another shape.*expected \[2, 3, 2\]/);
  [images, features].forEach((used) => used.dispose());
});

it('a Fréchet distance of fewer images than pixels warns', async () => {
  const [shape, zeros] = [[4, 4, 3], Array<number>(48).fill(0)];
  const reference = datasetOf(normalRows(1, 120, zeros, 0.3), shape);
  const of = async (n: number) => {
    const accumulator = await frechet().start({ extractor: rawExtractor(shape), reference, seed: 1n });
    await addRows(accumulator, normalRows(2, n, zeros, 0.3), shape);
    return accumulator.result();
  };
  const few = await of(40);
  expect(few.name).toBe('FD-pixels');
  expect(few.details['warning']).toMatch(/n = 40 is not above the 48 features/);
  expect((await of(60)).details['warning']).toBeUndefined();
});
