import { memory, tensor } from '@tensorflow/tfjs-core';
import type { Extractor } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechet } from './frechet.ts';
import { pcaExtractor } from './pca-extractor.ts';
import { principalComponents } from './principal-components.ts';
import { rawExtractor } from './raw-extractor.ts';

/** Rows with variances 9, 4, 1 and .25 along the columns of a rotation: that of (1, 1, 0, 0)/√2 and its like. */
const VARIANCES = [9, 4, 1, 0.25];
const AXES = [
  [1, 1, 0, 0],
  [1, -1, 0, 0],
  [0, 0, 1, 1],
  [0, 0, 1, -1],
].map((axis) => axis.map((value) => value * Math.SQRT1_2));
const rotated = (seed: number, n: number): Float32Array => {
  const z = normalRows(seed, n, [0, 0, 0, 0]);
  return Float32Array.from({ length: n * 4 }, (_, at) => {
    const [row, i] = [Math.floor(at / 4), at % 4];
    return 5 + VARIANCES.reduce((sum, variance, k) => sum + Math.sqrt(variance) * z[row * 4 + k]! * AXES[k]![i]!, 0);
  });
};
const products = (basis: Float64Array, count: number): number[][] =>
  Array.from({ length: count }, (_, j) =>
    Array.from({ length: count }, (__, k) => {
      let sum = 0;
      for (let i = 0; i * count < basis.length; i++) sum += basis[i * count + j]! * basis[i * count + k]!;
      return sum;
    }),
  );
const expectIdentity = (matrix: number[][]): void =>
  matrix.forEach((row, j) => row.forEach((value, k) => expect(value).toBeCloseTo(j === k ? 1 : 0, 10)));

describe('principal components', () => {
  it('find the directions and the variances of a known covariance', () => {
    const { basis, variances, mean } = principalComponents(rotated(1, 20_000), 4, 4);
    VARIANCES.forEach((variance, k) => {
      expect(variances[k]! / variance).toBeCloseTo(1, 1);
      const along = AXES[k]!.reduce((sum, value, i) => sum + value * basis[i * 4 + k]!, 0);
      expect(Math.abs(along)).toBeGreaterThan(0.999);
      expect(mean[k]).toBeCloseTo(5, 1);
    });
    expectIdentity(products(basis, 4));
  });

  it('are the same through the Gram matrix of few wide rows as through their covariance, and orthonormal', () => {
    const [n, width, count] = [20, 24, 15];
    const rows = normalRows(
      2,
      n,
      Array<number>(width).fill(3),
      Array.from({ length: width }, (_, i) => 1 + i),
    );
    const wide = principalComponents(rows, width, count);
    expectIdentity(products(wide.basis, count));
    // The same rows with a copy of each have the same components, but more rows than dimensions: through the covariance.
    const twice = Float32Array.of(...rows, ...rows);
    const tall = principalComponents(twice, width, count);
    for (let k = 0; k < count; k++) expect(tall.variances[k]! / wide.variances[k]!).toBeCloseTo((2 * (n - 1)) / (2 * n - 1), 10);
    wide.basis.forEach((value, i) => expect(tall.basis[i]).toBeCloseTo(value, 8));
  });

  it('refuse more than the rows span', () => {
    const rows = normalRows(3, 4, Array<number>(30).fill(0));
    expect(() => principalComponents(Float32Array.of(...rows, ...rows), 30, 6)).toThrow(/do not span so many.*got 6, expected at most 3/);
  });
});

describe('pcaExtractor', () => {
  const shape = [2, 2, 1];
  const dataset = datasetOf(rotated(4, 600), shape);
  const features = async (extractor: Extractor, values: Float32Array): Promise<Float32Array> => {
    const images = tensor(values, [values.length / 4, ...shape]);
    const out = await extractor.features(images);
    const read = Float32Array.from(await out.data());
    [images, out].forEach((used) => used.dispose());
    return read;
  };

  it('projects: means 0, uncorrelated, the largest variance first', async () => {
    const extractor = await pcaExtractor(dataset, { dims: 2, rows: 600 });
    expect(extractor.dims).toBe(2);
    const values = await features(extractor, rotated(4, 600));
    const moment = (i: number, j: number): number => {
      let sum = 0;
      for (let row = 0; row < 600; row++) sum += values[row * 2 + i]! * (j < 0 ? 1 : values[row * 2 + j]!);
      return sum / 599;
    };
    for (const i of [0, 1]) expect(moment(i, -1)).toBeCloseTo(0, 4);
    expect(moment(0, 1)).toBeCloseTo(0, 4);
    expect(moment(0, 0)).toBeGreaterThan(7.5);
    expect(moment(1, 1)).toBeCloseTo(4, 0);
  });

  it('in the full basis the Fréchet distance is that of the points', async () => {
    const other = rotated(5, 400).map((value, at) => 1.2 * value + (at % 4));
    const distance = async (extractor: Extractor): Promise<number> => {
      const accumulator = await frechet().start({ extractor, reference: dataset, seed: 1n });
      await addRows(accumulator, other, shape);
      return (await accumulator.result()).value;
    };
    const [raw, pca] = [await distance(rawExtractor(shape)), await distance(await pcaExtractor(dataset, { dims: 4 }))];
    expect(pca / raw).toBeCloseTo(1, 5);
    // On one component alone it is not: what lies across is not seen.
    expect((await distance(await pcaExtractor(dataset, { dims: 1 }))) / raw).toBeLessThan(0.9);
  });

  it('is named by its basis, and keeps no tensor', async () => {
    const before = memory().numTensors;
    const extractor = await pcaExtractor(dataset, { dims: 3, rows: 100, seed: 1n });
    expect(extractor.id).toMatch(/^pca3-[0-9a-f]{8}$/);
    expect((await pcaExtractor(dataset, { dims: 3, rows: 100, seed: 1n })).id).toBe(extractor.id);
    expect((await pcaExtractor(dataset, { dims: 3, rows: 100, seed: 2n })).id).not.toBe(extractor.id);
    expect((await pcaExtractor(dataset)).id).toMatch(/^pca4-/);
    await features(extractor, rotated(6, 3));
    expect(memory().numTensors).toBe(before);
  });

  it('refuses what the rows cannot give, and images of another shape', async () => {
    await expect(pcaExtractor(dataset, { dims: 5 })).rejects.toThrow(/not so many components.*got 5, expected 1 to 4/);
    await expect(pcaExtractor(dataset, { dims: 4, rows: 4 })).rejects.toThrow(/expected 1 to 3, for 4 rows of 4 numbers/);
    await expect(pcaExtractor(dataset, { rows: 601 })).rejects.toThrow(/rows does not fit the data.*got 601/);
    const extractor = await pcaExtractor(dataset);
    const flat = tensor(new Float32Array(8), [2, 4]);
    expect(() => extractor.features(flat)).toThrow(/another shape.*expected \[2, 2, 1\]/);
    flat.dispose();
  });
});
