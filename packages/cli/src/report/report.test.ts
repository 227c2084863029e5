import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeGif } from '../pictures/gif.ts';
import { imageGrid } from '../pictures/image-grid.ts';
import { encodePng } from '../pictures/png.ts';
import { formatNumber, formatSeconds } from './format.ts';
import { lossChart, runningMean } from './loss-chart.ts';
import { describeMachine } from './record.ts';
import { renderReport, writeReport, type Report } from './render-report.ts';
import { lineChart } from './charts/line-chart.ts';
import { scatterChart } from './charts/scatter-chart.ts';
import { trajectories } from './charts/trajectories.ts';
import { vectorField } from './charts/vector-field.ts';

const noisy = (count: number): Float32Array => Float32Array.from({ length: count * 784 }, (_, i) => (((i * 7919) % 251) - 125) / 125);
const grid = encodePng(imageGrid(noisy(100), [28, 28, 1], { columns: 10 }));
const roll = Float64Array.from({ length: 400 }, (_, i) => ((i >> 1) / 200) * (i % 2 ? Math.sin(i / 10) : Math.cos(i / 10)));

const report: Report = {
  title: 'Digits <script>alert(1)</script> & "more"',
  summary: 'Made with `tweedie train`, 5 < 6.',
  record: {
    command: "npm start -- --note '<i>'",
    date: '2026-11-22T01:15:00Z',
    seed: 20241022n,
    engine: 'wasm',
    machine: { cores: 2, processor: 'A <fast> one', memory: 23.5, os: 'linux', node: '20.20.2' },
    config: { network: { use: 'digits', widths: [32, 64], 'a<b': true }, steps: 1850, rate: 0.002, off: null },
    versions: { '@tweedie/core': '0.1.0', 'tweedie-sampler-foo': '9.8.7' },
    seconds: { training: 120.4, sampling: 31.2 },
  },
  scores: [
    {
      name: 'digit-match',
      value: 0.47265,
      n: 512,
      floor: 0.98828,
      interval: [0.43, 0.516],
      details: { classifier: 'mnistnet-1a2b3c4d' },
      better: 'higher',
      meaning: 'As a <classifier> reads them.',
    },
    { name: 'FD-mnistnet', value: 41.23456, n: 513, details: { reference: 10000 }, better: 'lower' },
  ],
  samples: [{ picture: grid, alt: '100 "digits"', caption: 'Ten a class & not chosen.' }],
  trajectories: { picture: encodeGif([imageGrid(noisy(4), [28, 28, 1])]), alt: 'four digits' },
  lossCurve: Array.from({ length: 3000 }, (_, i) => ({ step: i + 1, loss: 0.2 + 2 / (i + 1) })),
  sections: [
    { title: 'A <field>', text: 'One.\n\nTwo & `three`.', table: { columns: ['level', 'error'], rows: [['ρ < 1', 0.0123]] } },
    {
      title: 'Charts',
      figures: [
        {
          alt: 'three',
          picture: [
            scatterChart({ title: 'a < b', range: [-1, 1], clouds: [{ points: roll }] }),
            trajectories({ title: 'ways', range: [-1, 1], paths: [roll] }),
            vectorField({ title: 'field', range: [-1, 1], at: roll, vectors: roll, heat: { values: [0, 1, 2, 3], columns: 2 } }),
          ],
        },
      ],
    },
  ],
  notes: ['A note with <b>.'],
};

