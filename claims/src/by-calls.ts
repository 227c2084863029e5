import { formatNumber, lineChart, type Section } from '@tweedie/cli';
import type { Lab } from './claim.ts';
import type { Quality, Subject } from './digits.ts';
import { offTheFlow, qualityOf, type Entrant } from './entrant.ts';
import { meanFd } from './paired.ts';

/** Entrants with so many network calls each. */
export interface ByCalls {
  readonly counts: readonly number[];
  readonly n: number;
  /** Cells of a name at a count, one a seed. */
  cells(name: string, count: number): readonly Quality[];
  /** Nearly the flow itself: 35 calls of Heun's method, of the first seed. */
  readonly flow: Quality;
  /** Distance from the flow. */
  off(name: string, count: number): number;
}

export interface ByCallsOptions {
  readonly subject: Subject;
  readonly entrants: readonly Entrant[];
  readonly counts: readonly number[];
  readonly n: number;
  /** Seeds of a count. */
  readonly seeds: (count: number) => readonly number[];
  /** Images whose distance from the flow is taken. */
  readonly near: number;
}

/** Draws and judges all of them: a step is a call. */
export const byCalls = async (lab: Lab, { subject, entrants, counts, n, seeds, near }: ByCallsOptions): Promise<ByCalls> => {
  const cells = new Map<string, Quality[]>();
  const off = new Map<string, number>();
  const key = (name: string, count: number): string => `${name} ${count}`;
  for (const count of counts)
    for (const entrant of entrants) {
      const own: Quality[] = [];
      for (const seed of seeds(count)) own.push(await qualityOf(lab, subject, entrant, { steps: count, n, seed }));
      cells.set(key(entrant.name, count), own);
      off.set(key(entrant.name, count), await offTheFlow(lab, subject, entrant, { steps: count, n: near, seed: seeds(count)[0]! }));
    }
  const flow = await qualityOf(lab, subject, { name: 'Heun', sampler: { use: 'heun' } }, { steps: 18, n, seed: seeds(counts[0]!)[0]! });
  return { counts, n, flow, cells: (name, count) => cells.get(key(name, count))!, off: (name, count) => off.get(key(name, count))! };
};

/** Distance from real data and from the flow by calls: a table of each, and the curve of the first. */
export const callSections = (title: string, text: string, results: ByCalls, names: readonly string[]): readonly Section[] => {
  const { counts } = results;
  const columns = ['', ...counts.map((count) => `${count} calls`)];
  const fd = (name: string): number[] => counts.map((count) => meanFd(results.cells(name, count)));
  return [
    {
      title,
      text: `${text} Heun’s method with ${results.flow.nfe} calls gets ${formatNumber(results.flow.fd, 3)}, real images against real ones ${formatNumber(results.flow.floor ?? NaN, 3)}.`,
      table: { columns, rows: names.map((name) => [name, ...fd(name)]) },
      figures: [
        {
          picture: (width) =>
            lineChart({
              lines: names.map((name, i) => ({ name, x: [...counts], y: fd(name), colour: COLOURS[i]! })),
              xLabel: 'network calls',
              yLabel: 'FD-mnistnet',
              log: { y: true },
              width,
            }),
          alt: `${title}: distance from real digits against network calls`,
        },
      ],
    },
    {
      title: `${title}: distance from the flow`,
      text: 'Root mean square over pixels and images of what is drawn less where 127 calls of Heun’s method lead from the same noise. Pixels are in [−1, 1].',
      table: { columns, rows: names.map((name) => [name, ...counts.map((count) => results.off(name, count))]) },
    },
  ];
};

const COLOURS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'] as const;
