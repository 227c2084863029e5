import { tweedieError } from '@tweedie/core';
import { encodePng } from '../../pictures/png.ts';
import { escapeHtml } from '../escape-html.ts';
import { formatNumber } from '../format.ts';
import { COLOURS, FONT } from './colours.ts';

/** A square piece of the plane. */
export interface Frame {
  readonly title: string;
  /** Both axes, from and to. */
  readonly range: readonly [from: number, to: number];
  /** Pixels. Default 320. */
  readonly width?: number;
}

/** Points [n, 2], x and y in turn. */
export type Points = ArrayLike<number>;

/** Values on a grid, row by row from below, [rows, columns]: drawn as depth of colour, 0 as nothing, the greatest as full. */
export interface Heat {
  readonly values: ArrayLike<number>;
  readonly columns: number;
}

const MARGIN = Object.freeze({ left: 30, right: 6, top: 26, bottom: 22 });

export interface Plane {
  /** `x y` in pixels, to a tenth. */
  at(x: number, y: number): string;
  /** Pixels a unit. */
  readonly unit: number;
}

/** A frame with its axes and what `draw` puts into it, as SVG text. Written by hand: thousands of dots are one path. */
export const plane = ({ title, range: [from, to], width = 320 }: Frame, draw: (plane: Plane) => string): string => {
  if (!(to > from))
    throw tweedieError({ subject: `chart ${title}`, problem: 'the range is empty', got: [from, to], expected: 'from < to' });
  const side = width - MARGIN.left - MARGIN.right;
  const height = side + MARGIN.top + MARGIN.bottom;
  const unit = side / (to - from);
  const px = (x: number): number => MARGIN.left + (x - from) * unit;
  const py = (y: number): number => MARGIN.top + (to - y) * unit;
  const content = draw({ unit, at: (x, y) => `${tenth(px(x))} ${tenth(py(y))}` });
  const ticks = niceTicks(from, to);
  const label = (x: number, y: number, anchor: string, text: string): string =>
    `<text x="${tenth(x)}" y="${tenth(y)}" text-anchor="${anchor}" font-size="11">${text}</text>`;
  const square = `x="${MARGIN.left}" y="${MARGIN.top}" width="${side}" height="${side}"`;
  return [
    `<svg role="img" aria-label="${escapeHtml(title)}" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="max-width:100%;height:auto" font-family="${FONT}" fill="${COLOURS.ink}">`,
    `<path d="${ticks.map((t) => `M${tenth(px(t))} ${MARGIN.top}v${side}M${MARGIN.left} ${tenth(py(t))}h${side}`).join('')}" stroke="${COLOURS.grid}" fill="none"/>`,
    `<svg ${square} viewBox="${MARGIN.left} ${MARGIN.top} ${side} ${side}" stroke-linecap="round" stroke-linejoin="round">${content}</svg>`, // clips
    `<rect ${square} fill="none" stroke="${COLOURS.grid}"/>`,
    `<text x="${MARGIN.left}" y="16" font-size="13" font-weight="600">${escapeHtml(title)}</text>`,
    ...ticks.map(
      (t) => label(px(t), height - 7, 'middle', formatNumber(t, 2)) + label(MARGIN.left - 6, py(t) + 4, 'end', formatNumber(t, 2)),
    ),
    '</svg>',
  ].join('\n');
};

/** Dots of one colour, as one path of zero-length strokes with round ends. */
export const dots = (
  { at }: Plane,
  points: Points,
  { colour, radius, opacity = 1 }: { readonly colour: string; readonly radius: number; readonly opacity?: number },
): string => {
  let d = '';
  for (let i = 0; i + 1 < points.length; i += 2)
    if (Number.isFinite(points[i]) && Number.isFinite(points[i + 1])) d += `M${at(points[i]!, points[i + 1]!)}h0`;
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-opacity="${opacity}" stroke-width="${2 * radius}"/>`;
};

/** Depth of colour over the whole frame. */
export const heatmap = ({ at, unit }: Plane, { values, columns }: Heat, [from, to]: Frame['range']): string => {
  const rows = values.length / columns;
  const most = Array.from(values).reduce((a, b) => Math.max(a, b), 0);
  const data = new Uint8Array(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const upside = (rows - 1 - Math.floor(i / columns)) * columns + (i % columns); // a PNG starts above
    data.set([20, 150, 136, Math.round(150 * (most > 0 ? Math.max(0, values[i]!) / most : 0))], 4 * upside);
  }
  const side = tenth((to - from) * unit);
  const [x, y] = at(from, to).split(' ');
  return `<image x="${x}" y="${y}" width="${side}" height="${side}" preserveAspectRatio="none" href="data:image/png;base64,${Buffer.from(encodePng({ width: columns, height: rows, data })).toString('base64')}"/>`;
};

export const tenth = (value: number): string => String(Math.round(value * 10) / 10);

/** Round numbers inside a range, about four. */
const niceTicks = (from: number, to: number): number[] => {
  const rough = (to - from) / 4;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * decade).find((s) => s >= rough)!;
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
};
