import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageFolder } from './folder.ts';
import { complaintOf, someBytes, temporaryFolder } from './writers.fixture.ts';

const png = (width: number, height: number, channels: 1 | 3 | 4, data: Uint8Array): Uint8Array =>
  encode({ width, height, channels, depth: 8, data });
const bytesOf = (images: Float32Array): number[] => [...images].map((value) => Math.round((value + 1) * 127.5));

describe('imageFolder', () => {
  it('reads back what was written: colour and grey, in the order of names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 12 }),
        async (channels, width, height, count) => {
          const path = await temporaryFolder();
          const pictures = Array.from({ length: count }, (_, i) => someBytes(width * height * channels, i));
          await Promise.all(
            pictures.map((data, i) => writeFile(join(path, `${String(i).padStart(3, '0')}.PNG`), png(width, height, channels, data))),
          );
          const data = await imageFolder({ path, channels: channels });
          expect(data).toMatchObject({ size: count, classes: 0, classNames: [], shape: [height, width, channels] });
          const { images, labels } = data.rows(pictures.map((_, i) => i));
          expect(bytesOf(images)).toEqual(pictures.flatMap((each) => [...each]));
          expect(labels).toBeUndefined();
        },
      ),
      { numRuns: 15 },
    );
  });

  it('takes subfolders for classes, in the order of their names', async () => {
    const path = await temporaryFolder();
    for (const [name, level] of [
      ['b/2.png', 20],
      ['a/1.png', 10],
      ['b/1.png', 30],
    ] as const) {
      await mkdir(join(path, name, '..'), { recursive: true });
      await writeFile(join(path, name), png(1, 1, 1, Uint8Array.of(level)));
    }
    await mkdir(join(path, 'empty'));
    await mkdir(join(path, '.hidden'));
    await writeFile(join(path, 'a', 'notes.txt'), 'no picture');
    const data = await imageFolder({ path, channels: 1 });
    expect(data).toMatchObject({ size: 3, classes: 2, classNames: ['a', 'b'] });
    const { images, labels } = data.rows([0, 1, 2]);
    expect(bytesOf(images)).toEqual([10, 30, 20]);
    expect([...labels!]).toEqual([0, 1, 1]);
    const { id } = data;
    await writeFile(join(path, 'a', '1.png'), png(1, 1, 1, Uint8Array.of(11)));
    expect((await imageFolder({ path, channels: 1 })).id).not.toBe(id);
    expect(id).toMatch(/@[0-9a-f]{8}$/);
  });

  it('resizes: cover cuts the middle out, contain adds margins, fill distorts', async () => {
    const path = await temporaryFolder();
    // 6 columns: black, black, then white, white, then black, black
    await writeFile(
      join(path, 'a.png'),
      png(
        6,
        2,
        1,
        Uint8Array.from({ length: 12 }, (_, i) => (Math.floor((i % 6) / 2) === 1 ? 255 : 0)),
      ),
    );
    const read = async (fit: 'cover' | 'contain' | 'fill', background = 255): Promise<number[]> =>
      bytesOf((await imageFolder({ path, size: 2, fit, channels: 1, background })).rows([0]).images);
    expect(await read('cover')).toEqual([255, 255, 255, 255]);
    expect((await read('fill')).every((level) => level > 40 && level < 200)).toBe(true);
    expect((await imageFolder({ path, size: [3, 6], fit: 'contain', background: 7, channels: 1 })).rows([0]).images).toHaveLength(18);
    expect(
      bytesOf((await imageFolder({ path, size: [4, 6], fit: 'contain', background: 7, channels: 1 })).rows([0]).images).slice(0, 6),
    ).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it('puts the background behind transparent pixels', async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, 'a.png'), png(2, 1, 4, Uint8Array.of(10, 20, 30, 0, 10, 20, 30, 255)));
    expect(bytesOf((await imageFolder({ path })).rows([0]).images)).toEqual([255, 255, 255, 10, 20, 30]);
    expect(bytesOf((await imageFolder({ path, background: 0 })).rows([0]).images)).toEqual([0, 0, 0, 10, 20, 30]);
  });

  it('refuses, with the name of the file', async () => {
    const path = await temporaryFolder();
    expect(await complaintOf(() => imageFolder({ path: join(path, 'none') }))).toBe(
      `[${join(path, 'none')}] there is no such folder; check the path`,
    );
    expect(await complaintOf(() => imageFolder({ path }))).toMatch(/there are no pictures in the folder: expected \*\.png/);
    const whole = png(8, 8, 3, someBytes(192));
    await writeFile(join(path, 'a.png'), whole);
    expect(await complaintOf(() => imageFolder({ path, size: 0 }))).toMatch(/the size is out of range: got 0/);
    await writeFile(join(path, 'b.png'), png(8, 9, 3, someBytes(216)));
    expect(await complaintOf(() => imageFolder({ path }))).toBe(
      `[${join(path, 'b.png')}] the pictures are not equally large: got 9×8, expected 8×8, as a.png; give the option size`,
    );
    for (const damage of [
      whole.subarray(0, whole.length - 60),
      new Uint8Array(0),
      new TextEncoder().encode('no picture'),
      Uint8Array.from(await readFile(join(path, 'a.png')), (byte, i) => (i === 60 ? byte ^ 0xff : byte)),
    ]) {
      await writeFile(join(path, 'b.png'), damage);
      expect(await complaintOf(() => imageFolder({ path }))).toMatch(
        /b\.png\] the picture cannot be read: got .*; the file is truncated or altered/s,
      );
    }
    await mkdir(join(path, 'class'));
    await writeFile(join(path, 'class', 'c.png'), whole);
    expect(await complaintOf(() => imageFolder({ path }))).toMatch(/pictures both beside and inside subfolders: got a\.png and class\//);
  });
});
