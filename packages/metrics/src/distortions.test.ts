import { expect, it } from 'vitest';
import { blended, blurred, noisy, shuffledBlocks } from '../recipes/distortions.ts';

/** Two images [16, 16, 2]: a point of light in the middle of the second channel, and counting numbers. */
const SIZE = 16;
const WIDTH = SIZE * SIZE * 2;
const point = Float32Array.from({ length: WIDTH }, (_, i) => Number(i === (7 * SIZE + 8) * 2 + 1));
const counting = Float32Array.from({ length: WIDTH }, (_, i) => i);
const images = Float32Array.of(...point, ...counting);

it('blur spreads a point by its variance, in its own channel and image', () => {
  const out = blurred(1)(images, SIZE, 2).subarray(0, WIDTH);
  const moment = (axis: 0 | 1, power: number): number =>
    out.reduce((sum, value, i) => {
      const place = axis === 0 ? Math.floor(i / (2 * SIZE)) - 7 : (Math.floor(i / 2) % SIZE) - 8;
      return sum + value * place ** power;
    }, 0);
  expect(moment(0, 0)).toBeCloseTo(1, 5);
  for (const axis of [0, 1] as const) {
    expect(moment(axis, 1)).toBeCloseTo(0, 5);
    expect(moment(axis, 2)).toBeCloseTo(1, 2);
  }
  expect(out.filter((_, i) => i % 2 === 0).every((value) => value === 0)).toBe(true);
  expect(blurred(2)(new Float32Array(WIDTH).fill(0.5), SIZE, 2).every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
});

it('blocks are moved whole, each image in an order of its own', () => {
  const both = shuffledBlocks(8)(Float32Array.of(...counting, ...counting), SIZE, 2);
  const orders = [0, 1].map((row) => {
    const image = both.subarray(row * WIDTH, (row + 1) * WIDTH);
    expect([...image].sort((a, b) => a - b)).toEqual([...counting]);
    for (let i = 2; i < WIDTH; i += 2) if (Math.floor(i / 2) % 8 !== 0) expect(image[i]).toBe(image[i - 2]! + 2);
    return [0, 16, 8 * 32, 8 * 32 + 16].map((at) => image[at]);
  });
  expect(orders[0]).not.toEqual(orders[1]);
});

it('noise has its deviation as a part of the range, blends are half and half', () => {
  const noise = noisy(0.1)(new Float32Array(20_000), 100, 2);
  expect(Math.sqrt(noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length)).toBeCloseTo(0.2, 2);
  expect([...blended(Float32Array.of(1, 1, 0, 0, 0.5, 0.5), 1, 2)]).toEqual([0.5, 0.5, 0.25, 0.25, 0.75, 0.75]);
});
