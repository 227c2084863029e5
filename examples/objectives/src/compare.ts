import { readdir } from 'node:fs/promises';
import { selectEngine } from '@tweedie/backend';
import { formatNumber, formatSeconds, table } from '@tweedie/cli';
import { tweedieError } from '@tweedie/core';
import { makeCell, readCell, type Cell, type Contestant, type Task } from './cell.ts';
import { PROBLEMS, type Judge, type Problem } from './problems.ts';
import { comparisons } from './results.ts';
import { show, summaryLines } from './show.ts';

export interface CompareOptions {
  /** Default `checkerboard`. */
  readonly problem?: Problem['name'];
  /** Default 0 to 4. None: only the report. */
  readonly seeds?: readonly number[];
  /** Training steps of every objective. Default: the problem's. */
  readonly steps?: number;
  /** Peak learning rate of every objective. Default: the problem's. */
  readonly rate?: number;
  /** Points or images that are drawn at each checkpoint. Default: the problem's. */
  readonly count?: number;
  /** Objectives by name. Default: all. */
  readonly only?: readonly string[];
  /** Default `runs/objectives-<problem>`. */
  readonly folder?: string;
  readonly print?: (line: string) => void;
}

/** All with their defaults, but for the length of fd-ssm's difference: it grows with σ, or it would be many times the least of them. */
const OBJECTIVES: readonly Contestant[] = [
  { name: 'dsm', objective: { use: 'dsm' }, keepsWeights: true },
  { name: 'lcss', objective: { use: 'lcss' }, keepsWeights: true },
  { name: 'stf', objective: { use: 'stf' }, keepsWeights: true },
  { name: 'ism', objective: { use: 'ism' } },
  { name: 'ssm', objective: { use: 'ssm' } },
  { name: 'ssm-vr', objective: { use: 'ssm-vr' } },
  { name: 'fd-ssm', objective: { use: 'fd-ssm', relative: true, epsilon: 0.1 } },
];

/** Where the network predicts ε, dsm and lcss are computed differently: for the comparison of their weights alone. */
const TWINS: readonly Contestant[] = [
  { name: 'dsm-eps', objective: { use: 'dsm' }, preconditioner: 'eps', keepsWeights: true },
  { name: 'lcss-eps', objective: { use: 'lcss' }, preconditioner: 'eps', keepsWeights: true },
];

/**
 * Trains the same network by each objective, seed by seed, and reports on all cells (objective, seed) that are there.
 *
 * A cell that is finished is not made again: the same command goes on after it was stopped, and processes with other seeds share a folder.
 */
export const main = async (options: CompareOptions = {}): Promise<{ readonly cells: readonly Cell[]; readonly report: string }> => {
  const { print = console.log, seeds = [0, 1, 2, 3, 4], only } = options;
  const standard = PROBLEMS[options.problem ?? 'checkerboard'];
  const { count = standard.count } = options;
  const problem: Problem = {
    ...standard,
    count,
    kept: Math.min(standard.kept, count),
    config: (steps) => {
      const config = standard.config(steps);
      return options.rate === undefined ? config : { ...config, optimizer: { ...config.optimizer, rate: options.rate } };
    },
  };
  const { steps = problem.steps, folder = `runs/objectives-${problem.name}` } = options;
  const contestants = problem.name === 'checkerboard' ? [...OBJECTIVES, ...TWINS] : OBJECTIVES;
  const unknown = only?.find((name) => !contestants.some((each) => each.name === name));
  if (unknown !== undefined)
    throw tweedieError({
      subject: 'objectives',
      problem: 'there is no such objective here',
      got: unknown,
      expected: contestants.map(({ name }) => name).join(', '),
    });
  await selectEngine();
  const taskOf = (contestant: Contestant, seed: number): Task => ({ problem, contestant, seed, steps });

  let report = '';
  let judge: Judge | undefined;
  for (const seed of seeds) {
    for (const contestant of contestants.filter(({ name }) => only === undefined || only.includes(name))) {
      const task = taskOf(contestant, seed);
      const before = await readCell(folder, task);
      judge ??= await problem.prepare(count);
      print(lineOf(before ?? (await makeCell(folder, task, judge)), before !== undefined));
    }
    report = await reportOn(await cellsIn(folder, contestants, taskOf), { problem, folder, steps, contestants });
  }

  const found = await cellsIn(folder, contestants, taskOf);
  if (found.cells.length === 0)
    throw tweedieError({
      subject: folder,
      problem: 'there is no finished cell of these settings',
      remedy: 'give seeds, or the steps that its cells were made with',
    });
  if (seeds.length === 0) report = await reportOn(found, { problem, folder, steps, contestants });
  const rows = summaryLines(problem, comparisons({ names: contestants.map(({ name }) => name), cells: found.cells }));
  for (const line of [...table(rows), report]) print(line);
  return { cells: found.cells, report };
};

const lineOf = ({ name, seed, losses, milliseconds, seconds, checkpoints, failure }: Cell, known: boolean): string => {
  const score = checkpoints.at(-1)?.scores?.[0];
  return [
    `seed ${seed}, ${name}: ${known ? 'there already' : `${losses.length} steps${milliseconds === undefined ? '' : ` of ${formatNumber(milliseconds, 3)} ms`}, ${formatSeconds(seconds.training)} + ${formatSeconds(seconds.judging)}`}`,
    ...(score === undefined
      ? []
      : [`${score.name} = ${formatNumber(score.value, 3)} (real data ${formatNumber(score.floor ?? NaN, 3)}, n = ${score.n})`]),
    ...(failure === undefined ? [] : [failure.message]),
  ].join('; ');
};

interface Found {
  readonly cells: readonly Cell[];
  readonly stale: number;
}

/** Every finished cell of these settings, whoever made it: contestants in order, seeds in order. */
const cellsIn = async (
  folder: string,
  contestants: readonly Contestant[],
  taskOf: (contestant: Contestant, seed: number) => Task,
): Promise<Found> => {
  const files = await readdir(folder).catch(() => []);
  const cells: Cell[] = [];
  let stale = 0;
  for (const contestant of contestants) {
    const seeds = files.flatMap((file) => {
      const [, name, seed] = /^(.+)-(\d+)\.json$/.exec(file) ?? [];
      return name === contestant.name ? [Number(seed)] : [];
    });
    for (const seed of seeds.sort((a, b) => a - b)) {
      const cell = await readCell(folder, taskOf(contestant, seed));
      if (cell === undefined) stale++;
      else cells.push(cell);
    }
  }
  return { cells, stale };
};

const reportOn = (
  { cells, stale }: Found,
  { problem, folder, steps, contestants }: { problem: Problem; folder: string; steps: number; contestants: readonly Contestant[] },
): Promise<string> =>
  show({
    problem,
    folder,
    steps,
    names: contestants.map(({ name }) => name),
    cells,
    stale,
    command: `npm run objectives -w @tweedie/example-objectives -- ${problem.name}${steps === PROBLEMS[problem.name].steps ? '' : ` --steps ${steps}`}`,
  });
