import { decodeStatistics, encodeStatistics, hostDft2, type Dataset, type StatisticsFile } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { filterStatistics, gainsOf, pdsFilter, powerLaw, readFilter } from './filter.ts';
import { normals } from '../test/host.ts';

const shape = [4, 6, 2];
const dims = 48;
const images = Float32Array.from(normals(1, 300 * dims), (v) => Math.tanh(v / 2));

/** Images whose values are `scale·x + shift`, said to be in `range`. */
const data = (range: readonly [number, number] | undefined, scale = 1, shift = 0, of: readonly number[] = shape): Dataset => ({
  id: 'planted@1',
  shape: of,
  classes: 0,
  size: 300,
  ...(range === undefined ? {} : { range }),
  rows: (indices) => ({
    images: Float32Array.from({ length: indices.length * dims }, (_, at) => {
      const row = indices[Math.floor(at / dims)]!;
      return scale * images[row * dims + (at % dims)]! + shift;
    }),
  }),
});
const estimated = (dataset: Dataset, n?: number): Promise<StatisticsFile> =>
  pdsFilter.estimate({ dataset, seed: 3n, ...(n === undefined ? {} : { n }) });

describe('the gains', () => {
  it('golden: α = 5, R = (1, .5, 0) gives 1, 1.1111, 1.25', () => {
    const w = gainsOf(Float64Array.of(7, 3.5, 0), 5);
    expect(w[0]).toBe(1);
    expect(w[1]).toBeCloseTo(10 / 9, 14);
    expect(w[2]).toBe(1.25);
  });

  it('P11: 1 at the strongest frequency, α/(α − 1) where there is nothing, between them elsewhere', () => {
    const a = normals(2, 50).map((v) => v * v);
    a[7] = 0;
    for (const alpha of [1.5, 2, 5, 20]) {
      const w = gainsOf(a, alpha);
      expect(Math.min(...w)).toBe(1);
      expect(w.indexOf(1)).toBe(a.indexOf(Math.max(...a)));
      expect(Math.max(...w)).toBe(alpha / (alpha - 1));
    }
    expect([...gainsOf(a, 1e300)]).toEqual([...a].map(() => 1));
    expect([...gainsOf(new Float64Array(3), 5)]).toEqual([1, 1, 1]);
  });

  it('DC of images has gain 1, also under a power law', async () => {
    const { frequency } = readFilter(await estimated(data([-1, 1])));
    for (const a of [frequency, powerLaw(shape, 2)]) {
      const w = gainsOf(a, 5);
      expect(w[0]).toBe(1);
      expect(Math.max(...w)).toBeLessThanOrEqual(1.25);
    }
  });
});

describe('a power law', () => {
  it('has mean ½ and variance 1/16, falls as |k|^−exponent, and is even', () => {
    const [height, width, channels] = shape as [number, number, number];
    const power = powerLaw(shape, 2).map(Math.expm1);
    const area = height * width;
    const plane = power.filter((_, at) => at % channels === 0);
    expect(plane[0]).toBeCloseTo((area / 2) ** 2, 6);
    expect(plane.slice(1).reduce((sum, v) => sum + v, 0) / area ** 2).toBeCloseTo(1 / 16, 12);
    expect(plane[1]! / plane[2]!).toBeCloseTo(4, 10);
    expect(plane[1]!).toBeCloseTo(plane[5]!, 12);
    expect(plane[width]! / plane[1]!).toBeCloseTo((1 / 6 / (1 / 4)) ** 2, 10);
  });
});

