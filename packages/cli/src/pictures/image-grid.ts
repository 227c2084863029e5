import { tweedieError } from '@tweedie/core';
import { drawLabel, GLYPH, labelWidth } from './label.ts';
import type { Picture } from './picture.ts';
import { toBytes } from './to-bytes.ts';

export type Colour = readonly [red: number, green: number, blue: number];

export interface GridOptions {
  /** Images a row. Default: as square as it gets. */
  readonly columns?: number;
  /** Pixels a data point, an integer: pixels stay sharp. Default: the image becomes about 112 pixels wide (28×28 → ×4, 32×32 → ×3). */
  readonly scale?: number;
  /** Pixels between images. Default: one data point. */
  readonly gap?: number;
  /** Default: nearly black, so that black images still have an edge. A grey keeps a `.gif` of grey images lossless. */
  readonly background?: Colour;
  /** Left of each row, in a 5×7 dot font: digits, capitals, `σ ρ = . − + × % → ∞ ( )`. */
  readonly rowLabels?: readonly (string | number)[];
  /** Above each column. */
  readonly columnLabels?: readonly (string | number)[];
}

const BACKGROUND: Colour = [24, 24, 24];
const INK: Colour = [168, 168, 168];
const INK_ON_LIGHT: Colour = [82, 82, 82];

/**
 * Images side by side at a scale that a person can see: nearest neighbour, a gap, labels if wanted.
 *
 * `images` is [n, H, W, C] row-major with C = 1 (grey) or 3: float32 in [−1, 1] (quantised by {@link toBytes}), or bytes.
 * The last row may be incomplete. Errors: sizes that do not fit, labels of another number than rows or columns, NaN.
 */
export const imageGrid = (images: Float32Array | Uint8Array, shape: readonly number[], options: GridOptions = {}): Picture => {
  const [height, width, channels] = checkShape(shape, images.length);
  const count = images.length / (height * width * channels);
  const columns = options.columns ?? Math.ceil(Math.sqrt(count));
  const scale = options.scale ?? Math.max(1, Math.floor(112 / width));
  const gap = options.gap ?? scale;
  for (const [key, got, least] of [
    ['columns', columns, 1],
    ['scale', scale, 1],
    ['gap', gap, 0],
  ] as const) {
    if (!Number.isInteger(got) || got < least)
      throw tweedieError({ subject: 'image grid', problem: `${key} is out of range`, got, expected: `an integer ≥ ${least}` });
  }
  const rows = Math.ceil(count / columns);
  const rowLabels = checkLabels('rowLabels', options.rowLabels, rows);
  const columnLabels = checkLabels('columnLabels', options.columnLabels, columns);
  const background = options.background ?? BACKGROUND;
  const bytes = images instanceof Uint8Array ? images : toBytes(images);

  // The largest dots with which every column label fits over its image, but never a headline.
  const widest = Math.max(1, ...columnLabels.map(labelWidth));
  const dot = Math.max(1, Math.min(3, Math.round((scale * height) / 56), Math.floor((width * scale + gap) / (widest + 2))));
  const left = rowLabels.length === 0 ? gap : Math.max(...rowLabels.map(labelWidth)) * dot + 2 * Math.max(gap, 4 * dot);
  const top = columnLabels.length === 0 ? gap : GLYPH.height * dot + 2 * Math.max(gap, 3 * dot);
  const pitch = [height * scale + gap, width * scale + gap] as const;
  const total = { width: left + columns * pitch[1], height: top + rows * pitch[0] };
  const data = new Uint8Array(3 * total.width * total.height);
  for (let i = 0; i < data.length; i++) data[i] = background[i % 3]!;

  for (let image = 0; image < count; image++) {
    const y0 = top + Math.floor(image / columns) * pitch[0];
    const x0 = left + (image % columns) * pitch[1];
    for (let y = 0; y < height * scale; y++) {
      const line = (image * height + Math.floor(y / scale)) * width;
      for (let x = 0; x < width * scale; x++) {
        const from = (line + Math.floor(x / scale)) * channels;
        const to = 3 * ((y0 + y) * total.width + x0 + x);
        for (let c = 0; c < 3; c++) data[to + c] = bytes[from + (channels === 1 ? 0 : c)]!;
      }
    }
  }

  const ink = background[0] + background[1] + background[2] > 384 ? INK_ON_LIGHT : INK;
  const write = (text: string, x0: number, y0: number): void => {
    drawLabel(text, (x, y) => {
      for (let dy = 0; dy < dot; dy++)
        for (let dx = 0; dx < dot; dx++) data.set(ink, 3 * ((y0 + y * dot + dy) * total.width + x0 + x * dot + dx));
    });
  };
  const middle = (space: number, size: number): number => Math.floor((space - size * dot) / 2);
  rowLabels.forEach((text, row) => {
    write(text, middle(left, labelWidth(text)), top + row * pitch[0] + middle(height * scale, GLYPH.height));
  });
  columnLabels.forEach((text, column) => {
    write(text, left + column * pitch[1] + Math.max(0, middle(width * scale, labelWidth(text))), middle(top, GLYPH.height));
  });
  return Object.freeze<Picture>({ ...total, data });
};

const checkShape = (shape: readonly number[], length: number): [height: number, width: number, channels: 1 | 3] => {
  const [height = 0, width = 0, channels = 0] = shape;
  const size = height * width * channels;
  if (shape.length !== 3 || !(size > 0) || (channels !== 1 && channels !== 3)) {
    throw tweedieError({ subject: 'image grid', problem: 'these are no images', got: shape, expected: '[H, W, 1] or [H, W, 3]' });
  }
  if (length === 0 || length % size !== 0) {
    throw tweedieError({
      subject: 'image grid',
      problem: 'the numbers do not make whole images',
      got: length,
      expected: `a multiple of ${height}×${width}×${channels} = ${size}`,
    });
  }
  return [height, width, channels];
};

const checkLabels = (key: string, labels: readonly (string | number)[] | undefined, expected: number): readonly string[] => {
  if (labels !== undefined && labels.length !== expected) {
    throw tweedieError({
      subject: 'image grid',
      problem: `${key} do not fit the grid`,
      got: `${labels.length} labels`,
      expected: String(expected),
    });
  }
  return (labels ?? []).map(String);
};
