import { decode } from 'fast-png';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeGif } from './gif.ts';
import { imageGrid } from './image-grid.ts';
import { drawLabel, GLYPH } from './label.ts';
import type { Picture } from './picture.ts';
import { encodePng } from './png.ts';
import { toBytes } from './to-bytes.ts';

const pixel = ({ width, data }: Picture, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe('toBytes', () => {
  it('quantises as EDM does, and clips', () => {
    // 127.5·0.006 + 128 = 128.765 → 128
    expect([...toBytes([-1, -0.999, 0, 0.006, 0.5, 0.996, 1, 7, -7])]).toEqual([0, 0, 128, 128, 191, 254, 255, 255, 0]);
  });

  it('gives every byte back', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(toBytes(Float32Array.from(all, (b) => (b - 127.5) / 127.5))).toEqual(all);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %d', (bad) => {
    expect(() => toBytes([0, bad])).toThrow(/value 1 cannot be drawn: got -?(NaN|Infinity)/);
  });
});

describe('imageGrid', () => {
  it('puts image i into row i / columns, each value a square of pixels', () => {
    const images = Uint8Array.from({ length: 3 * 2 * 3 }, (_, i) => 10 * i + 1); // three images of 2×3
    const grid = imageGrid(images, [2, 3, 1], { columns: 2, scale: 2, gap: 1, background: [9, 9, 9] });
    expect([grid.width, grid.height]).toEqual([1 + 2 * 7, 1 + 2 * 5]);
    for (let image = 0; image < 3; image++) {
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 6; x++) {
          const value = 10 * (image * 6 + Math.floor(y / 2) * 3 + Math.floor(x / 2)) + 1;
          expect(pixel(grid, 1 + (image % 2) * 7 + x, 1 + Math.floor(image / 2) * 5 + y)).toEqual([value, value, value]);
        }
      }
    }
    expect(pixel(grid, 0, 0)).toEqual([9, 9, 9]); // the frame
    expect(pixel(grid, 9, 7)).toEqual([9, 9, 9]); // the empty place
  });

  it('keeps red, green and blue apart', () => {
    const grid = imageGrid(Float32Array.of(1, 0, -1), [1, 1, 3], { scale: 1, gap: 0 });
    expect([...grid.data]).toEqual([255, 128, 0]);
  });

  it('is the same picture as ever, labels included', () => {
    const images = Float32Array.from({ length: 4 * 28 * 28 }, (_, i) => (((i * 7919) % 256) - 127.5) / 127.5);
    const grid = imageGrid(images, [28, 28, 1], { columns: 2, rowLabels: [7, 'σ=80'], columnLabels: ['0.002', 'Heun'] });
    expect([grid.width, grid.height]).toEqual([294, 258]);
    expect(createHash('sha256').update(grid.data).digest('hex').slice(0, 16)).toBe('da222145c36735de');
  });

  it('makes digits four times as large, so that a person can see them', () => {
    expect(imageGrid(new Float32Array(100 * 784), [28, 28, 1]).width).toBe(4 + 10 * 116);
  });

  it('says what does not fit', () => {
    expect(() => imageGrid(new Float32Array(785), [28, 28, 1])).toThrow(/whole images.*785.*784/);
    expect(() => imageGrid(new Float32Array(8), [2, 2, 2])).toThrow(/no images/);
    expect(() => imageGrid(new Float32Array(784), [28, 28, 1], { scale: 2.5 })).toThrow(/scale.*2\.5/);
    expect(() => imageGrid(new Float32Array(784), [28, 28, 1], { rowLabels: [1, 2] })).toThrow(/rowLabels.*2 labels.*expected 1/);
    expect(() => imageGrid(new Float32Array(784), [28, 28, 1], { rowLabels: ['ß'] })).toThrow(/no letter for "ß"/);
    expect(() => imageGrid(new Float32Array(784).fill(NaN), [28, 28, 1])).toThrow(/cannot be drawn/);
  });
});

it('draws letters that can be read', () => {
  const rows = Array.from({ length: GLYPH.height }, () => Array<string>(3 * GLYPH.advance - 1).fill(' '));
  drawLabel('2R4', (x, y) => (rows[y]![x] = '█'));
  expect(rows.map((row) => row.join('').trimEnd())).toEqual([
    ' ███  ████     █',
    '█   █ █   █   ██',
    '    █ █   █  █ █',
    '   █  ████  █  █',
    '  █   █ █   █████',
    ' █    █  █     █',
    '█████ █   █    █',
  ]);
});

