import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeNpz, type NpyArray } from '@tweedie/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npzData } from './npz-data.ts';
import { complaintOf, someBytes, temporaryFolder } from './writers.fixture.ts';

const file = async (arrays: Readonly<Record<string, NpyArray>>): Promise<string> => {
  const path = join(await temporaryFolder(), 'samples.npz');
  await writeFile(path, encodeNpz(arrays));
  return path;
};

describe('npzData', () => {
  it('reads back what was written, whatever integers the labels are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 3),
        fc.constantFrom(
          (labels: number[]) => Uint8Array.from(labels),
          (labels: number[]) => Int32Array.from(labels),
          (labels: number[]) => BigInt64Array.from(labels, BigInt),
          (labels: number[]) => Float64Array.from(labels),
          () => undefined,
        ),
        async (labels, channels, store) => {
          const shape = [labels.length, 2, 3, channels];
          const data = someBytes(labels.length * 6 * channels);
          const stored = store(labels);
          const dataset = await npzData({
            path: await file({ arr_0: { shape, data }, ...(stored && { labels: { shape: [labels.length], data: stored } }) }),
          });
          expect(dataset).toMatchObject({ size: labels.length, shape: shape.slice(1), classes: stored ? Math.max(...labels) + 1 : 0 });
          const rows = dataset.rows(labels.map((_, i) => i));
          expect([...rows.images]).toEqual([...data].map((byte) => Math.fround(byte / 127.5 - 1)));
          expect(rows.labels && [...rows.labels]).toEqual(stored ? labels : undefined);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('refuses, with the name of the file', async () => {
    const images = { shape: [2, 1, 1, 1], data: Uint8Array.of(1, 2) };
    const message = async (arrays: Readonly<Record<string, NpyArray>>, classes?: number): Promise<string> => {
      const path = await file(arrays);
      return complaintOf(() => npzData({ path, ...(classes !== undefined && { classes }) }));
    };
    expect(await message({ images })).toMatch(/samples\.npz\] the archive has no images: got images, expected an array arr_0/);
    expect(await message({ arr_0: { shape: [2, 1, 1, 1], data: Float32Array.of(1, 2) } })).toMatch(
      /arr_0\] the array is no set of images: got float32 \[2, 1, 1, 1\], expected uint8 \[N, H, W, 1 or 3\]/,
    );
    expect(await message({ arr_0: { shape: [2, 1, 1], data: Uint8Array.of(1, 2) } })).toMatch(/got uint8 \[2, 1, 1\]/);
    expect(await message({ arr_0: { shape: [0, 1, 1, 1], data: new Uint8Array(0) } })).toMatch(/there are no images/);
    expect(await message({ arr_0: images, labels: { shape: [1], data: Int32Array.of(1) } })).toMatch(
      /images and labels are not equally many: got 1 labels, expected 2/,
    );
    expect(await message({ arr_0: images, labels: { shape: [2], data: Int32Array.of(0, -1) } })).toMatch(
      /labels\] label 1 is no class: got -1/,
    );
    expect(await message({ arr_0: images, labels: { shape: [2], data: Float64Array.of(0.5, 1) } })).toMatch(/label 0 is no class: got 0.5/);
    expect(await message({ arr_0: images, labels: { shape: [2], data: Int32Array.of(0, 3) } }, 3)).toMatch(
      /label 1 is no class: got 3, expected 0 to 2/,
    );
    expect(await message({ arr_0: images, labels: { shape: [2, 1], data: Int32Array.of(0, 1) } })).toMatch(/the labels are no list/);
    const path = join(await temporaryFolder(), 'cut.npz');
    await writeFile(path, encodeNpz({ arr_0: images }).subarray(0, 50));
    expect(await complaintOf(() => npzData({ path }))).toMatch(/cut\.npz\] this is no \.npz archive/);
  });
});
