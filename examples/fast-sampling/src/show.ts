import { join } from 'node:path';
import { version_core } from '@tensorflow/tfjs-core';
import {
  describeMachine,
  encodePng,
  formatNumber,
  imageGrid,
  lineChart,
  scatterChart,
  writeReport,
  type Figure,
  type Role,
} from '@tweedie/cli';
import { processes } from '@tweedie/core';
import { contestants } from './contestants.ts';
import { entryOf, namesOf, scoreOf, type Entry } from './fast-sampling.ts';
import type { Problem } from './problems.ts';

export interface Shown {
  readonly problem: Problem;
  readonly folder: string;
  readonly entries: readonly Entry[];
  readonly exact: Entry;
  readonly leftOut: readonly string[];
  readonly calls: readonly number[];
  readonly run: string;
  readonly engine: string;
  readonly count: number;
}

const COLOURS: readonly Role[] = ['data', 'first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];

/** Writes the report. Returns its path. */
export const show = async (shown: Shown): Promise<string> => {
  const { problem, folder, entries, exact, leftOut, calls, run, engine, count } = shown;
  const { distance, factor, title } = problem;
  const names = namesOf(entries);
  const columns = ['sampler', ...calls.map((n) => `${n} calls`)];
  const floor = exact.score.floor ?? NaN;
  const [most, least] = [Math.max(...calls), Math.min(...calls)];
  const best = [...names].sort((a, b) => entryOf(entries, a, least).score.value - entryOf(entries, b, least).score.value)[0]!;
  const path = join(folder, 'report.html');
  await writeReport(path, {
    title: `Five to ten calls: ${title}`,
    summary: `One model, the same noise, ${names.length} samplers. With ${least} network calls ${best} comes nearest to the data.`,
    record: {
      command: `npm run fast-sampling -w @tweedie/example-fast-sampling${problem.name === 'checkerboard' ? '' : ` -- ${problem.name}`}`,
      date: new Date().toISOString(),
      seed: 0,
      engine,
      machine: describeMachine(),
      config: {
        run,
        count,
        samplers: Object.fromEntries(contestants(problem).map(({ name, sampler }) => [name, JSON.stringify(sampler)])),
      },
      versions: { [processes.name]: processes.version, '@tensorflow/tfjs-core': version_core },
      seconds: Object.fromEntries(names.map((name) => [`${name}, ${most} calls`, entryOf(entries, name, most).seconds])),
    },
    sections: [
      {
        title: 'How near to the data',
        text: `${distance}${factor === 1 ? '' : `, × ${factor}`}, n = ${exact.score.n}. The flow itself, followed by ${exact.nfe} calls, gets ${scoreOf(problem, exact)}: that much is the model's. Real data get ${formatNumber(factor * floor, 3)}.`,
        table: { columns, rows: names.map((name) => [name, ...calls.map((n) => scoreOf(problem, entryOf(entries, name, n)))]) },
        ...(calls.length > 1 ? { figures: [chart(shown, names, ({ score }) => score.value, distance)] } : {}),
      },
      {
        title: 'How near to the flow',
        text: `From the same noise each image has a place where the flow itself leads, and every sampler here tries to follow it: the root mean square distance from there. It says what a sampler gets wrong, whatever the model has learnt.`,
        table: { columns, rows: names.map((name) => [name, ...calls.map((n) => formatNumber(entryOf(entries, name, n).deviation, 2))]) },
        ...(calls.length > 1 ? { figures: [chart(shown, names, ({ deviation }) => deviation, 'off the flow')] } : {}),
      },
      ...[...new Set([least, most])].map((n) => ({
        title: `What they draw with ${n} calls`,
        text: 'Every picture begins with the same noise.',
        figures: [grid(shown, names, n)],
      })),
    ],
    notes: leftOut.map((each) => `Left out: ${each.replaceAll('`', '')}`),
  });
  return path;
};

const chart = ({ entries, calls }: Shown, names: readonly string[], value: (entry: Entry) => number, yLabel: string): Figure => ({
  picture: (width) =>
    lineChart({
      lines: names.map((name, i) => ({
        name,
        x: [...calls],
        y: calls.map((n) => value(entryOf(entries, name, n))),
        colour: COLOURS[i % COLOURS.length]!,
      })),
      xLabel: 'network calls',
      yLabel,
      log: { y: entries.every((entry) => value(entry) > 0) },
      width,
      height: 340,
    }),
  alt: `${yLabel} by network calls, a line for each sampler`,
});

const grid = ({ problem, entries, exact }: Shown, names: readonly string[], calls: number): Figure => {
  const drawn = [exact, ...names.map((name) => entryOf(entries, name, calls))];
  const alt = `What ${names.join(', ')} drew with ${calls} calls`;
  if (problem.real !== undefined) {
    const clouds = [{ name: 'data', images: problem.real() }, ...drawn];
    return {
      picture: clouds.map(({ name, images }) =>
        scatterChart({ title: name, range: [-1.3, 1.3], clouds: [{ points: images, colour: name === 'data' ? 'data' : 'first' }] }),
      ),
      alt,
    };
  }
  const size = problem.shape.reduce((product, n) => product * n, 1);
  const columns = Math.min(20, exact.images.length / size);
  const rows = drawn.flatMap(({ images }) => [...images.subarray(0, columns * size)]);
  const picture = imageGrid(Float32Array.from(rows), problem.shape, {
    columns,
    scale: 2,
    rowLabels: drawn.map(({ name }) => name.toUpperCase()),
  });
  return { picture: encodePng(picture), alt };
};
