import { reshape, type Tensor2D } from '@tensorflow/tfjs-core';
import { encodeNpz, type Extractor, type FeatureCache, type NpyArray } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, normalRows } from '../test/data.ts';
import { frechet } from './frechet.ts';
import { mmd } from './mmd.ts';
import { rawExtractor } from './raw-extractor.ts';
import { encodeReferenceStatistics, readReferenceStatistics, referenceStatistics } from './reference-statistics.ts';
import { slicedWasserstein } from './sliced-wasserstein.ts';

/** numpy.savez_compressed(mu=[.5, −1.25], sigma=[[2, .75], [.75, 1.5]]) of NumPy 2.4, and the same with sigma in Fortran order. */
const NUMPY =
  'UEsDBC0AAAAIAAAAIQC4EdbF//////////8GABQAbXUubnB5AQAQAJAAAAAAAAAATQAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuBjB4YA+hv+wHAFBLAwQtAAAACAAAACEA34V+2f//////////CQAUAHNpZ21hLm5weQEAEACgAAAAAAAAAFEAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKRpo6CrUKZAMuBghwgFAv7FHpH/YAUEsBAi0DLQAAAAgAAAAhALgR1sVNAAAAkAAAAAYAAAAAAAAAAAAAAIABAAAAAG11Lm5weVBLAQItAy0AAAAIAAAAIQDfhX7ZUQAAAKAAAAAJAAAAAAAAAAAAAACAAYUAAABzaWdtYS5ucHlQSwUGAAAAAAIAAgBrAAAAEQEAAAAA';
const FORTRAN =
  'UEsDBC0AAAAIAAAAIQC4EdbF//////////8GABQAbXUubnB5AQAQAJAAAAAAAAAATQAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuBjB4YA+hv+wHAFBLAwQtAAAACAAAACEAnU7puv//////////CQAUAHNpZ21hLm5weQEAEACgAAAAAAAAAFAAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSDykqTQUKF2ckFqQCuRpGOgpGmjoKtQrkAy4GCHCAUC/sUekf9gBQSwECLQMtAAAACAAAACEAuBHWxU0AAACQAAAABgAAAAAAAAAAAAAAgAEAAAAAbXUubnB5UEsBAi0DLQAAAAgAAAAhAJ1O6bpQAAAAoAAAAAkAAAAAAAAAAAAAAIABhQAAAHNpZ21hLm5weVBLBQYAAAAAAgACAGsAAAAQAQAAAAA=';
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

describe('reference statistics', () => {
  it('are read as NumPy writes them, and written so that they are read again', async () => {
    const read = await readReferenceStatistics(bytesOf(NUMPY), 'cifar10.npz');
    expect([...read.mean]).toEqual([0.5, -1.25]);
    expect([...read.covariance]).toEqual([2, 0.75, 0.75, 1.5]);
    expect(read.source).toMatch(/^npz sha256:[0-9a-f]{64}$/);
    expect(read).not.toHaveProperty('n');
    const again = await readReferenceStatistics(encodeReferenceStatistics({ ...read, n: 50_000, extractor: 'réseau-1a2b3c4d' }));
    expect(again).toMatchObject({ mean: read.mean, covariance: read.covariance, n: 50_000, extractor: 'réseau-1a2b3c4d' });
    expect(again.source).not.toBe(read.source);
  });

  const good = { mu: { shape: [2], data: Float64Array.of(0, 0) }, sigma: { shape: [2, 2], data: Float64Array.of(2, 1, 1, 2) } };
  const sigma = (...data: readonly number[]): Record<string, NpyArray> => ({ sigma: { shape: [2, 2], data: Float64Array.from(data) } });
  it.each<[string, Record<string, NpyArray>, RegExp]>([
    ['float32', { mu: { shape: [2], data: Float32Array.of(0, 0) } }, /"mu" is not float64/],
    ['a row', { mu: { shape: [1, 2], data: Float64Array.of(0, 0) } }, /"mu" has another shape/],
    ['another size', { mu: { shape: [3], data: Float64Array.of(0, 0, 0) } }, /"sigma" has another shape/],
    ['a flat sigma', { sigma: { shape: [4], data: Float64Array.of(1, 0, 0, 1) } }, /"sigma" has another shape/],
    ['nothing', { mu: { shape: [0], data: new Float64Array(0) }, sigma: { shape: [0, 0], data: new Float64Array(0) } }, /another shape/],
    ['NaN', sigma(2, NaN, NaN, 2), /not finite.*NaN at 1/],
    ['asymmetry', sigma(2, 1, 1.01, 2), /not symmetric/],
    ['a negative variance', sigma(2, 0, 0, -1), /negative variance/],
  ])('with %s are refused', async (_, spoilt, message) => {
    await expect(readReferenceStatistics(encodeNpz({ ...good, ...spoilt }), 'refs.npz')).rejects.toThrow(message);
  });

  it('in Fortran order, or without a part, or of no archive, are refused', async () => {
    await expect(readReferenceStatistics(bytesOf(FORTRAN), 'refs.npz')).rejects.toThrow(/refs\.npz.*Fortran order/);
    await expect(readReferenceStatistics(encodeNpz({ mu: good.mu }))).rejects.toThrow(/no "sigma"/);
    await expect(readReferenceStatistics(Uint8Array.of(1, 2, 3))).rejects.toThrow(/no \.npz archive/);
  });

  it('are judged against as the data are that they were made of; of another extractor they are refused', async () => {
    const [d, rows] = [3, normalRows(2, 200, [0.3, 0, 0])];
    const data = datasetOf(normalRows(1, 500, [0, 0, 0]), [d]);
    const extractor = rawExtractor([d]);
    const judge = async (options: Parameters<typeof frechet>[0], reference?: typeof data) => {
      const accumulator = await frechet(options).start({ extractor, seed: 1n, ...(reference === undefined ? {} : { reference }) });
      await addRows(accumulator, rows, [d]);
      return accumulator.result();
    };
    const file = encodeReferenceStatistics(await referenceStatistics(data, extractor));
    const against = await readReferenceStatistics(file);
    const [far, near] = [await judge({ against }), await judge({}, data)];
    expect(far.value).toBeCloseTo(near.value, 12);
    expect(far.interval![1]).toBeCloseTo(near.interval![1], 10);
    expect(far.floor).toBeUndefined();
    expect(far.details).toMatchObject({ reference: against.source, referenceRows: 500 });
    expect(
      (await judge({ against: await readReferenceStatistics(encodeReferenceStatistics({ mean: zeros(3), covariance: eye(3) })) })).details,
    ).toMatchObject({ referenceRows: 'not said' });
    await expect(judge({ against: { ...against, extractor: 'other' } })).rejects.toThrow(/of another extractor.*other/);
    await expect(judge({ against: { mean: zeros(2), covariance: eye(2), source: 'x' } })).rejects.toThrow(
      /of another extractor.*2 features/,
    );
  });
});

