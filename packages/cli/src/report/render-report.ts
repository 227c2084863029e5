import { tweedieError, type MetricResult } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import { escapeHtml } from './escape-html.ts';
import { formatNumber, formatSeconds } from './format.ts';
import { lossChart, type LossPoint } from './loss-chart.ts';
import type { ReportRecord } from './record.ts';
import { STYLE } from './style.ts';

export interface Figure {
  /**
   * PNG or GIF bytes; SVG texts, which stand side by side; or a chart that is drawn for a width in pixels: once for a desk, once
   * for a phone.
   */
  readonly picture: Uint8Array | readonly string[] | ((width: number) => string);
  /** What is to be seen, for those who cannot. */
  readonly alt: string;
  readonly caption?: string;
}

/** A number and what it is worth: `n` always, `floor` (real data against real data) wherever it was measured. */
export interface Score extends MetricResult {
  readonly better?: 'lower' | 'higher';
  /** One sentence for somebody who does not know the name. */
  readonly meaning?: string;
}

export interface Table {
  readonly columns: readonly string[];
  /** The first cell of a row is its name. Numbers are formatted, text is not. */
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Text is plain; `backquotes` make code, an empty line a paragraph. */
export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly table?: Table;
  readonly figures?: readonly Figure[];
}

export interface Report {
  readonly title: string;
  /** A sentence or two: what was done, and what came of it. */
  readonly summary?: string;
  readonly record: ReportRecord;
  readonly scores?: readonly Score[];
  /** What was drawn: grids. */
  readonly samples?: readonly Figure[];
  /** From noise to picture. */
  readonly trajectories?: Figure;
  readonly lossCurve?: readonly LossPoint[];
  readonly sections?: readonly Section[];
  readonly notes?: readonly string[];
}

