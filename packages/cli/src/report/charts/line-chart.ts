import { tweedieError } from '@tweedie/core';
import { CustomChart, LineChart, type CustomSeriesOption } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { createHash } from 'node:crypto';
import { escapeHtml } from '../escape-html.ts';
import { formatNumber } from '../format.ts';
import { COLOURS, FONT, type Role } from './colours.ts';

use([CustomChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);

export interface Line {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Drawn as a pale band around the line. */
  readonly interval?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
  readonly colour?: Role;
  /** `raw`: thin and pale, for measurements under their average. Default `line`. */
  readonly style?: 'line' | 'raw' | 'dots';
  /** What stands at the points of `dots`, in the legend too: for more lines than there are colours. Default `circle`. */
  readonly mark?: 'circle' | 'rect' | 'triangle' | 'diamond';
}

export interface LineChartOptions {
  readonly lines: readonly Line[];
  readonly xLabel: string;
  readonly yLabel: string;
  /** Logarithmic axes: only for positive numbers. Default: neither. */
  readonly log?: { readonly x?: boolean; readonly y?: boolean };
  /** Pixels. Default 760 × 340. */
  readonly width?: number;
  readonly height?: number;
}

/** Lines in one frame, as SVG text. */
export const lineChart = ({ lines, xLabel, yLabel, log = {}, width = 760, height = 340 }: LineChartOptions): string => {
  for (const { name, x, y, interval } of lines) {
    if (x.length !== y.length || x.length === 0)
      throw tweedieError({ subject: `chart line ${name}`, problem: 'not one y for each x', got: `${x.length} x, ${y.length} y` });
    const edges = interval === undefined ? [] : [interval.low, interval.high];
    if (edges.some(({ length }) => length !== x.length))
      throw tweedieError({
        subject: `chart line ${name}`,
        problem: 'not one interval for each x',
        got: `${x.length} x, ${edges.map(({ length }) => length).join(' and ')} ends`,
      });
    for (let i = 0; i < x.length; i++) {
      const bad = [x[i]!, y[i]!, ...edges.map((edge) => edge[i]!)].find(
        (v, axis) => !Number.isFinite(v) || ((axis === 0 ? log.x : log.y) === true && v <= 0),
      );
      if (bad !== undefined)
        throw tweedieError({
          subject: `chart line ${name}`,
          problem: `point ${i} cannot be drawn`,
          got: bad,
          expected: log.x || log.y ? 'finite numbers, above 0 on a logarithmic axis' : 'finite numbers',
        });
    }
  }
  const text = { color: COLOURS.ink, fontFamily: FONT, fontSize: 12 };
  const axis = (name: string, values: readonly number[], logarithmic: boolean): object => ({
    type: logarithmic ? 'log' : 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: text,
    scale: true,
    ...(logarithmic ? ends(logTicks(values)) : {}),
    axisLabel: {
      ...text,
      hideOverlap: true,
      ...(logarithmic ? { customValues: logTicks(values) } : {}),
      formatter: (value: number) => formatNumber(value, 3),
    },
    axisLine: { show: false },
    axisTick: { show: false, ...(logarithmic ? { customValues: logTicks(values) } : {}) },
    minorTick: { show: false },
    splitLine: { lineStyle: { color: COLOURS.grid, width: 1 } },
  });
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    const all = (pick: (line: Line) => ArrayLike<number>): number[] => lines.flatMap((line) => Array.from(pick(line)));
    chart.setOption({
      animation: false,
      backgroundColor: 'transparent',
      textStyle: { fontFamily: FONT },
      grid: { left: 52, right: 16, top: lines.length > 1 ? 4 + 32 * legendRows(lines, width) : 14, bottom: 46 },
      legend: {
        show: lines.length > 1,
        data: lines.map(({ name }) => name),
        top: 0,
        left: 46,
        itemGap: GAP,
        itemWidth: 18,
        itemHeight: 8,
        ...(lines.some(({ mark }) => mark !== undefined) ? {} : { icon: 'roundRect' }),
        textStyle: text,
      },
      xAxis: {
        ...axis(
          xLabel,
          all(({ x }) => x),
          log.x === true,
        ),
        nameGap: 28,
        splitLine: { show: false },
        ...(log.x === true ? {} : { max: 'dataMax' }),
      },
      yAxis: {
        ...axis(
          yLabel,
          lines.flatMap(({ y, interval }) => [y, interval?.low ?? [], interval?.high ?? []].flatMap((values) => Array.from(values))),
          log.y === true,
        ),
        nameGap: 38,
      },
      series: [
        ...lines.flatMap(band),
        ...lines.map(({ name, x, y, colour = 'first', style = 'line', mark }) => ({
          type: 'line',
          name,
          data: Array.from(x, (at, i) => [at, y[i]]),
          silent: true,
          showSymbol: style === 'dots',
          symbol: style === 'dots' ? (mark ?? 'circle') : 'none',
          symbolSize: mark === undefined ? 5 : 7,
          color: COLOURS[colour],
          lineStyle: { color: COLOURS[colour], width: style === 'raw' ? 1 : 2.25, join: 'round', opacity: style === 'raw' ? 0.35 : 1 },
          itemStyle: { color: COLOURS[colour], opacity: style === 'raw' ? 0.35 : 1 },
        })),
      ],
    });
    return still(chart.renderToSVGString(), `${yLabel} by ${xLabel}`);
  } finally {
    chart.dispose();
  }
};