const zeros = (d: number): Float64Array => new Float64Array(d);
const eye = (d: number): Float64Array => Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0));

describe('a cache of real features', () => {
  const d = 3;
  const reference = datasetOf(normalRows(1, 300, [0, 0, 0]), [d]);
  const counting = (id = 'counting-00000000') => {
    const asked: number[] = [];
    const extractor: Extractor = {
      id,
      dims: d,
      features: (images) => {
        asked.push(images.shape[0]!);
        return reshape(images, [images.shape[0]!, d]) as Tensor2D;
      },
    };
    return { extractor, asked };
  };
  const memory = (): FeatureCache & { readonly kept: Map<string, Float32Array | Float64Array> } => {
    const kept = new Map<string, Float32Array | Float64Array>();
    return { kept, get: async (key) => kept.get(key)?.slice(), set: async (key, values) => void kept.set(key, values.slice()) };
  };

  it('lets the extractor run once: for the floor, for a second evaluation, for every metric', async () => {
    const cache = memory();
    const { extractor, asked } = counting();
    const judge = async (metric = frechet(), seed = 1n, use: Partial<{ cache: FeatureCache }> = { cache }) => {
      const accumulator = await metric.start({ extractor, reference, seed, ...use });
      const before = asked.length;
      await addRows(accumulator, normalRows(2, 100, [0.3, 0, 0]), [d]);
      expect(asked.slice(before)).toEqual([100]); // what is judged is never cached
      asked.pop();
      return accumulator.result();
    };
    const plain = await judge(frechet(), 1n, {});
    expect(asked.splice(0)).toEqual([256, 44]);
    const first = await judge();
    expect(asked.splice(0)).toEqual([256, 44]);
    const second = await judge();
    expect(asked).toEqual([]);
    expect(first).toEqual(plain);
    expect(second).toEqual(plain);
    for (const metric of [slicedWasserstein({ space: 'features' }), mmd({ space: 'features', referenceRows: 300 })]) await judge(metric);
    expect(asked).toEqual([]);
    await judge(frechet(), 2n); // other rows, or in another order
    expect(asked.splice(0)).toEqual([256, 44]);
    await judge(frechet({ referenceRows: 250 }));
    expect(asked.splice(0)).toEqual([250]);
  });

  it('tells extractors, data and rows apart, and takes nothing that is of another length', async () => {
    const cache = memory();
    const rows = Int32Array.of(3, 1, 2);
    const others = [
      () => referenceStatistics(reference, counting('counting-11111111').extractor, { rows, cache }),
      () => referenceStatistics({ ...reference, id: 'other' }, counting().extractor, { rows, cache }),
      () => referenceStatistics(reference, counting().extractor, { rows: Int32Array.of(1, 3, 2), cache }),
      () => referenceStatistics(reference, counting().extractor, { rows: Int32Array.of(3, 1), cache }),
    ];
    await referenceStatistics(reference, counting().extractor, { rows, cache });
    for (const [i, other] of others.entries()) {
      await other();
      expect(cache.kept.size).toBe(2 * (i + 2)); // features and moments of each
    }
    for (const key of cache.kept.keys()) cache.kept.set(key, new Float32Array(1));
    const { extractor, asked } = counting();
    await referenceStatistics(reference, extractor, { rows, cache });
    expect(asked).toEqual([3]);
  });
});
