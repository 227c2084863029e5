import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idxData, idxDataset, parseIdx, readIdx } from './idx.ts';
import { complaintOf, someBytes, temporaryFolder, writeIdx } from './writers.fixture.ts';

const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
const numel = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

describe('parseIdx', () => {
  it('reads back what was written, gzipped or not', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), fc.integer(), (shape, gzipped, seed) => {
        const data = someBytes(numel(shape), seed);
        const bytes = writeIdx(shape, data);
        const got = parseIdx(gzipped ? gzipSync(bytes) : bytes, 'file');
        expect(got.shape).toEqual(shape);
        expect([...got.data]).toEqual([...data]);
      }),
    );
  });

  it('reads sizes as big-endian: 2 × 3, written by hand', () => {
    expect(parseIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6), 'file')).toEqual({
      shape: [2, 3],
      data: Uint8Array.of(1, 2, 3, 4, 5, 6),
    });
  });

  it('refuses every cut and every extension', () => {
    const bytes = writeIdx([3, 2, 2], someBytes(12));
    for (let length = 0; length < bytes.length; length++) expect(() => parseIdx(bytes.subarray(0, length), 'file')).toThrow(/^\[file\] /);
    expect(() => parseIdx(Uint8Array.of(...bytes, 0), 'file')).toThrow(
      '[file] the file is longer than its header says: got 29 bytes, expected 28 for 3×2×2; the file is truncated or altered: get it again',
    );
  });

  const bad: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
    ['empty', new Uint8Array(0), /this is no IDX file: got 0 bytes/],
    [
      'another magic number',
      Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 1, 5),
      /this is no IDX file: got first bytes 01 00 08 01, expected 00 00 08/,
    ],
    ['floats', Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 1, 5), /got 0x0d, expected 0x08/],
    ['no dimensions', Uint8Array.of(0, 0, 8, 0), /number of dimensions is out of range: got 0, expected 1 to 4/],
    ['255 dimensions', Uint8Array.of(0, 0, 8, 255, 1, 1), /number of dimensions is out of range: got 255/],
    [
      'huge sizes',
      writeIdx([0xffffffff, 0xffffffff, 0xffffffff], new Uint8Array(4)),
      /sizes in the header are impossible: got \[4294967295,4294967295,4294967295\]/,
    ],
    ['a size of zero', writeIdx([0, 4], new Uint8Array(0)), /sizes in the header are impossible/],
    ['one byte short', writeIdx([3], Uint8Array.of(1, 2)), /shorter than its header says: got 10 bytes, expected 11 for 3/],
  ];
  it.each(bad)('refuses %s, gzipped or not', (_, bytes, message) => {
    expect(() => parseIdx(bytes, 'file')).toThrow(message);
    expect(() => parseIdx(gzipSync(bytes), 'file')).toThrow(message);
  });

  it('refuses a gzip that is cut, altered, or holds more than its header says', () => {
    const bytes = gzipSync(writeIdx([1000], someBytes(1000)));
    expect(() => parseIdx(bytes.subarray(0, bytes.length - 20), 'file')).toThrow(/^\[file\] the gzip data is truncated or altered/);
    const altered = Uint8Array.from(bytes);
    altered[500]! ^= 0xff;
    expect(() => parseIdx(altered, 'file')).toThrow(/^\[file\] /);
    const bomb = gzipSync(Buffer.concat([writeIdx([4], new Uint8Array(4)), Buffer.alloc(2 ** 24)]));
    expect(() => parseIdx(bomb, 'file')).toThrow(
      '[file] the compressed file holds more than it should: got more than 12 bytes, expected 12 bytes',
    );
  });
});

describe('idxData', () => {
  it('converts bytes to [−1, 1] row by row, in any order of rows', async () => {
    const folder = await temporaryFolder();
    const [images, labels] = [join(folder, 'images'), join(folder, 'labels.gz')];
    await writeFile(images, writeIdx([3, 1, 2], Uint8Array.of(0, 255, 51, 102, 1, 254)));
    await writeFile(labels, gzipSync(writeIdx([3], Uint8Array.of(2, 0, 1))));
    const data = await idxData({ images, labels });
    expect(data).toMatchObject({ shape: [1, 2, 1], classes: 3, size: 3, range: [-1, 1] });
    expect(data.id).toMatch(/^idx@[0-9a-f]{8}$/);
    const { images: x, labels: y } = data.rows([2, 0, 0]);
    expect([...x]).toEqual([Math.fround(1 / 127.5 - 1), Math.fround(254 / 127.5 - 1), -1, 1, -1, 1]);
    expect([...y!]).toEqual([1, 2, 2]);
    expect(() => data.rows([3])).toThrow(/there is no such row: got 3, expected an integer from 0 to 2/);
    expect(() => data.rows([-1])).toThrow(/got -1/);
    expect(() => data.rows([0.5])).toThrow(/got 0.5/);
  });

  it('has an id of the content: another label, another id', async () => {
    const folder = await temporaryFolder();
    const [images, labels] = [join(folder, 'images'), join(folder, 'labels')];
    await writeFile(images, writeIdx([2, 1, 1], Uint8Array.of(1, 2)));
    const ids = new Set<string>();
    for (const label of [0, 1, 0]) {
      await writeFile(labels, writeIdx([2], Uint8Array.of(label, 1)));
      ids.add((await idxData({ images, labels })).id);
    }
    expect(ids.size).toBe(2);
  });

  it('refuses what does not belong together, by name', async () => {
    const images = parseIdx(writeIdx([2, 1, 1], Uint8Array.of(1, 2)), 'images');
    const labels = (...values: number[]): ReturnType<typeof parseIdx> =>
      parseIdx(writeIdx([values.length], Uint8Array.from(values)), 'labels');
    const make = (given: Partial<Parameters<typeof idxDataset>[0]>) => () =>
      idxDataset({ id: 'x', subject: 'file', images, classes: 10, ...given });
    expect(make({ labels: labels(1, 2, 3) })).toThrow(
      '[file] images and labels are not equally many: got 3 labels, expected 2, one an image',
    );
    expect(make({ labels: labels(9, 10) })).toThrow('[file] label 1 is no class: got 10, expected 0 to 9');
    expect(make({ images: labels(1) })).toThrow('[file] these are no grey images: got [1], expected [N, H, W]');
    expect(make({ labels: images })).toThrow('[file] the labels are no list');
    expect(await complaintOf(() => readIdx('/no/such/file'))).toBe('[/no/such/file] there is no such file; check the path');
  });
});
