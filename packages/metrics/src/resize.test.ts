import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { image, tensor4d } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { picture } from '../test/inception/hashed.ts';
import { resizer, type Resize } from './resize.ts';

interface Known {
  readonly sha256: string;
  readonly every9973rd: readonly number[];
}
/** test/inception/resize.py. */
const cases = JSON.parse(readFileSync(new URL('../test/inception/resize.json', import.meta.url), 'utf8')) as readonly {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly tf1: Known;
  readonly clean: Known;
}[];
const SIZE = 299;

describe.each(cases.map((known, number) => ({ number, ...known })))('$height × $width × $channels → 299', (known) => {
  const { height, width, channels, number } = known;
  const bytes = picture(height, width, channels, number);

  it.each(['tf1', 'clean'] as const)('%s is TensorFlow, or Pillow, bit for bit', (name) => {
    const out = resizer(name, [height, width, channels], SIZE)(bytes);
    const every = out.filter((_, i) => i % 9973 === 0);
    expect(Array.from(every)).toEqual(known[name].every9973rd); // where it differs, before that it does
    expect(createHash('sha256').update(new Uint8Array(out.buffer)).digest('hex')).toBe(known[name].sha256);
  });

  it('tf1 is resizeBilinear of TensorFlow.js with its defaults', async () => {
    const ours = resizer('tf1', [height, width, channels], SIZE)(bytes);
    const input = tensor4d(Float32Array.from(bytes), [1, height, width, channels]);
    const output = image.resizeBilinear(input, [SIZE, SIZE]);
    const theirs = await output.data();
    expect(ours.reduce((worst, v, i) => Math.max(worst, Math.abs(v - theirs[i]!)), 0)).toBeLessThan(1e-3); // of 255; engines differ in their rounding
    [input, output].forEach((used) => used.dispose());
  });
});

describe('resizing', () => {
  it('overshoots only where bicubic does, and leaves a picture of its own size alone', () => {
    const edge = Uint8Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 255));
    const least = (name: Resize): number => Math.min(...resizer(name, [8, 8, 1], 32)(edge));
    expect([least('tf1'), least('clean')]).toEqual([0, expect.closeTo(-17, -1)]);
    for (const name of ['tf1', 'clean'] as const) expect(Array.from(resizer(name, [8, 8, 1], 8)(edge))).toEqual(Array.from(edge));
  });

  it('knows two ways', () => {
    expect(() => resizer('bilinear' as Resize, [8, 8, 1], 32)).toThrow(/no such way of resizing: got bilinear, expected 'tf1' or 'clean'/);
  });
});
