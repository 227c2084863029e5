import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteDataset } from './byte-dataset.ts';
import { parseCifar, writeCifar10Record } from './cifar.ts';
import { someBytes, writeCifar } from './writers.fixture.ts';

describe('parseCifar', () => {
  it('reads back what was written, over several files', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        fc.integer(),
        (labels, seed) => {
          const images = labels.map((each, i) => someBytes(3072 * each.length, seed + i));
          const got = parseCifar(
            labels.map((each, i) => ({
              subject: `file ${String(i)}`,
              bytes: writeCifar(
                images[i]!,
                each.map((label) => [label]),
              ),
            })),
          );
          expect(Buffer.compare(got.images, Buffer.concat(images))).toBe(0);
          expect([...got.labels]).toEqual(labels.flat());
          expect(got.coarse).toBeUndefined();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('reads planes: red is first, and rows come before columns', () => {
    const record = new Uint8Array(3073);
    record[0] = 7;
    record[1 + 32 * 2 + 5] = 255; // red at row 2, column 5
    record[1 + 2048] = 51; // blue at row 0, column 0
    const parsed = parseCifar([{ bytes: record, subject: 'file' }]);
    const { images, labels } = byteDataset({ ...parsed, id: 'x', subject: 'file', classes: 10 }).rows([0]);
    expect(images[(2 * 32 + 5) * 3]).toBe(1);
    expect(images[2]).toBe(Math.fround(-0.6));
    expect(images.filter((value) => value !== -1)).toHaveLength(2);
    expect([...labels!]).toEqual([7]);
  });

  it('reads CIFAR-100: coarse label, then fine label', () => {
    const images = someBytes(6144);
    const got = parseCifar(
      [
        {
          bytes: writeCifar(images, [
            [19, 99],
            [3, 42],
          ]),
          subject: 'file',
        },
      ],
      'cifar-100',
    );
    expect([...got.labels]).toEqual([99, 42]);
    expect([...got.coarse!]).toEqual([19, 3]);
    expect(Buffer.compare(got.images, images)).toBe(0);
  });

  it('refuses cut files, files of the other variant, and labels that are no class', () => {
    const bytes = writeCifar(someBytes(6144), [[1], [10]]);
    const read = (part: Uint8Array, variant?: 'cifar-100') => () => parseCifar([{ bytes: part, subject: 'file' }], variant);
    expect(read(bytes.subarray(0, 3072))).toThrow(
      '[file] the file is no whole number of cifar-10 records: got 3072 bytes, expected a multiple of 3073; the file is truncated or altered: get it again',
    );
    expect(read(new Uint8Array(0))).toThrow(/got 0 bytes/);
    expect(read(bytes.subarray(0, 3073), 'cifar-100')).toThrow(/multiple of 3074/);
    expect(read(bytes)).toThrow('[file] the label of record 1 is no class: got 10, expected 0 to 9');
  });

  it('writes records that it reads back', () => {
    const pixels = someBytes(3072, 5);
    const out = new Uint8Array(3073);
    writeCifar10Record(out, 0, 4, pixels, 0);
    expect(Buffer.compare(out, writeCifar(pixels, [[4]]))).toBe(0);
  });
});
