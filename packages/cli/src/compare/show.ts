import { encodePng, imageGrid } from '../pictures/index.ts';
import {
  formatNumber,
  formatSeconds,
  lineChart,
  scatterChart,
  type Figure,
  type Line,
  type Report,
  type ReportRecord,
  type Role,
  type Section,
  type Table,
} from '../report/index.ts';
import { shownImages, type Cell } from './cell.ts';
import { leaders, type ComparedRow } from './results.ts';

export interface Shown {
  readonly rows: readonly ComparedRow[];
  readonly samplers: readonly string[];
  readonly baseline: string | null;
  readonly n: number;
  readonly guidance: number;
  /** Real data, as the metric names them. */
  readonly reference: string;
  readonly interrupted: boolean;
  readonly record: ReportRecord;
}

const range = (value: number, interval: readonly [number, number] | null, digits: number): string =>
  interval === null
    ? formatNumber(value, digits)
    : `${formatNumber(value, digits)} (${formatNumber(interval[0], digits)} to ${formatNumber(interval[1], digits)})`;

const signed = (text: string): string => (/^(−|0( |$))/.test(text) ? text : `+${text}`);

const lessOf = ({ difference, value }: ComparedRow): string => {
  if (difference === null) return value === null ? '' : '–';
  return signed(range(difference.value, difference.interval, 2));
};

/** Whether a difference can be told from 0. */
const verdictOf = ({ difference, value }: ComparedRow, baseline: string | null): string => {
  if (value === null) return '';
  if (difference === null) return baseline === null ? 'least' : 'baseline';
  if (difference.interval === null) return '';
  const [low, high] = difference.interval;
  return low > 0 ? 'worse' : high < 0 ? 'better' : 'not told apart';
};

const callsOf = ({ nfe }: ComparedRow): string => (nfe === null ? '' : formatNumber(nfe));

/** The one table, for people at a terminal and in a report. Sentences of what failed stand below it. */
export const tableOf = (
  rows: readonly ComparedRow[],
  baseline: string | null,
): { columns: string[]; rows: string[][]; failed: string[] } => {
  const name = nameOf(rows);
  const against = baseline ?? 'the least';
  return {
    columns: ['sampler', 'calls ≤', 'steps', 'calls', name, `less ${against}`, ''],
    rows: rows
      .filter(({ value }) => value !== null)
      .map((row) => [
        row.sampler,
        row.limit === null ? 'own' : String(row.limit),
        String(row.steps),
        callsOf(row),
        range(row.value!, row.interval, 3),
        row.limit === null ? '' : lessOf(row),
        row.limit === null ? '' : verdictOf(row, baseline),
      ]),
    failed: rows.filter(({ failure }) => failure !== null).map(failureOf),
  };
};

const failureOf = ({ sampler, limit, failure }: ComparedRow): string =>
  `${sampler}${limit === null ? '' : `, calls ≤ ${limit}`}: ${failure!}`;

const nameOf = (rows: readonly ComparedRow[]): string =>
  rows.find(({ cell }) => cell?.result !== undefined)?.cell?.result?.name ?? 'distance';

/** At few, some and many calls. */
const shownLimits = (rows: readonly ComparedRow[]): readonly number[] => {
  const limits = [...new Set(rows.flatMap(({ limit, value }) => (limit === null || value === null ? [] : [limit])))];
  if (limits.length <= 3) return limits;
  return [limits[0]!, limits[Math.floor((limits.length - 1) / 2)]!, limits.at(-1)!];
};

/** A sentence for each of a few limits: who is best, and from whom that one cannot be told. */
export const sentences = (rows: readonly ComparedRow[]): readonly string[] =>
  shownLimits(rows).flatMap((limit) => {
    const [best, ...others] = leaders(rows, limit);
    if (best === undefined) return [];
    const rest = others.length === 0 ? '' : `, not told apart from ${others.map(({ sampler }) => `\`${sampler}\``).join(', ')}`;
    return [`within ${limit} calls \`${best.sampler}\` has the least, ${formatNumber(best.value!, 3)}${rest}`];
  });

const COLOURS: readonly Role[] = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];
const MARKS = ['circle', 'triangle', 'rect', 'diamond'] as const;