/** Between the names: wide enough for a typeface wider than the one that is reckoned with. */
const GAP = 28;

/** Rows that the names take beside each other: 12 pixels of type are about 6.6 wide a letter. */
const legendRows = (lines: readonly Line[], width: number): number => {
  let [rows, at] = [1, 0];
  for (const { name } of lines) {
    const long = 18 + 5 + 6.6 * name.length;
    if (at > 0 && 46 + at + long > width) [rows, at] = [rows + 1, 0];
    at += long + GAP;
  }
  return rows;
};

/** The interval of a line as one closed path, below all lines; it has no name, so that the legend knows only the line. */
const band = ({ x, interval, colour = 'first' }: Line): CustomSeriesOption[] => {
  if (interval === undefined) return [];
  const { low, high } = interval;
  return [
    {
      type: 'custom',
      silent: true,
      z: 1,
      data: Array.from(x, (at, i) => [at, low[i]!, high[i]!]),
      encode: { x: 0, y: [1, 2] },
      renderItem: ({ dataIndex }, { coord }) =>
        dataIndex > 0
          ? null
          : {
              type: 'polygon',
              shape: {
                points: [...Array.from(x, (at, i) => coord([at, high[i]!])), ...Array.from(x, (at, i) => coord([at, low[i]!])).reverse()],
              },
              style: { fill: COLOURS[colour], opacity: 0.18 },
            },
    },
  ];
};

const ends = (ticks: readonly number[]): { min: number; max: number } => ({ min: ticks[0]!, max: ticks.at(-1)! });

/** 1, 2 and 5 times the powers of ten around the data; the powers alone where that would be many. */
const logTicks = (values: readonly number[]): readonly number[] => {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const wide = most / least > 300;
  const ticks: number[] = [];
  for (let decade = Math.floor(Math.log10(least)); decade <= Math.ceil(Math.log10(most)); decade++)
    ticks.push(...(wide ? [1] : [1, 2, 5]).map((m) => Number(`${m}e${decade}`)));
  const from = ticks.findLastIndex((tick) => tick <= least * (1 + 1e-9));
  const to = ticks.findIndex((tick) => tick >= most * (1 - 1e-9));
  return ticks.slice(from, Math.max(to, from + 1) + 1);
};

/** Without what only a live chart needs; identifiers made from the content, so that charts can share a page and equal charts are equal text. */
const still = (svg: string, label: string): string => {
  const plain = svg
    .replace(/<style[^]*?<\/style>/g, '')
    .replace(/ (?:ecmeta_\w+|class|pointer-events|baseProfile|version|xmlns:xlink|xml:space)="[^"]*"/g, '')
    .replace(/\bzr\d+-/g, 'chart-')
    .replace(/ (?:d|transform)="[^"]*"/g, (numbers) => numbers.replace(/(?<=\.\d\d)\d+/g, ''));
  const id = createHash('sha256').update(plain).digest('hex').slice(0, 8);
  return plain
    .replaceAll('chart-c', `chart-${id}-`)
    .replace(
      /^<svg width="(\d+)" height="(\d+)"/,
      `<svg role="img" aria-label="${escapeHtml(label)}" width="$1" height="$2" style="max-width:100%;height:auto"`,
    );
};