describe('tweedie stats pds-filter', () => {
  it('is log(1 + mean |F x|²) and mean x² of images in [0, 1], symmetrised over k → −k and over flips', () => {
    const { frequency, pixel, n } = filterStatistics(data([-1, 1]), { n: 300 });
    expect(n).toBe(300);
    const [height, width, channels] = shape as [number, number, number];
    const square = new Float64Array(dims);
    const power = new Float64Array(dims);
    for (let i = 0; i < 300; i++)
      for (const mirror of [false, true])
        for (let c = 0; c < channels; c++) {
          const plane = Float64Array.from({ length: height * width }, (_, p) => {
            const [row, column] = [Math.floor(p / width), p % width];
            return (images[i * dims + (row * width + (mirror ? width - 1 - column : column)) * channels + c]! + 1) / 2;
          });
          const { re, im } = hostDft2({ re: plane }, { height, width });
          re.forEach((v, k) => (power[k * channels + c]! += (v * v + im[k]! ** 2) / 600));
          if (!mirror) plane.forEach((v, p) => (square[p * channels + c]! += (v * v) / 300));
        }
    power.forEach((v, k) => expect(Math.abs(frequency[k]! - Math.log1p(v))).toBeLessThan(1e-12));
    square.forEach((v, p) => expect(Math.abs(pixel[p]! - v)).toBeLessThan(1e-12));
  });

  it('uses 200 images by default, each once, by its seed; says what it is of; comes back from its file', async () => {
    const made = await estimated(data([-1, 1]));
    expect(made.header).toEqual({
      kind: 'pds-filter',
      data: 'planted@1',
      shape,
      layout: 'NHWC',
      range: [-1, 1],
      n: 200,
      seed: 3,
      domain: [0, 1],
    });
    const drawn: number[] = [];
    const watched: Dataset = { ...data([-1, 1]), rows: (indices) => (drawn.push(...Array.from(indices)), data([-1, 1]).rows(indices)) };
    const seen: number[] = [];
    await pdsFilter.estimate({ dataset: watched, seed: 3n, onProgress: (done) => seen.push(done) });
    expect(new Set(drawn).size).toBe(200);
    expect(Math.max(...drawn)).toBeGreaterThan(200);
    expect(seen.at(-1)).toBe(200);
    expect([...(await pdsFilter.estimate({ dataset: watched, seed: 4n })).tensors['frequency']!.data]).not.toEqual([
      ...made.tensors['frequency']!.data,
    ]);
    const read = readFilter(decodeStatistics(encodeStatistics(made), 'pds.safetensors'));
    made.tensors['frequency']!.data.forEach((v, k) => expect(read.frequency[k]).toBe(v));
    expect(Float32Array.from(read.pixel)).toEqual(made.tensors['pixel']!.data);
    expect((await estimated(data([-1, 1]), 1000)).header['n']).toBe(300);
  });

  it('P12: images in [0, 1] give another filter than the same numbers in [−1, 1]; other ranges, kinds and forms are refused', async () => {
    const right = await estimated(data([-1, 1]));
    // What the estimator would have made of numbers that it did not map to [0, 1].
    const wrong = await estimated(data([-1, 1], 2, 1));
    const most = (a: StatisticsFile, b: StatisticsFile): number =>
      Array.from(a.tensors['frequency']!.data).reduce((max, v, k) => Math.max(max, Math.abs(v - b.tensors['frequency']!.data[k]!)), 0);
    expect(most(right, wrong)).toBeGreaterThan(0.5);
    await expect(estimated(data([0, 1]))).rejects.toThrow('[pds-filter] a filter is made from images');
    await expect(estimated(data(undefined))).rejects.toThrow('[pds-filter] a filter is made from images');
    await expect(estimated(data([-1, 1], 1, 0, [48]))).rejects.toThrow('[pds-filter] a filter is made from images');
    await expect(pdsFilter.estimate({ seed: 0n })).rejects.toThrow('[pds-filter] there is no data');
    const altered = (header: object, tensors: object = {}): StatisticsFile => ({
      subject: 'f.safetensors',
      header: { ...right.header, ...header },
      tensors: { ...right.tensors, ...tensors },
    });
    for (const [file, complaint] of [
      [altered({ range: [0, 1] }), '[f.safetensors] these statistics are of another range: got [0,1], expected [-1,1]'],
      [altered({ kind: 'gaussian' }), 'of another kind'],
      [altered({ layout: 'NCHW' }), 'of another layout'],
      [altered({ domain: [-1, 1] }), 'of another domain'],
      [altered({ shape: [6, 4, 2] }), '"frequency" does not have the shape of the images: got [4,6,2], expected [6, 4, 2]'],
      [altered({ shape: 'square' }), '"frequency" does not have the shape'],
      [altered({}, { pixel: { shape: [4, 6, 2], data: new Float32Array(48).fill(-1) } }), '"pixel" holds what is no mean square'],
    ] as const)
      expect(() => readFilter(file)).toThrow(complaint);
  });
});