describe('encodePng', () => {
  it('keeps every pixel of a grey, a coloured and a transparent picture', () => {
    for (const channels of [3, 4]) {
      const data = Uint8Array.from({ length: 5 * 4 * channels }, (_, i) => (i * 37) % 256);
      const decoded = decode(encodePng({ width: 5, height: 4, data }));
      expect([decoded.width, decoded.height, decoded.channels, decoded.depth]).toEqual([5, 4, channels, 8]);
      expect(Uint8Array.from(decoded.data)).toEqual(data);
    }
    const grey = decode(encodePng({ width: 2, height: 1, data: Uint8Array.of(7, 7, 7, 250, 250, 250) }));
    expect([grey.channels, ...grey.data]).toEqual([1, 7, 250]);
    const nearly = decode(encodePng({ width: 2, height: 1, data: Uint8Array.of(7, 7, 7, 250, 250, 249) }));
    expect([nearly.channels, ...nearly.data]).toEqual([3, 7, 7, 7, 250, 250, 249]);
  });

  it('refuses bytes of another picture', () => {
    expect(() => encodePng({ width: 2, height: 2, data: new Uint8Array(13) })).toThrow(/13 bytes for 2×2.*12 \(RGB\)/);
  });
});

describe('encodeGif', () => {
  const frame = (f: (i: number) => readonly number[]): Picture => ({
    width: 16,
    height: 16,
    data: Uint8Array.from(Array.from({ length: 256 }, (_, i) => f(i)).flat()),
  });

  it('keeps all 256 greys exactly', () => {
    const frames = [frame((i) => [i, i, i]), frame((i) => [255 - i, 255 - i, 255 - i])];
    const gif = readGif(encodeGif(frames, { fps: 10, hold: 2 }));
    expect([gif.width, gif.height, gif.loops]).toEqual([16, 16, 0]);
    expect(gif.frames.map(({ delay }) => delay)).toEqual([10, 200]); // hundredths of a second
    gif.frames.forEach(({ rgb }, i) => expect(rgb).toEqual([...frames[i]!.data]));
  });

  it('comes near to thousands of colours, equally in every frame', () => {
    const many = frame((i) => [i, (i * 7) % 256, (i * 31) % 256]);
    const other = frame((i) => [255 - i, (i * 11) % 256, i % 256]);
    const gif = readGif(encodeGif([many, other, many]));
    expect(gif.frames[0]!.rgb).toEqual(gif.frames[2]!.rgb);
    const error = gif.frames[0]!.rgb.reduce((sum, value, i) => sum + Math.abs(value - many.data[i]!), 0) / many.data.length;
    expect(error).toBeLessThan(12);
  });

  it('says what does not fit', () => {
    expect(() => encodeGif([])).toThrow(/no frames/);
    expect(() => encodeGif([frame(() => [0, 0, 0]), { width: 1, height: 1, data: new Uint8Array(3) }])).toThrow(
      /frame 1 has another size: got 1×1, expected 16×16/,
    );
    expect(() => encodeGif([frame(() => [0, 0, 0])], { fps: 0 })).toThrow(/fps.*got 0/);
  });
});

/** Reads a GIF by its specification (GIF89a, 1990): enough of it to see what a viewer would show. */
const readGif = (bytes: Uint8Array): { width: number; height: number; loops: number; frames: { delay: number; rgb: number[] }[] } => {
  const u16 = (at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
  const table = 3 * 2 ** ((bytes[10]! & 7) + 1);
  const palette = bytes.subarray(13, 13 + table);
  const frames: { delay: number; rgb: number[] }[] = [];
  let [at, loops, delay] = [13 + table, -1, 0];
  const blocks = (): number[] => {
    const out: number[] = [];
    while (bytes[at] !== 0) {
      out.push(...bytes.subarray(at + 1, at + 1 + bytes[at]!));
      at += bytes[at]! + 1;
    }
    at++;
    return out;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      const label = bytes[at + 1];
      if (label === 0xf9) delay = u16(at + 4);
      at += 2;
      const content = blocks();
      if (label === 0xff) loops = content[12]! | (content[13]! << 8);
    } else {
      expect(bytes[at]).toBe(0x2c);
      expect(bytes[at + 9]! & 0x80).toBe(0); // no palette of its own
      const minimum = bytes[at + 10]!;
      at += 11;
      const rgb = unpack(blocks(), minimum).flatMap((index) => [...palette.subarray(3 * index, 3 * index + 3)]);
      frames.push({ delay, rgb });
    }
  }
  return { width: u16(6), height: u16(8), loops, frames };
};

/** LZW with codes of growing width. */
const unpack = (bytes: readonly number[], minimum: number): number[] => {
  const clear = 2 ** minimum;
  const out: number[] = [];
  let [at, width] = [0, minimum + 1];
  let words: number[][] = [];
  let last: number[] | undefined;
  for (;;) {
    let code = 0;
    for (let i = 0; i < width; i++, at++) code |= ((bytes[at >> 3]! >> (at & 7)) & 1) << i;
    if (code === clear + 1) return out;
    if (code === clear) {
      words = Array.from({ length: clear + 2 }, (_, i) => [i]);
      [width, last] = [minimum + 1, undefined];
      continue;
    }
    const word: number[] = words[code] ?? [...last!, last![0]!];
    if (last !== undefined && words.length < 4096) words.push([...last, word[0]!]);
    if (words.length === 2 ** width && width < 12) width++;
    out.push(...word);
    last = word;
  }
};
