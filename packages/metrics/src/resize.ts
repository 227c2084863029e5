import { tweedieError } from '@tweedie/core';

/**
 * The two ways in which pictures are brought to the size of the Inception network; they give different numbers.
 *
 * - `tf1`: bilinear as TensorFlow 1 did it (no half-pixel centres, corners not aligned, no antialiasing), as the graph of 2015-12-05
 *   does inside itself. The FID of M. Heusel et al. and of EDM, StyleGAN, score_sde.
 * - `clean`: Pillow's bicubic on float planes, antialiased, not rounded again. G. Parmar et al. (2104.11222): clean-fid.
 */
export type Resize = 'tf1' | 'clean';

/** One picture, row-major [height, width, channels], → float32 [size, size, channels]. Never clipped: `clean` may overshoot. */
export type Resizer = (picture: ArrayLike<number>) => Float32Array;

/** Held bit for bit against TensorFlow 2.21 (`tf.compat.v1.image.resize_bilinear`) and Pillow 13.0 (mode F), test/inception/resize.py. */
export const resizer = (resize: Resize, [height, width, channels]: readonly [number, number, number], size: number): Resizer => {
  if (resize !== 'tf1' && resize !== 'clean')
    throw tweedieError({ subject: 'resize', problem: 'there is no such way of resizing', got: resize, expected: "'tf1' or 'clean'" });
  const from = { height, width, channels };
  return resize === 'tf1' ? bilinear(from, size) : bicubic(from, size);
};

interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const { fround } = Math;

/** Output i looks at s = i·in/out: p[⌊s⌋] + (p[⌊s⌋ + 1] − p[⌊s⌋])·(s − ⌊s⌋), first along rows, then down columns, every step in float32. */
const bilinear = ({ height, width, channels }: Size, size: number): Resizer => {
  const looks = (from: number): Looks => {
    const scale = fround(fround(from) / fround(size));
    return Array.from({ length: size }, (_, i) => {
      const at = fround(i * scale);
      const low = Math.floor(at);
      return { low, high: Math.min(low + 1, from - 1), part: fround(at - low) };
    });
  };
  const [rows, columns] = [looks(height), looks(width)];
  return (picture) => {
    const out = new Float32Array(size * size * channels);
    let to = 0;
    for (const row of rows) {
      const [top, bottom] = [row.low * width, row.high * width];
      for (const { low, high, part } of columns) {
        for (let c = 0; c < channels; c++) {
          const along = (start: number): number => {
            const [left, right] = [picture[(start + low) * channels + c]!, picture[(start + high) * channels + c]!];
            return fround(left + fround(fround(right - left) * part));
          };
          const [above, below] = [along(top), along(bottom)];
          out[to++] = above + fround(fround(below - above) * row.part);
        }
      }
    }
    return out;
  };
};
type Looks = readonly { readonly low: number; readonly high: number; readonly part: number }[];

/**
 * Along rows, then down columns (the other way round where a portrait shrinks, as Pillow 13); sums in float64, each pass stored as
 * float32; an axis that keeps its size is left alone.
 */
const bicubic = ({ height, width, channels }: Size, size: number): Resizer => {
  const [wide, high] = [taps(width, size), taps(height, size)];
  const portrait = height > Math.max(width, size);
  const along = (values: Float32Array, rows: number): Float32Array =>
    width === size ? values : weighed(values, rows, width, channels, wide);
  const down = (values: Float32Array, columns: number): Float32Array =>
    height === size ? values : weighed(values, 1, height, columns * channels, high);
  return (picture) => {
    const values = Float32Array.from(picture);
    return portrait ? along(down(values, width), size) : down(along(values, height), size);
  };
};

/** [outer, from, inner] → [outer, taps, inner]: weighed sums over the middle axis. */
const weighed = (values: Float32Array, outer: number, from: number, inner: number, each: Taps): Float32Array => {
  const out = new Float32Array(outer * each.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of each) {
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += values[(o * from + first + k) * inner + i]! * weights[k]!;
        out[to++] = sum;
      }
    }
  }
  return out;
};
type Taps = readonly { readonly first: number; readonly weights: Float64Array }[];

/** Keys' cubic with a = −½ around (i + ½)·in/out, stretched by in/out where that is above 1; weights within the picture, of sum 1. */
const taps = (from: number, to: number): Taps => {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  const narrow = 1 / stretch;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Float64Array.from({ length: last - first }, (__, k) => cubic((k + first - centre + 0.5) * narrow));
    const sum = weights.reduce((total, w) => total + w, 0);
    return { first, weights: weights.map((w) => w * (1 / sum)) };
  });
};

const cubic = (x: number): number => {
  const [a, d] = [-0.5, Math.abs(x)];
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
};