/** Every element closed in order, every attribute quoted, every & an entity: what an XML parser would ask for. */
const elements = (html: string): string[] => {
  const open: string[] = [];
  const seen: string[] = [];
  const text = html.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  const rest = text.replace(
    /<(\/?)([a-zA-Z][\w]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, closing: string, name: string, _attributes: string, empty: string) => {
      if (closing === '/') expect(open.pop()).toBe(name);
      else {
        seen.push(name);
        if (empty !== '/') open.push(name);
      }
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
  expect(text).not.toMatch(/&(?!(?:amp|lt|gt|quot|#39);)/);
  return seen;
};

describe('renderReport', () => {
  const html = renderReport(report);

  it('is well-formed', () => {
    expect(elements(html).filter((name) => name === 'svg').length).toBeGreaterThanOrEqual(5);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('needs nothing from elsewhere', () => {
    for (const [, target] of html.matchAll(/(?:src|href)="([^"]*)"/g)) expect(target).toMatch(/^(?:data:image\/(?:png|gif);base64,|#)/);
    expect(html).not.toMatch(/<script|<link|<iframe|@import|@font-face|url\((?!#)/);
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//);
    expect(html.length).toBeLessThan(3 * 2 ** 20);
  });

  it('keeps text as text', () => {
    for (const raw of ['<script>', '<i>', '<fast>', 'a<b', '<classifier>', '<field>', '<b>.', 'ρ < 1', 'a < b', '5 < 6', '"digits"'])
      expect(html).not.toContain(raw);
    expect(html).toContain('Digits &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;');
    expect(html).toContain('<code>tweedie train</code>');
  });

  it('has every number with its n and its floor, and what made them', () => {
    const plain = html.replace(/<[^>]*>/g, '·');
    for (const wanted of [
      '0.4727',
      '0.43 to 0.516',
      '0.9883',
      '512',
      '513',
      '41.23',
      'not measured',
      '10 000',
      '2 min 0 s',
      '31.2 s',
      '20241022',
      'wasm',
      '23.5 GiB',
      '20.20.2',
      '9.8.7',
      '22 November 2026, 01:15 UTC',
      'npm start -- --note',
      'network.widths',
      '32, 64',
      '0.002',
      '1850',
      'null',
      '0.0123',
      '3000 steps',
    ]) {
      expect(plain.replaceAll('\u202f', ' ')).toContain(wanted);
    }
  });

  it('holds the pictures bit by bit', () => {
    const [png] = [...html.matchAll(/src="data:image\/png;base64,([^"]+)"/g)].map(([, data]) => Buffer.from(data!, 'base64'));
    expect(Uint8Array.from(png!)).toEqual(Uint8Array.from(grid));
    expect(html).toContain('data:image/gif;base64,R0lGOD');
  });

  it('is the same text for the same report', () => {
    expect(renderReport(report)).toBe(html);
  });

  it('sets a column of sentences from the left, one of numbers from the right', () => {
    const sentence = 'nobody would compare this with the line below it';
    const table = { columns: ['name', 'said', 'is'], rows: [['a', sentence, 1], ['b', '2', 2]] }; // prettier-ignore
    const drawn = renderReport({ ...report, sections: [{ title: 'x', table }] });
    expect(drawn).toContain(`<td class="prose">${sentence}</td><td>1</td>`);
    expect(drawn).toContain('<th>name</th><th class="prose">said</th><th>is</th>');
    expect(drawn).toContain('<td class="prose">2</td><td>2</td>');
  });

  it('does with the least', () => {
    elements(renderReport({ title: 'Empty', record: { ...report.record, config: {}, versions: {} } }));
  });

  it('refuses what it could not show', () => {
    expect(() => renderReport({ ...report, samples: [{ picture: Uint8Array.of(1, 2, 3, 4), alt: '' }] })).toThrow(/neither PNG nor GIF/);
    expect(() => renderReport({ ...report, sections: [{ title: 'x', figures: [{ alt: '', picture: ['<svg onload="x">'] }] }] })).toThrow(
      /not plain SVG/,
    );
    expect(() => renderReport({ ...report, record: { ...report.record, date: 'yesterday' } })).toThrow(/date/);
  });

  it('is written whole', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tweedie-report-'));
    try {
      await writeReport(join(folder, 'runs/x/report.html'), report);
      expect(await readFile(join(folder, 'runs/x/report.html'), 'utf8')).toBe(html);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('charts', () => {
  it('puts a point where it belongs, up being up', () => {
    // 236 pixels of plane for a width of 272: x from 30, y from 26
    const chart = scatterChart({ title: 't', range: [-1, 1], width: 272, clouds: [{ points: [0.5, 1, NaN, 0] }] });
    expect(chart).toContain(`<path d="M207 26h0"`);
  });

  it('draws arrows along the vectors, cut at the scale', () => {
    const chart = vectorField({ title: 't', range: [-1, 1], width: 272, at: [0, 0, 0, -1], vectors: [3, 4, 0, -50], scale: 10, pitch: 20 });
    expect(chart).toContain('M148 144l6 -8'); // half of 20 pixels, to the upper right
    expect(chart).toContain('M148 262l0 20');
  });

  it('paints heat from below, row by row', () => {
    const chart = vectorField({ title: 't', range: [-1, 1], at: [0, 0], vectors: [1, 0], heat: { values: [0, 0, 0, 1], columns: 2 } });
    const upper = vectorField({ title: 't', range: [-1, 1], at: [0, 0], vectors: [1, 0], heat: { values: [0, 1, 0, 0], columns: 2 } });
    const png = (svg: string): Buffer => Buffer.from(/base64,([^"]+)/.exec(svg)![1]!, 'base64');
    expect(png(chart)).toEqual(
      Buffer.from(encodePng({ width: 2, height: 2, data: Uint8Array.of(...[0, 150, 0, 0].flatMap((a) => [20, 150, 136, a])) })),
    );
    expect(png(upper)).not.toEqual(png(chart));
  });

  it('refuses what has no place on an axis', () => {
    const line =
      (y: number[], log = false): (() => string) =>
      () =>
        lineChart({ lines: [{ name: 'l', x: y.map((_, i) => i), y }], xLabel: 'x', yLabel: 'y', log: { y: log } });
    expect(line([1, NaN])).toThrow(/line l.*point 1.*NaN/);
    expect(line([1, 0], true)).toThrow(/above 0/);
    expect(line([1, 0])()).toMatch(/^<svg/);
    expect(() => vectorField({ title: 't', range: [0, 1], at: [0, 0], vectors: [1, 1, 1, 1] })).toThrow(/1 points, 2 vectors/);
  });

  it('draws an interval as a band below its line, in its colour, named once', () => {
    const chart = (interval?: { low: number[]; high: number[] }, log = false): string =>
      lineChart({
        lines: [{ name: 'own', x: [1, 2, 4], y: [2, 3, 2], colour: 'third', ...(interval === undefined ? {} : { interval }) }],
        xLabel: 'x',
        yLabel: 'y',
        log: { x: log, y: log },
      });
    const band = /<polygon points="([^"]*)" fill="var\(--chart-third, #4f46e5\)" fill-opacity="0\.18"/;
    const drawn = chart({ low: [1, 2, 1], high: [4, 5, 4] });
    const points = band
      .exec(drawn)![1]!
      .match(/[-\d.]+ [-\d.]+/g)!
      .map((pair) => pair.split(' ').map(Number) as [number, number]);
    expect(points.slice(0, 3).map(([x]) => x)).toEqual([...points.slice(3, 6).map(([x]) => x)].reverse());
    for (let i = 0; i < 3; i++) expect(points[i]![1]).toBeLessThan(points[5 - i]![1]); // pixels count downwards
    expect(drawn.indexOf('<polygon')).toBeLessThan(drawn.indexOf('stroke="var(--chart-third'));
    expect(chart()).not.toMatch(band);
    elements(drawn);
    elements(chart({ low: [0.01, 1, 1], high: [4, 50, 4] }, true));
    expect(() => chart({ low: [1, 2], high: [4, 5, 4] })).toThrow(/not one interval for each x: got 3 x, 2 and 3 ends/);
    expect(() => chart({ low: [0, 2, 1], high: [4, 5, 4] }, true)).toThrow(/point 0 cannot be drawn: got 0/);
    expect(() => chart({ low: [1, 2, 1], high: [4, NaN, 4] })).toThrow(/point 1 cannot be drawn: got NaN/);
  });

  it('leaves room for names that need a second row', () => {
    const top = (width: number): number =>
      Math.min(
        ...[
          ...lineChart({
            lines: ['one of them', 'another one', 'a third one'].map((name) => ({ name, x: [0, 1], y: [0, 1] })),
            xLabel: 'x',
            yLabel: 'y',
            width,
          }).matchAll(/<path d="M[\d.]+ ([\d.]+)L[^"]*" fill="none" stroke="var\(--chart-grid/g),
        ].map(([, y]) => Number(y)),
      );
    expect(top(300)).toBeGreaterThan(top(760) + 25);
  });

  it('keeps text as text, and shares a page', () => {
    const charts = ['a < b & "c"', 'other'].map((name) =>
      lineChart({ lines: [name, 'second'].map((n, i) => ({ name: n, x: [0, 1], y: [i, name.length] })), xLabel: '<x>', yLabel: '"y"' }),
    );
    charts.forEach((chart) => expect(elements(chart)).toContain('path'));
    const [one, two] = charts.map((chart) => [...chart.matchAll(/(?: id="|url\(#)([^")]+)/g)].map(([, id]) => id));
    expect(one!.length).toBeGreaterThan(0);
    expect(one!.some((id) => two!.includes(id))).toBe(false);
  });

  it('has round numbers on a logarithmic axis', () => {
    const labels = (y: number[]): string[] =>
      [
        ...lineChart({ lines: [{ name: 'l', x: y, y }], xLabel: '', yLabel: '', log: { x: true, y: true } }).matchAll(
          /text-anchor="end"[^>]*>([^<]+)</g,
        ),
      ].map(([, text]) => text!);
    expect(labels([0.13, 0.9])).toEqual(['0.1', '0.2', '0.5', '1']);
    expect(labels([1e-5, 80])).toEqual(['1·10⁻⁵', '1·10⁻⁴', '0.001', '0.01', '0.1', '1', '10', '100']);
  });
});

it('says of how many steps a loss is the mean, where not every step was kept', () => {
  const kept = (count: number, stride: number): string =>
    lossChart(
      Array.from({ length: count }, (_, i) => ({ step: (i + 1) * stride, loss: 1 + (i % 3) })),
      800,
    );
  expect(kept(40, 1)).not.toContain('mean over');
  expect(kept(500, 1)).toMatch(/each step[^]*mean over 21 steps/);
  expect(kept(500, 10)).toMatch(/one step in 10[^]*mean over 210 steps/);
  expect(kept(1500, 10)).toMatch(/one step in 30[^]*mean over 610 steps/);
});

it('averages around each step, not behind it', () => {
  const ramp = Array.from({ length: 9 }, (_, i) => 3 * i + 1);
  expect(runningMean(ramp, 2).slice(2, 7)).toEqual(ramp.slice(2, 7));
  expect(runningMean(ramp, 2)[0]).toBe((1 + 4 + 7) / 3);
  expect(runningMean([5], 3)).toEqual([5]);
});

it('writes numbers for readers', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0.47265625, '0.4727'],
    [41.2345, '41.23'],
    [512, '512'],
    [60000, '60 000'],
    [1850, '1850'],
    [-1.2, '−1.2'],
    [0.002, '0.002'],
    [2e-5, '2·10⁻⁵'],
    [1234567, '1 234 567'],
    [123456.7, '123 457'],
    [3e9, '3·10⁹'],
    [NaN, 'not a number'],
    [0.1 + 0.2, '0.3'],
  ];
  for (const [value, text] of cases) expect(formatNumber(value).replaceAll('\u202f', ' ')).toBe(text);
  expect([0.5, 8.14, 59.96, 120.4, 3725].map((s) => formatSeconds(s))).toEqual(['0.5 s', '8.1 s', '60 s', '2 min 0 s', '1 h 2 min']);
});

it('knows this machine', () => {
  expect(describeMachine()).toMatchObject({ node: process.versions.node });
  expect(describeMachine().cores).toBeGreaterThan(0);
});