const chartOf = ({ rows, samplers }: Shown): ((width: number) => string) | undefined => {
  const drawn = rows.filter(({ value, nfe }) => value !== null && value > 0 && nfe !== null);
  if (drawn.length === 0) return undefined;
  // A band to 0 has no place on a logarithmic axis: it ends below everything else.
  const bottom = Math.min(...drawn.map(({ value }) => value!)) / 1.5;
  const lines = samplers.flatMap((sampler): Line[] => {
    const own = drawn.filter((row) => row.sampler === sampler);
    const points = own.filter(({ hash }, i) => own.findIndex((other) => other.hash === hash) === i).sort((a, b) => a.nfe! - b.nfe!);
    if (points.length === 0) return [];
    const i = samplers.indexOf(sampler);
    const values = points.map(({ value }) => value!);
    return [
      {
        name: sampler,
        x: points.map(({ nfe }) => nfe!),
        y: values,
        ...(points.every(({ interval }) => interval !== null)
          ? {
              interval: {
                low: points.map(({ interval }) => Math.max(bottom, interval![0])),
                high: points.map(({ interval }) => Math.max(bottom, interval![1])),
              },
            }
          : {}),
        colour: COLOURS[i % COLOURS.length]!,
        mark: MARKS[(i + Math.floor(i / COLOURS.length)) % MARKS.length]!,
        style: 'dots',
      },
    ];
  });
  const calls = drawn.map(({ nfe }) => nfe!);
  const [least, most] = [Math.min(...calls), Math.max(...calls)];
  const floor = floorOf(rows);
  const real: Line[] =
    floor === undefined || floor <= 0
      ? []
      : [{ name: 'real data', x: least === most ? [least] : [least, most], y: least === most ? [floor] : [floor, floor], colour: 'data' }];
  return (width) =>
    lineChart({
      lines: [...lines, ...real],
      xLabel: 'network calls an image',
      yLabel: nameOf(rows),
      log: { x: most > 4 * least, y: true },
      width,
      height: width < 500 ? 340 + 14 * samplers.length : 460,
    });
};

const floorOf = (rows: readonly ComparedRow[]): number | undefined =>
  rows.find(({ cell }) => cell?.result?.floor !== undefined)?.cell?.result?.floor;

