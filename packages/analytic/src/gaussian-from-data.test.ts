import { createNoise, type Dataset } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { G2, gaussian, gaussianFromData, moments, symmetricEigen } from './index.ts';

const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

/** Two-pass covariance, the definition. */
const plain = (x: ArrayLike<number>, d: number): { mean: Float64Array; covariance: Float64Array } => {
  const n = x.length / d;
  const mean = new Float64Array(d);
  for (let i = 0; i < x.length; i++) mean[i % d]! += x[i]! / n;
  const covariance = new Float64Array(d * d);
  for (let r = 0; r < n; r++)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) covariance[i * d + j]! += ((x[r * d + i]! - mean[i]!) * (x[r * d + j]! - mean[j]!)) / (n - 1);
  return { mean, covariance };
};

describe('moments', () => {
  const d = 5;
  const x = createNoise(3)
    .hostNormal([403, d], { stream: 1 })
    .map((v, i) => 1e6 + (1 + (i % d)) * v + ((i * 7) % d)); // far from the origin: the naive sum loses 12 digits
  const truth = plain(x, d);
  it('equal the definition, far from the origin too', () => {
    const m = moments(d);
    m.add(x.subarray(0, 17 * d));
    m.add(x.subarray(17 * d));
    const { n, mean, covariance } = m.result();
    expect(n).toBe(403);
    expect(far(mean, truth.mean)).toBeLessThan(1e-8);
    expect(far(covariance, truth.covariance)).toBeLessThan(1e-8);
  });
  it('do not depend on order or split: shards merge to the whole', () => {
    const [a, b] = [moments(d), moments(d)];
    a.add(x.subarray(100 * d));
    b.add(x.subarray(0, 100 * d));
    a.merge(b.sums());
    expect(a.result().n).toBe(403);
    expect(far(a.result().covariance, truth.covariance)).toBeLessThan(1e-8);
    const empty = moments(d);
    empty.merge(a.sums());
    expect(far(empty.result().covariance, a.result().covariance)).toBe(0);
  });
  it('do not depend on the size of the pieces: blocks, their remainders, and one row at a time', () => {
    for (const size of [1, 3, 63, 64, 65, 403]) {
      const m = moments(d, Float64Array.from(truth.mean));
      for (let from = 0; from < 403; from += size) m.add(x.subarray(from * d, Math.min(403, from + size) * d));
      expect(far(m.result().covariance, truth.covariance)).toBeLessThan(1e-10);
      expect(far(m.result().mean, truth.mean)).toBeLessThan(1e-8);
    }
  });
  it('refuse one row, NaN, and other dimensions', () => {
    const m = moments(2);
    m.add([1, 2]);
    expect(() => m.result()).toThrow(/two rows/);
    expect(() => m.add([1, NaN])).toThrow(/finite/);
    expect(() => m.add([1])).toThrow(/fit/);
    expect(() => m.merge(moments(3).sums())).toThrow(/dimension/);
  });
});

describe('gaussianFromData', () => {
  const d = 6;
  const source = gaussian({ mean: [1, 2, 3, 4, 5, 6], diagonal: [9, 4, 1, 0.1, 0.1, 0.1] });
  const x = source.sample(createNoise(8), 300);
  const dataset: Dataset = {
    id: 'test',
    shape: [2, 3, 1],
    classes: 0,
    size: 300,
    rows: (indices) => ({ images: Float32Array.from(Array.from(indices).flatMap((i) => [...x.subarray(i * d, (i + 1) * d)])) }),
  };
  const rounded = Float32Array.from(x);
  it('has the data’s mean, covariance and shape', () => {
    const g = gaussianFromData(dataset, { batch: 37 });
    const truth = plain(rounded, d);
    expect(g.shape).toEqual([2, 3, 1]);
    expect(far(g.mean, truth.mean)).toBeLessThan(1e-12);
    expect(far(g.covariance(), truth.covariance)).toBeLessThan(1e-12);
  });
  it('of rank 2 keeps the largest two and the trace', () => {
    const truth = symmetricEigen(plain(rounded, d).covariance).values;
    const g = gaussianFromData(dataset, { rank: 2 });
    expect(far(g.spectrum.values, truth.slice(0, 2))).toBeLessThan(1e-12);
    const sigma = g.covariance();
    expect([0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + sigma[i * 7]!, 0)).toBeCloseTo(
      truth.reduce((a, b) => a + b),
      12,
    );
    expect(gaussianFromData(dataset, { rank: 2, floor: 0 }).spectrum.floor).toBe(0);
    // The floor is the best guess outside: closer to the full flow than none.
    const [fullFlow, ppca, none] = [gaussianFromData(dataset), g, gaussianFromData(dataset, { rank: 2, floor: 0 })].map((one) =>
      one.flow(x.subarray(0, d), 20, 0.2),
    );
    expect(far(ppca!, fullFlow!)).toBeLessThan(0.6 * far(none!, fullFlow!));
  });
  it('refuses more rows than there are', () => expect(() => gaussianFromData(dataset, { n: 301 })).toThrow(/fit/));
});

describe('symmetricEigen', () => {
  it('is descending, orthonormal, and gives the matrix back', () => {
    const { covariance } = plain(createNoise(2).hostNormal([50, 8], { stream: 1 }), 8);
    const { values, vectors } = symmetricEigen(covariance);
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
    for (let i = 0; i < 8; i++)
      for (let j = 0; j < 8; j++) {
        let [back, dot] = [0, 0];
        for (let k = 0; k < 8; k++) {
          back += vectors[i * 8 + k]! * values[k]! * vectors[j * 8 + k]!;
          dot += vectors[k * 8 + i]! * vectors[k * 8 + j]!;
        }
        expect(back).toBeCloseTo(covariance[i * 8 + j]!, 13);
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 13);
      }
  });
  it('of [[1, .6], [.6, .5]] is known', () => {
    const { values } = symmetricEigen(G2.covariance());
    expect(far(values, [0.75 + Math.sqrt(0.4225), 0.75 - Math.sqrt(0.4225)])).toBeLessThan(1e-14);
  });
  it.each([
    ['not square', [1, 2, 3], /square/],
    ['not symmetric', [1, 2, 3, 4], /symmetric/],
    ['not finite', [1, NaN, NaN, 1], /finite/],
  ])('refuses what is %s', (_, matrix, message) => expect(() => symmetricEigen(matrix)).toThrow(message));
});
