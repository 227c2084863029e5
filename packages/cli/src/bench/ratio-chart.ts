import { COLOURS, FONT } from '../report/charts/colours.ts';
import { escapeHtml } from '../report/escape-html.ts';
import { formatNumber } from '../report/format.ts';
import type { Row } from './objectives.ts';

const [TOP, ROW, BOTTOM, RIGHT] = [34, 30, 40, 18];

/** Time and memory of each objective over the base's, a line each: a dot with its interval, a diamond, and the limit that is wanted. */
export const ratioChart = ({ rows, width }: { readonly rows: readonly Row[]; readonly width: number }): string => {
  const shown = rows.filter(({ time, memory }) => time !== null || memory !== null);
  const left = 12 + 7.2 * Math.max(...shown.map(({ name }) => name.length));
  const most = Math.max(
    1,
    ...shown.flatMap(({ time, memory, limit }) => [time?.interval?.[1] ?? time?.median ?? 0, memory ?? 0, limit ?? 0]),
  );
  const step = [0.5, 1, 2, 5, 10, 20, 50].find((each) => most / each <= 8) ?? most / 8;
  const end = Math.ceil((most * 1.02) / step) * step;
  const height = TOP + ROW * shown.length + BOTTOM;
  const px = (ratio: number): string => (left + (ratio / end) * (width - left - RIGHT)).toFixed(1);
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  const floor = TOP + ROW * shown.length;
  const timed = shown.some(({ time }) => time !== null);
  return [
    `<svg role="img" aria-label="${escapeHtml(`Time and memory of a step over those of dsm: ${shown.map(({ name, time, memory }) => [name, time && `time ${formatNumber(time.median, 3)}`, memory !== null && `memory ${formatNumber(memory, 3)}`].filter(Boolean).join(' ')).join('; ')}`)}" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="max-width:100%;height:auto" font-family="${FONT}" font-size="12" fill="${COLOURS.ink}">`,
    `<path d="${ticks.map((tick) => `M${px(tick)} ${TOP}V${floor}`).join('')}" stroke="${COLOURS.grid}" fill="none"/>`,
    `<path d="M${px(1)} ${TOP}V${floor}" stroke="${COLOURS.data}" stroke-width="1.5" fill="none"/>`,
    ...ticks.map((tick) => `<text x="${px(tick)}" y="${floor + 16}" text-anchor="middle">${formatNumber(tick, 2)}</text>`),
    `<text x="${px(end / 2)}" y="${height - 6}" text-anchor="middle">times what dsm takes</text>`,
    ...legend(
      left,
      timed,
      shown.some(({ limit }) => limit !== null),
    ),
    ...shown.map((row, i) => markOf(row, TOP + ROW * (i + 0.5), left, px)),
    '</svg>',
  ].join('\n');
};

const legend = (left: number, timed: boolean, limits: boolean): readonly string[] => {
  const entries: (readonly [string, string, number])[] = [
    ...(timed ? ([[`<circle cx="5" cy="-4" r="5" fill="${COLOURS.first}"/>`, 'time, 95 %', 98]] as const) : []),
    [diamond(5, -4), 'peak memory', 108],
    ...(limits ? ([[`<path d="M7 -10V2" stroke="${COLOURS.ink}" stroke-width="2.5"/>`, 'limit', 50]] as const) : []),
  ];
  let at = left;
  return entries.map(([mark, text, wide]) => {
    const entry = `<g transform="translate(${at.toFixed(1)} 18)">${mark}<text x="15" y="0">${text}</text></g>`;
    at += wide;
    return entry;
  });
};

const diamond = (x: number | string, y: number): string =>
  `<path transform="translate(${x} ${y})" d="M0 -5.5L5.5 0L0 5.5L-5.5 0Z" fill="none" stroke="${COLOURS.second}" stroke-width="2"/>`;

const markOf = ({ name, time, memory, limit }: Row, y: number, left: number, px: (ratio: number) => string): string => {
  const [above, below] = [y - 5, y + 6]; // time and memory do not hide each other
  return [
    `<text x="${(left - 10).toFixed(1)}" y="${y + 4}" text-anchor="end">${escapeHtml(name)}</text>`,
    time?.interval ? `<path d="M${px(time.interval[0])} ${above}H${px(time.interval[1])}" stroke="${COLOURS.first}" stroke-width="3" stroke-linecap="round"/>` : '', // prettier-ignore
    time === null ? '' : `<circle cx="${px(time.median)}" cy="${above}" r="4.5" fill="${COLOURS.first}"/>`,
    limit === null ? '' : `<path d="M${px(limit)} ${above - 8}V${above + 8}" stroke="${COLOURS.ink}" stroke-width="2.5"/>`,
    memory === null ? '' : diamond(px(memory), below),
  ].join('');
};