/** What the samplers drew from the same noise, a figure for each of a few limits. */
const figures = ({ rows, samplers }: Shown): readonly Figure[] =>
  [...shownLimits(rows), null].flatMap((limit): Figure[] => {
    const drawn = samplers.flatMap((sampler) => {
      const row = rows.find((each) => each.sampler === sampler && each.limit === limit);
      const images = row?.cell === undefined ? undefined : shownImages(row.cell);
      return images === undefined ? [] : [{ sampler, images, shape: row!.cell!.images!.shape, nfe: row!.nfe! }];
    });
    const [first] = drawn;
    if (first === undefined) return [];
    const alt = `What ${drawn.map(({ sampler }) => sampler).join(', ')} drew from the same noise`;
    const title = limit === null ? 'As many calls as the sampler takes' : `Within ${limit} network calls`;
    if (first.shape.length === 1)
      return [
        {
          picture: drawn.map(({ sampler, images, nfe }) =>
            scatterChart({ title: `${sampler}, ${formatNumber(nfe)}`, range: [-1.3, 1.3], width: 250, clouds: [{ points: images }] }),
          ),
          alt,
          caption: `${title}: the points of each sampler, and the calls that it took. Points outside the frame are cut.`,
        },
      ];
    const columns = first.images.length / first.shape.reduce((product, extent) => product * extent, 1);
    const all = new Uint8Array(drawn.length * first.images.length);
    drawn.forEach(({ images }, i) => all.set(images, i * first.images.length));
    return [
      {
        picture: encodePng(imageGrid(all, first.shape, { columns, scale: Math.max(1, Math.floor(56 / first.shape[1]!)), rowLabels: drawn.map(({ sampler }) => lettered(sampler)) })), // prettier-ignore
        alt,
        caption: `${title}: a row a sampler, a column an image; a column begins with one noise. ${drawn.map(({ sampler, nfe }) => `\`${sampler}\` ${formatNumber(nfe)}`).join(', ')} calls.`,
      },
    ];
  });

/** What the dot font of pictures has. */
const lettered = (label: string): string => {
  const text = label
    .toUpperCase()
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replaceAll(/[^0-9A-Z .,:\-+=/%()#]/g, ' ');
  return text.length > 22 ? `${text.slice(0, 21)}.` : text;
};

export const reported = (shown: Shown): Report => {
  const { rows, baseline, n, guidance, reference, interrupted, record } = shown;
  const name = nameOf(rows);
  const said = sentences(rows);
  const chart = chartOf(shown);
  const { columns, rows: cells, failed } = tableOf(rows, baseline);
  const floor = floorOf(rows);
  const table: Table = { columns, rows: cells.map((row) => row.map((cell) => cell.replaceAll(' to ', '\u00a0to\u00a0'))) };
  const sections: readonly Section[] = [
    {
      title: 'Distance by network calls',
      text: `${name} of ${n} images from ${reference}. Every sampler has the most steps whose network calls do not exceed a limit, on levels spaced as the run spaces them; the calls counted are on the axis${guidance === 1 ? '' : ' (guidance takes two a step)'}. Lower is better.`,
      ...(chart === undefined ? {} : { figures: [{ picture: chart, alt: `${name} by network calls, a line a sampler`, caption: `Bands are the 95 % interval of each value alone, and wider than what tells two samplers apart: all drew from the same noise.${floor === undefined ? '' : ` Grey: real data against real data, ${formatNumber(floor, 3)}.`}` }] }), // prettier-ignore
    },
    {
      title: 'Sampler by sampler',
      text: `“Less ${baseline === null ? 'the least' : `\`${baseline}\``}” is the paired difference ${baseline === null ? 'from the least value under the same limit' : 'from the baseline under the same limit'}, with its 95 % interval: a delete-group jackknife in which the same 16 groups of rows are left out of both. Two samplers are told apart where it excludes 0.${baseline === null ? ' The least is chosen by looking, so that an interval that just excludes 0 says little; many pairs are looked at.' : ''}`,
      table,
    },
    {
      title: 'What they draw',
      text: 'Image i begins with the same noise, and is of the same class, for every sampler.',
      figures: figures(shown),
    },
  ];
  const warnings = [...new Set(rows.flatMap(({ cell }) => (typeof cell?.result?.details['warning'] === 'string' ? [cell.result.details['warning']] : [])))]; // prettier-ignore
  return {
    title: 'Samplers on one network',
    summary: said.length === 0 ? 'No cell could be judged.' : `By ${name}, lower is better: ${said.join('; ')}.`,
    record,
    sections: sections.filter(({ figures: drawn, table: has }) => has !== undefined || (drawn ?? []).length > 0),
    notes: [
      ...(interrupted ? ['The command was interrupted: what is missing was not drawn. The same command goes on.'] : []),
      ...startNotes(rows),
      ...notesOf(rows),
      `The distance is biased upward by about 1/n: only values of the same n = ${n} may be compared.`,
      'One set of noise was drawn. The intervals are about which rows were drawn and which classes they have; the network, its training and the real data are held fixed.',
      ...(rows.some(({ stochastic }) => stochastic)
        ? [`Stochastic: ${[...new Set(rows.filter(({ stochastic }) => stochastic).map(({ sampler }) => `\`${sampler}\``))].join(', ')}. These share the first noise with the others, and draw more on the way.`] // prettier-ignore
        : []),
      ...warnings,
      ...failed.map((each) => `No number: ${each}`),
      `Sampling took ${formatSeconds(total(rows, 'sampling'))} and judging ${formatSeconds(total(rows, 'judging'))} for all cells, whenever they were made.`,
    ],
  };
};

const cellsOf = (rows: readonly ComparedRow[]): readonly Cell[] => [...new Map(rows.flatMap(({ cell }) => (cell === undefined ? [] : [[cell.hash, cell] as const]))).values()]; // prettier-ignore

const total = (rows: readonly ComparedRow[], what: 'sampling' | 'judging'): number =>
  cellsOf(rows).reduce((sum, { seconds }) => sum + seconds[what], 0);

/** Whether all began with the same rows, as was recorded with every cell. */
const startNotes = (rows: readonly ComparedRow[]): readonly string[] => {
  const starts = new Map<string, Set<string>>();
  for (const { cell, sampler } of rows) if (cell !== undefined && cell.start !== '') starts.set(cell.start, (starts.get(cell.start) ?? new Set()).add(sampler)); // prettier-ignore
  if (starts.size <= 1) return ['Every cell began with the same rows: their hash is recorded with each.'];
  const common = [...starts.values()].sort((a, b) => b.size - a.size);
  const names = (of: ReadonlySet<string>): string => [...of].map((each) => `\`${each}\``).join(', ');
  return [`The first step of ${names(new Set(common.slice(1).flatMap((each) => [...each])))} begins elsewhere than that of the others (${names(common[0]!)}): at a state of its own, made from the same noise.`]; // prettier-ignore
};

/** What plans say of themselves, each once. */
const notesOf = (rows: readonly ComparedRow[]): readonly string[] => {
  const said = new Map<string, Set<string>>();
  for (const { cell, sampler, limit } of rows) for (const note of cell?.notes ?? []) said.set(`\`${sampler}\`: ${note}`, (said.get(`\`${sampler}\`: ${note}`) ?? new Set()).add(String(limit ?? 'own'))); // prettier-ignore
  return [...said].map(([text, limits]) => `${text} (calls ≤ ${[...limits].join(', ')})`);
};
