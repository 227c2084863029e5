import { createNoise } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { normalRows } from '../test/data.ts';
import { eachInside, meet, noNeighbours, squaredRadii } from './neighbours.ts';
import { exactDistance, meanRow, pointCloud, type PointCloud } from './point-cloud.ts';

/** Rows of whole numbers: many distances are equal, so that rounding would decide a comparison. */
const whole = (seed: number, n: number, d: number, levels: number): Float32Array =>
  Float32Array.from(createNoise(seed).hostUniform([n, d], { stream: 98 }), (u) => Math.floor(levels * u) + 0.1);
const cloudOf = (values: Float32Array, centre: Float64Array): PointCloud => pointCloud('test', 'rows', values, centre);
const squared = (a: PointCloud, i: number, b: PointCloud, j: number): number => {
  let sum = 0;
  for (let c = 0; c < a.width; c++) sum += (a.values[i * a.width + c]! - b.values[j * b.width + c]!) ** 2;
  return sum;
};

describe('neighbours', () => {
  const d = 40;
  const centre = meanRow(whole(1, 90, d, 3), d);
  const [a, b] = [cloudOf(whole(1, 90, d, 3), centre), cloudOf(whole(2, 70, d, 3), centre)];

  it('are those of float64, itself excluded, where many are equally far', async () => {
    for (const k of [1, 4]) {
      const radii = await squaredRadii('test', a, k);
      radii.forEach((radius, i) => {
        const others = Array.from({ length: a.n }, (_, j) => j).filter((j) => j !== i);
        expect(radius).toBe(others.map((j) => squared(a, i, a, j)).sort((p, q) => p - q)[k - 1]);
      });
    }
  });

  it('are the same from parts as from the whole, and say which rows they are', async () => {
    const [once, parts] = [noNeighbours(a.n, 3), noNeighbours(a.n, 3)];
    await meet('test', once, a, b);
    await meet('test', parts, a, cloudOf(b.values.subarray(0, 33 * d), centre));
    await meet('test', parts, a, cloudOf(b.values.subarray(33 * d), centre), 33);
    expect(parts).toEqual(once);
    once.index.forEach((j, at) => expect(once.squared[at]).toBe(squared(a, Math.floor(at / 3), b, j)));
    const few = noNeighbours(a.n, 3);
    await meet('test', few, a, cloudOf(b.values.subarray(0, d), centre));
    expect([...few.index.subarray(0, 3)]).toEqual([0, -1, -1]);
  });

  it('decides what lies inside a closed ball as float64 does', async () => {
    const radii = await squaredRadii('test', b, 2);
    const found = new Set<string>();
    await eachInside('test', a, b, radii, (row, ball) => found.add(`${row} ${ball}`));
    let [inside, on] = [0, 0];
    for (let i = 0; i < a.n; i++)
      for (let j = 0; j < b.n; j++) {
        const distance = squared(a, i, b, j);
        if (distance <= radii[j]!) inside++;
        if (Math.abs(distance - radii[j]!) < 1e-9) on++;
        expect(found.has(`${i} ${j}`)).toBe(distance <= radii[j]!);
      }
    expect(found.size).toBe(inside);
    expect(on).toBeGreaterThan(5); // or the test would say nothing
  });

  it('finds a neighbour beyond the ten thousand rows that are multiplied at once', async () => {
    const many = normalRows(3, 10_050, [0, 0]);
    many.set([40, 40], 2 * 10_020);
    const cloud = cloudOf(many, Float64Array.of(0, 0));
    const found = noNeighbours(1, 1);
    await meet('test', found, cloudOf(Float32Array.of(41, 40), Float64Array.of(0, 0)), cloud, 7);
    expect([found.index[0], found.squared[0]]).toEqual([10_027, 1]);
  });

  it('refuses an engine that multiplies in less than float32, and values that are not finite', () => {
    const exact = squared(a, 0, b, 0);
    expect(exactDistance('test', a, 0, b, 0, exact * (1 + 1e-7))).toBe(exact);
    expect(() => exactDistance('test', a, 0, b, 0, exact * (1 + 2 ** -11))).toThrow(/less than float32/);
    expect(() =>
      cloudOf(
        Float32Array.from({ length: d }, () => NaN),
        centre,
      ),
    ).toThrow(/row 0 of rows is not finite/);
  });
});
