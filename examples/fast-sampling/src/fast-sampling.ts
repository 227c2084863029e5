import { join } from 'node:path';
import { selectEngine } from '@tweedie/backend';
import { formatNumber, formatSeconds, sampleRun, table, trainRun, type SampleRunOptions } from '@tweedie/cli';
import { isTweedieError, tweedieError, type MetricResult } from '@tweedie/core';
import { contestants, EXACT, type Contestant } from './contestants.ts';
import { PROBLEMS, type Drawn, type Problem } from './problems.ts';
import { show } from './show.ts';

export interface FastSamplingOptions {
  /** Default `checkerboard`. */
  readonly problem?: Problem['name'];
  /** A RUN folder of the problem's data. Without it one is trained into `folder`, once. */
  readonly run?: string;
  /** Training steps. Default: the problem's. */
  readonly steps?: number;
  /** Points or images to draw by each. Default: the problem's. */
  readonly count?: number;
  /** Network calls of an image. Default 5, 6, 8, 10. */
  readonly calls?: readonly number[];
  /** Samplers by name. Default: all. */
  readonly only?: readonly string[];
  /** Of the noise that all of them begin with. Default: the run's. */
  readonly seed?: number;
  /** Default `runs/fast-sampling-<problem>`. */
  readonly folder?: string;
  readonly print?: (line: string) => void;
}

/** What one sampler drew with so many calls. */
export interface Entry extends Drawn {
  readonly name: string;
  /** Calls that were allowed, and that were made. */
  readonly calls: number;
  readonly nfe: number;
  readonly score: MetricResult;
  /** Root mean square distance from where the flow itself leads from the same noise. */
  readonly deviation: number;
  readonly seconds: number;
}

export interface Outcome {
  readonly entries: readonly Entry[];
  /** The flow itself, by many small steps. */
  readonly exact: Entry;
  /** Who could not take part, and why. */
  readonly leftOut: readonly string[];
  readonly report: string;
}

/** Trains a small model once, draws from the same noise by each sampler with few calls, and reports how near they come. */
export const main = async (options: FastSamplingOptions = {}): Promise<Outcome> => {
  const { calls = [5, 6, 8, 10], only, seed, print = console.log } = options;
  const problem = PROBLEMS[options.problem ?? 'checkerboard'];
  const { steps = problem.steps, count = problem.count, folder = `runs/fast-sampling-${problem.name}` } = options;
  const all = contestants(problem);
  const unknown = only?.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined)
    throw tweedieError({
      subject: 'fast-sampling',
      problem: 'there is no such sampler here',
      got: unknown,
      expected: all.map(({ name }) => name).join(', '),
    });
  const { id: engine } = await selectEngine();
  const judge = await problem.prepare();
  const run = options.run ?? (await trained(problem, steps, join(folder, `run-${steps}`), print));

  const draw = async (name: string, allowed: number, how: Partial<SampleRunOptions>, truth?: Float32Array): Promise<Entry> => {
    const { images, labels, nfe, seconds } = await sampleRun({
      run,
      count,
      batchSize: 500,
      ...(seed === undefined ? {} : { seed }),
      ...how,
    });
    const drawn: Drawn = { images, ...(labels === undefined ? {} : { labels }) };
    return { name, calls: allowed, nfe, ...drawn, score: await judge(drawn), deviation: truth ? apart(images, truth) : 0, seconds };
  };
  const exact = await draw('the flow itself', 2 * EXACT.steps, { sampler: EXACT.sampler, steps: EXACT.steps });
  const entries: Entry[] = [];
  const leftOut: string[] = [];
  for (const { name, sampler, levels } of all.filter((each) => only === undefined || only.includes(each.name))) {
    try {
      for (const allowed of calls) {
        const how = { sampler, steps: allowed, ...(levels === undefined ? {} : { levels }) };
        entries.push(await draw(name, allowed, how, exact.images));
      }
      print(`${name}: ${calls.map((n) => scoreOf(problem, entryOf(entries, name, n))).join(', ')}`);
    } catch (error) {
      if (!isTweedieError(error)) throw error;
      leftOut.push(`${name}: ${error.message}`);
      print(`${name} is left out: ${error.message}`);
    }
  }
  const took = entries.filter(({ name }) => calls.every((n) => entries.some((each) => each.name === name && each.calls === n)));
  if (took.length === 0) throw tweedieError({ subject: 'fast-sampling', problem: 'no sampler could take part', got: leftOut.join('; ') });

  for (const line of summary(problem, took, exact, calls)) print(line);
  const report = await show({ problem, folder, entries: took, exact, leftOut, calls, run, engine, count });
  print(report);
  return { entries: took, exact, leftOut, report };
};

const trained = async (problem: Problem, steps: number, folder: string, print: (line: string) => void): Promise<string> => {
  const { seconds, resumedFrom } = await trainRun({ config: problem.config(steps), folder });
  print(resumedFrom === steps ? `${folder} is trained already` : `${steps} steps in ${formatSeconds(seconds)}: ${folder}`);
  return folder;
};

const apart = (a: Float32Array, b: Float32Array): number => Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0) / a.length);

/** The entry of a sampler with so many calls. */
export const entryOf = (entries: readonly Entry[], name: string, calls: number): Entry =>
  entries.find((each) => each.name === name && each.calls === calls)!;

/** Names in the order of the contestants. */
export const namesOf = (entries: readonly Entry[]): readonly Contestant['name'][] => [...new Set(entries.map(({ name }) => name))];

export const scoreOf = ({ factor }: Problem, { score }: Entry): string => formatNumber(factor * score.value, 3);

const summary = (problem: Problem, entries: readonly Entry[], exact: Entry, calls: readonly number[]): readonly string[] => {
  const { distance, factor } = problem;
  const times = factor === 1 ? '' : ` × ${factor}`;
  const names = namesOf(entries);
  const block = (title: string, cell: (entry: Entry) => string): string[] =>
    table([
      [title, ...calls.map((n) => `${n} calls`)],
      ...names.map((name) => [name, ...calls.map((n) => cell(entryOf(entries, name, n)))]),
    ]);
  return [
    '',
    ...block(`${distance}${times}`, (entry) => scoreOf(problem, entry)),
    `the flow itself, ${exact.nfe} calls: ${scoreOf(problem, exact)}; real data: ${formatNumber(factor * (exact.score.floor ?? NaN), 3)} (n = ${exact.score.n})`,
    '',
    ...block('off the flow', ({ deviation }) => formatNumber(deviation, 2)),
    '',
  ];
};
