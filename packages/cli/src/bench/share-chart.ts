import { COLOURS, FONT } from '../report/charts/colours.ts';
import { escapeHtml } from '../report/escape-html.ts';
import { formatNumber } from '../report/format.ts';
import type { SamplerRow } from './samplers.ts';

const [TOP, ROW, BOTTOM, RIGHT] = [34, 26, 40, 18];

/** The share of each sampler in its run, percent: a dot with its interval, hollow where it draws noise, and the limit. */
export const shareChart = ({
  rows,
  limit,
  width,
}: {
  readonly rows: readonly SamplerRow[];
  readonly limit: number;
  readonly width: number;
}): string => {
  const shown = rows.flatMap(({ name, share, stochastic }) => (share === null ? [] : [{ name, share, stochastic }]));
  const left = 14 + 7.2 * Math.max(...shown.map(({ name }) => name.length));
  const most = Math.max(limit, ...shown.map(({ share }) => share.interval?.[1] ?? share.median));
  const step = [0.5, 1, 2, 5, 10, 20, 25].find((each) => most / each <= 8) ?? 25;
  const end = Math.ceil((most * 1.02) / step) * step;
  const floor = TOP + ROW * shown.length;
  const height = floor + BOTTOM;
  const px = (percent: number): string => (left + (percent / end) * (width - left - RIGHT)).toFixed(1);
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  const label = shown.map(({ name, share }) => `${name} ${formatNumber(share.median, 3)} %`).join('; ');
  const dot = (x: string | number, y: number, hollow: boolean): string => `<circle cx="${x}" cy="${y}" r="4.5" fill="${hollow ? 'none' : COLOURS.first}" stroke="${COLOURS.first}" stroke-width="1.8"/>`; // prettier-ignore
  const legend: readonly (readonly [mark: string, text: string, wide: number])[] = [
    [dot(5, -4, false), 'deterministic, 95 %', 140],
    ...(shown.some(({ stochastic }) => stochastic) ? [[dot(5, -4, true), 'draws noise', 96] as const] : []),
    [`<path d="M5 -11V3" stroke="${COLOURS.second}" stroke-width="2"/>`, `limit, ${limit} %`, 80],
  ];
  let at = Math.min(left, width - legend.reduce((sum, [, , wide]) => sum + wide, 0));
  return [
    `<svg role="img" aria-label="${escapeHtml(`Share of the sampler in a run: ${label}`)}" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="max-width:100%;height:auto" font-family="${FONT}" font-size="12" fill="${COLOURS.ink}">`,
    `<path d="${ticks.map((tick) => `M${px(tick)} ${TOP}V${floor}`).join('')}" stroke="${COLOURS.grid}" fill="none"/>`,
    `<path d="M${px(limit)} ${TOP}V${floor}" stroke="${COLOURS.second}" stroke-width="2" fill="none"/>`,
    ...ticks.map((tick) => `<text x="${px(tick)}" y="${floor + 16}" text-anchor="middle">${formatNumber(tick, 2)}</text>`),
    `<text x="${px(end / 2)}" y="${height - 6}" text-anchor="middle">% of a run that is not the network</text>`,
    ...legend.map(([mark, text, wide]) => {
      const entry = `<g transform="translate(${at.toFixed(1)} 18)">${mark}<text x="16" y="0">${text}</text></g>`;
      at += wide;
      return entry;
    }),
    ...shown.map(({ name, share, stochastic }, i) => {
      const y = TOP + ROW * (i + 0.5);
      return [
        `<text x="${(left - 10).toFixed(1)}" y="${y + 4}" text-anchor="end">${escapeHtml(name)}</text>`,
        share.interval === null ? '' : `<path d="M${px(share.interval[0])} ${y}H${px(share.interval[1])}" stroke="${COLOURS.first}" stroke-width="3" stroke-linecap="round"/>`, // prettier-ignore
        dot(px(share.median), y, stochastic),
      ].join('');
    }),
    '</svg>',
  ].join('\n');
};