/** A report as one HTML file that needs nothing else: styles, charts and pictures are inside, and no script. */
export const renderReport = (report: Report): string => {
  const { title, summary, record, scores = [], samples = [], trajectories, lossCurve = [], sections = [], notes = [] } = report;
  const body = [
    samples.length > 0 && section({ title: 'What it draws', figures: samples }),
    scores.length > 0 && scoreSection(scores),
    trajectories && section({ title: 'From noise to picture', figures: [trajectories] }),
    lossCurve.length > 0 && lossSection(lossCurve),
    ...sections.map(section),
    notes.length > 0 &&
      `<section><h2>Notes</h2><ul class="notes">${notes.map((note) => `<li>${inline(note)}</li>`).join('')}</ul></section>`,
    recordSection(record),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<p class="kicker">Tweedie · report</p>
<h1>${escapeHtml(title)}</h1>
${summary === undefined ? '' : `<p class="lead">${inline(summary)}</p>`}
<ul class="made"><li><code>${escapeHtml(record.command)}</code></li><li>${time(record.date)}</li><li>engine ${escapeHtml(record.engine)}</li><li>seed ${escapeHtml(String(record.seed))}</li></ul>
${tiles(scores, record)}
</header>
<main>
${body.filter(Boolean).join('\n')}
</main>
<footer><div>Written by Tweedie: a framework in TypeScript for score-based diffusion models. This file needs no network.</div></footer>
</body>
</html>
`;
};

/** Renders a report and writes it, whole or not at all. */
export const writeReport = async (path: string, report: Report): Promise<void> => {
  await writeFileAtomic(path, renderReport(report));
};

const tiles = (scores: readonly Score[], { seconds = {} }: ReportRecord): string => {
  const tile = (name: string, value: string, note: string): string =>
    `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(name)}</span><small>${escapeHtml(note)}</small></div>`;
  const training = seconds['training'];
  const all = [
    ...scores
      .slice(0, training === undefined ? 4 : 3)
      .map((score) =>
        tile(
          score.name,
          formatNumber(score.value, 3),
          `n = ${formatNumber(score.n)}${score.floor === undefined ? '' : ` · real data ${formatNumber(score.floor, 3)}`}`,
        ),
      ),
    ...(training === undefined ? [] : [tile('training', formatSeconds(training), others(seconds))]),
  ];
  return all.length === 0 ? '' : `<div class="tiles">${all.join('')}</div>`;
};
const others = (seconds: Readonly<Record<string, number>>): string =>
  Object.entries(seconds)
    .filter(([phase]) => phase !== 'training')
    .map(([phase, s]) => `${phase} ${formatSeconds(s)}`)
    .join(' · ');

const scoreSection = (scores: readonly Score[]): string => {
  const row = ({ name, value, n, interval, floor, details, better, meaning }: Score): string => {
    const depends = Object.entries(details).map(
      ([key, it]) => `<li>${escapeHtml(key)}: ${escapeHtml(typeof it === 'number' ? formatNumber(it) : it)}</li>`,
    );
    return [
      `<tr><th scope="row">${escapeHtml(name)}`,
      meaning === undefined ? '' : `<small>${inline(meaning)}</small>`,
      better === undefined ? '' : `<small>${better === 'lower' ? '↓ lower is better' : '↑ higher is better'}</small>`,
      depends.length === 0 ? '' : `<details><summary>depends on</summary><ul>${depends.join('')}</ul></details>`,
      `</th><td>${formatNumber(value)}${interval === undefined ? '' : `<small>${formatNumber(interval[0], 3)} to ${formatNumber(interval[1], 3)}</small>`}</td>`,
      `<td>${floor === undefined ? '<small>not measured</small>' : formatNumber(floor)}</td><td>${formatNumber(n)}</td></tr>`,
    ].join('');
  };
  const intervals = scores.some(({ interval }) => interval !== undefined);
  return `<section><h2>How good it is</h2>
<div class="scroll"><table><thead><tr><th>score</th><th>value</th><th>real data</th><th>n</th></tr></thead><tbody>${scores.map(row).join('')}</tbody></table></div>
<p class="fine">“Real data” is what the same score gives to real data judged against real data at the same n: no generator can be told from the data below it.${intervals ? ' The range under a value is its 95 % interval.' : ''}</p></section>`;
};

const lossSection = (curve: readonly LossPoint[]): string =>
  section({
    title: 'How it learnt',
    figures: [
      {
        picture: (width) => lossChart(curve, width),
        alt: 'Training loss by step',
        caption: `${formatNumber(curve.at(-1)!.step)} steps. The loss is a mean over noise levels drawn at random, which is why single steps scatter.`,
      },
    ],
  });

const section = ({ title, text, table, figures = [] }: Section): string =>
  [
    `<section><h2>${escapeHtml(title)}</h2>`,
    ...(text === undefined ? [] : text.split(/\n\s*\n/).map((paragraph) => `<p>${inline(paragraph)}</p>`)),
    table === undefined ? '' : tableOf(table),
    ...figures.map(figureOf),
    '</section>',
  ].join('\n');

/** A column with a cell longer than this is read, not compared: it is set from the left, as sentences are. */
const PROSE = 32;

const tableOf = ({ columns, rows }: Table): string => {
  const cell = (value: string | number): string => (typeof value === 'number' ? formatNumber(value) : inline(value));
  const prose = columns.map((_, i) => rows.some((row) => String(row[i] ?? '').length > PROSE));
  const style = (i: number): string => (prose[i] === true ? ' class="prose"' : '');
  const line = ([name = '', ...cells]: readonly (string | number)[]): string =>
    `<tr><th scope="row">${cell(name)}</th>${cells.map((c, i) => `<td${style(i + 1)}>${cell(c)}</td>`).join('')}</tr>`;
  return `<div class="scroll"><table><thead><tr>${columns.map((c, i) => `<th${style(i)}>${inline(c)}</th>`).join('')}</tr></thead><tbody>${rows.map(line).join('')}</tbody></table></div>`;
};

const figureOf = ({ picture, alt, caption }: Figure): string => {
  const below = caption === undefined ? '' : `<figcaption>${inline(caption)}</figcaption>`;
  if (typeof picture === 'function') {
    return `<figure><div class="chart"><div class="wide">${checkSvg(picture(820))}</div><div class="narrow">${checkSvg(picture(344))}</div></div>${below}</figure>`;
  }
  if (picture instanceof Uint8Array) {
    return `<figure><div class="frame"><img src="data:${mediaType(picture)};base64,${Buffer.from(picture).toString('base64')}" alt="${escapeHtml(alt)}"/></div>${below}</figure>`;
  }
  return `<figure><div class="charts">${picture.map(checkSvg).join('')}</div>${below}</figure>`;
};

const recordSection = ({ config, versions, machine, seed, engine, seconds = {}, command, date }: ReportRecord): string => {
  const list = (title: string, entries: readonly (readonly [string, string])[], wide = false): string =>
    entries.length === 0
      ? ''
      : `<div class="card${wide ? ' wide' : ''}"><h3>${title}</h3><dl>${entries.map(([key, value]) => `<div><dt>${escapeHtml(key)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl></div>`;
  return `<section><h2>How it was made</h2>
<p>The same command with the same seed and versions gives the same numbers: <code>${escapeHtml(command)}</code></p>
<div class="cards">
${list('Settings', [...flatten(config)], true)}
${list('Run', [['date', utc(date)], ['seed', String(seed)], ['engine', engine], ...Object.entries(seconds).map(([phase, s]) => [phase, formatSeconds(s)] as const)])}
${list('Machine', [
  ['cores', String(machine.cores)],
  ['processor', machine.processor],
  ['memory', `${formatNumber(machine.memory)} GiB`],
  ['system', machine.os],
  ['Node', machine.node],
])}
${list('Versions', Object.entries(versions))}
</div></section>`;
};

/** `{ network: { width: 32 } }` → `network.width`, `32`. */
function* flatten(value: unknown, path = ''): Generator<readonly [string, string]> {
  if (value === undefined) return;
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) {
    for (const [key, inner] of Object.entries(value)) yield* flatten(inner, path === '' ? key : `${path}.${key}`);
    return;
  }
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : ArrayBuffer.isView(value)
      ? Array.from(value as unknown as ArrayLike<number>)
      : [value];
  yield [
    path,
    items
      .map((item) =>
        typeof item === 'number' ? formatNumber(item, 6) : typeof item === 'object' && item !== null ? JSON.stringify(item) : String(item),
      )
      .join(', '),
  ];
}

/** Plain text, with `code`. */
const inline = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const utc = (date: string): string => {
  const at = new Date(date);
  if (Number.isNaN(at.getTime()))
    throw tweedieError({ subject: 'report', problem: 'the date is no date', got: date, expected: 'ISO 8601' });
  const [day, clock] = [
    new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }),
    new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' }),
  ];
  return `${day.format(at)}, ${clock.format(at)} UTC`;
};
const time = (date: string): string => `<time datetime="${escapeHtml(date)}">${utc(date)}</time>`;

const mediaType = (bytes: Uint8Array): string => {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return 'image/png';
  if (bytes[0] === 0x47 && bytes[1] === 0x49) return 'image/gif';
  throw tweedieError({
    subject: 'report',
    problem: 'a picture is neither PNG nor GIF',
    got: [...bytes.subarray(0, 4)],
    remedy: 'encode it with encodePng',
  });
};

const checkSvg = (svg: string): string => {
  if (!svg.startsWith('<svg') || /<script|\bon\w+\s*=|(?:href|src)\s*=\s*["'](?!data:|#)/i.test(svg)) {
    throw tweedieError({
      subject: 'report',
      problem: 'a chart is not plain SVG',
      got: svg.slice(0, 60),
      expected: '<svg …> without scripts and links',
    });
  }
  return svg;
};
