import fc from 'fast-check';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { STREAM } from '../contracts/noise.ts';
import { createNoise } from './noise.ts';
import { philox4x32 } from './philox.ts';

const block = (counter: readonly number[], key: readonly number[]): string[] => {
  const out = new Uint32Array(4);
  const [c0, c1, c2, c3] = counter as [number, number, number, number];
  philox4x32(c0, c1, c2, c3, key[0]!, key[1]!, out, 0);
  return [...out].map((x) => x.toString(16).padStart(8, '0'));
};

describe('Philox 4×32-10', () => {
  // Known-answer vectors published with Random123 (Salmon et al. 2011), tests/kat_vectors.
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('gives the published block of counter %j', (counter, key, expected) => {
    expect(block(counter, key).join(' ')).toBe(expected);
  });
});

describe('createNoise', () => {
  it('binds a row to its index, whatever the batch or shard', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 1e6 }), (row, width, step) => {
        const noise = createNoise(20n);
        const at = { stream: STREAM.perturb, step };
        const whole = noise.hostNormal([64, width], at);
        const alone = noise.rows(row).hostNormal([1, width], at);
        expect([...alone]).toEqual([...whole.subarray(row * width, (row + 1) * width)]);
      }),
      { numRuns: 50 },
    );
  });

  it('gives other numbers to another seed, stream, step, draw and row', () => {
    const first = (seed: bigint, stream: number, step: number, draw: number, row: number): number =>
      createNoise(seed, row).hostUniform([1], { stream, step, draw })[0]!;
    const numbers = [
      first(1n, 5, 0, 0, 0),
      first(2n, 5, 0, 0, 0),
      first(1n << 32n, 5, 0, 0, 0),
      first(1n, 6, 0, 0, 0),
      first(1n, 5, 1, 0, 0),
      first(1n, 5, 0, 1, 0),
      first(1n, 5, 0, 0, 1),
    ];
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('has the moments of U(0, 1) and of N(0, I)', () => {
    const n = 400_000;
    const u = createNoise(3).hostUniform([1, n], { stream: STREAM.time });
    const z = createNoise(3).hostNormal([1, n], { stream: STREAM.time });
    const mean = (x: Float64Array, power = 1): number => x.reduce((sum, value) => sum + value ** power, 0) / n;
    const within = 4 / Math.sqrt(n); // four standard errors of a unit-variance mean
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(within * Math.sqrt(1 / 12));
    expect(Math.abs(mean(u, 2) - 1 / 3)).toBeLessThan(within * Math.sqrt(4 / 45));
    expect(Math.abs(mean(z))).toBeLessThan(within);
    expect(Math.abs(mean(z, 2) - 1)).toBeLessThan(within * Math.SQRT2);
    expect(Math.abs(mean(z, 4) - 3)).toBeLessThan(within * Math.sqrt(96));
    const products = z.map((value, i) => value * (z[i + 1] ?? 0));
    expect(Math.abs(mean(products))).toBeLessThan(within);
  });

  it('makes tensors of the host numbers, and leaves none behind', async () => {
    const noise = createNoise(5);
    const before = memory().numTensors;
    const z = noise.normal([2, 3, 1], { stream: STREAM.prior });
    expect(z.shape).toEqual([2, 3, 1]);
    expect([...(await z.data())]).toEqual([...Float32Array.from(noise.hostNormal([2, 3, 1], { stream: STREAM.prior }))]);
    z.dispose();
    const signs = noise.rademacher([1000], { stream: STREAM.projection });
    const values = [...(await signs.data())];
    signs.dispose();
    expect(new Set(values)).toEqual(new Set([-1, 1]));
    expect(memory().numTensors).toBe(before);
  });

  it('refuses a fractional seed and a draw outside the counter', () => {
    expect(() => createNoise(0.5)).toThrow(/seed is not an integer: got 0.5/);
    expect(() => createNoise(1).hostNormal([1], { stream: 1, step: -1 })).toThrow(/outside the counter/);
    expect(() => createNoise(1).hostNormal([1], { stream: 1, draw: 256 })).toThrow(/outside the counter/);
  });
});
