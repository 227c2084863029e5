import { readArray, type Cell } from './cell.ts';
import { estimate, median, type Estimate } from './statistics.ts';

/** Points of a line. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** The mean of the seeds' curves as far as all of them go, the least and the greatest. */
export interface Curves {
  readonly mean: Curve;
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What came of one objective, over seeds. */
export interface Comparison {
  readonly name: string;
  readonly derivatives: 1 | 2;
  readonly seeds: number;
  /** Seeds without a result at the last step. */
  readonly failed: number;
  readonly distance?: Estimate;
  /** Less that of dsm, over the seeds that both have. */
  readonly difference?: Estimate;
  readonly outcome: 'reference' | 'better' | 'worse' | 'same' | 'open' | 'failed';
  readonly verdict: string;
  /** The second score, where there is one. */
  readonly match?: Estimate;
  /** The outcome is that of the paired difference to dsm at this level. */
  readonly errors: readonly { readonly sigma: number; readonly value: Estimate; readonly outcome: Comparison['outcome'] }[];
  readonly curve: Curves;
  readonly loss: Curves;
  readonly gradient?: Estimate;
  readonly gradientRatio?: Estimate;
  readonly milliseconds?: number;
  readonly timeRatio?: number;
  readonly seconds: number;
}

interface Compared {
  readonly names: readonly string[];
  readonly cells: readonly Cell[];
}

/** One row for each objective that there are cells of; the pair with another head is no part of it. */
export const comparisons = ({ names, cells }: Compared): readonly Comparison[] => {
  const of = (name: string): readonly Cell[] => cells.filter((cell) => cell.name === name);
  const dsm = of('dsm');
  return names.filter((name) => !name.endsWith('-eps') && of(name).length > 0).map((name) => compared(name, of(name), dsm));
};

const compared = (name: string, cells: readonly Cell[], dsm: readonly Cell[]): Comparison => {
  const pairs = cells.flatMap((cell) => {
    const other = dsm.find(({ seed }) => seed === cell.seed);
    return other === undefined ? [] : [{ ours: cell, other }];
  });
  const distances = cells.flatMap((cell) => finalScore(cell, 0) ?? []);
  const differences = pairs.flatMap(({ ours, other }) => {
    const [a, b] = [finalScore(ours, 0), finalScore(other, 0)];
    return a === undefined || b === undefined ? [] : [a - b];
  });
  const failed = cells.length - distances.length;
  const difference = some(differences);
  const outcome = name === 'dsm' ? 'reference' : outcomeOf(difference);
  const matches = cells.flatMap((cell) => finalScore(cell, 1) ?? []);
  const trained = cells.filter(({ losses }) => losses.length > 0);
  const [own, base] = [
    some(trained.flatMap(({ milliseconds }) => milliseconds ?? [])),
    some(dsm.flatMap(({ milliseconds }) => milliseconds ?? [])),
  ];
  const gradient = some(trained.map(gradientOf));
  const gradientRatio = some(
    pairs
      .filter(({ ours, other }) => ours.losses.length > 0 && other.losses.length > 0)
      .map(({ ours, other }) => gradientOf(ours) / gradientOf(other)),
  );
  const distance = some(distances);
  const match = some(matches);
  return {
    name,
    derivatives: cells[0]!.derivatives,
    seeds: cells.length,
    failed,
    outcome,
    verdict: `${VERDICTS[outcome](difference)}${failed > 0 ? `${outcome === 'failed' ? '' : '; '}${failuresOf(cells)}` : ''}`,
    errors: errorsOf(cells, dsm),
    curve: curvesOf(cells.map(qualityOf)),
    loss: curvesOf(trained.map(lossOf)),
    seconds: estimate(cells.map(({ seconds }) => seconds.training)).mean,
    ...(distance && { distance }),
    ...(difference && { difference }),
    ...(match && { match }),
    ...(gradient && { gradient }),
    ...(gradientRatio && { gradientRatio }),
    ...(own && { milliseconds: own.mean }),
    ...(own && base && { timeRatio: own.mean / base.mean }),
  };
};

const some = (values: readonly number[]): Estimate | undefined => (values.length === 0 ? undefined : estimate(values));

const finalScore = ({ checkpoints, steps }: Cell, which: number): number | undefined =>
  checkpoints.find(({ step }) => step === steps)?.scores?.[which]?.value;

const outcomeOf = (difference: Estimate | undefined): Comparison['outcome'] => {
  if (difference === undefined) return 'failed';
  const { interval, mean } = difference;
  if (interval === undefined) return mean === 0 ? 'same' : 'open';
  const [from, to] = interval;
  if (from === 0 && to === 0) return 'same';
  return from > 0 ? 'worse' : to < 0 ? 'better' : 'open';
};

const VERDICTS: Readonly<Record<Comparison['outcome'], (difference: Estimate | undefined) => string>> = {
  reference: () => '—',
  same: () => 'the same numbers as dsm',
  better: () => 'differs from dsm: better',
  worse: () => 'differs from dsm: worse',
  open: (difference) => (difference?.n === 1 ? 'one seed: no verdict' : 'no difference shown'),
  failed: () => '',
};

const failuresOf = (cells: readonly Cell[]): string => {
  const refused = cells.find(({ failure }) => failure?.kind === 'refused');
  if (refused !== undefined) return 'refused, see the notes';
  const steps = cells.flatMap(({ failure }) => (failure === undefined ? [] : [failure.step]));
  return steps.length > 0 ? `diverged at step ${steps.join(', ')}` : 'what it drew cannot be judged, see the notes';
};

const errorsOf = (cells: readonly Cell[], dsm: readonly Cell[]): Comparison['errors'] => {
  const at = ({ checkpoints, steps }: Cell, sigma: number): number | undefined =>
    checkpoints.find(({ step }) => step === steps)?.errors?.find((each) => each.sigma === sigma)?.value;
  const sigmas = new Set(cells.flatMap(({ checkpoints }) => checkpoints.flatMap(({ errors = [] }) => errors.map(({ sigma }) => sigma))));
  return [...sigmas].flatMap((sigma) => {
    const value = some(cells.flatMap((cell) => at(cell, sigma) ?? []));
    const differences = cells.flatMap((cell) => {
      const other = dsm.find(({ seed }) => seed === cell.seed);
      const [a, b] = [at(cell, sigma), other && at(other, sigma)];
      return a === undefined || b === undefined ? [] : [a - b];
    });
    return value === undefined ? [] : [{ sigma, value, outcome: outcomeOf(some(differences)) }];
  });
};

const qualityOf = ({ checkpoints }: Cell): Curve => {
  const judged = checkpoints.filter(({ scores }) => scores !== undefined);
  return { x: judged.map(({ step }) => step), y: judged.map(({ scores }) => scores![0]!.value) };
};

/** Means over a fortieth of the run. */
const lossOf = ({ losses, steps }: Cell): Curve => {
  const width = Math.max(1, Math.ceil(steps / 40));
  const blocks = Array.from({ length: Math.ceil(losses.length / width) }, (_, i) => losses.slice(i * width, (i + 1) * width));
  return {
    x: blocks.map((block, i) => i * width + block.length),
    y: blocks.map((block) => block.reduce((sum, loss) => sum + loss, 0) / block.length),
  };
};

const curvesOf = (all: readonly Curve[]): Curves => {
  const seeds = all.filter(({ x }) => x.length > 0);
  const shortest = Math.min(...seeds.map(({ x }) => x.length));
  const x = seeds[0]?.x.slice(0, shortest) ?? [];
  const at = x.map((_, i) => seeds.map(({ y }) => y[i]!));
  return {
    mean: { x, y: at.map((ys) => estimate(ys).mean) },
    low: at.map((ys) => Math.min(...ys)),
    high: at.map((ys) => Math.max(...ys)),
  };
};

/** The median norm over the last fifth. */
const gradientOf = ({ gradientNorms }: Cell): number => median(gradientNorms.slice(Math.floor(0.8 * gradientNorms.length)));

/** How far apart two runs with equal seeds are. */
export interface TwinDistance {
  readonly title: string;
  /** The greatest difference of two weights, over all weights and seeds. */
  readonly points: readonly { readonly step: number; readonly most: number }[];
}

const TWINS = [
  ['dsm', 'lcss', 'lcss, x₀ head'],
  ['dsm-eps', 'lcss-eps', 'lcss, ε head'],
  ['dsm', 'stf', 'stf, for scale'],
] as const;

/** max |θ − θ′| of the pairs that there are. */
export const twinDistances = async ({ cells, folder }: Compared & { readonly folder: string }): Promise<readonly TwinDistance[]> => {
  const all: TwinDistance[] = [];
  for (const [one, other, title] of TWINS) {
    const most = new Map<number, number>();
    for (const first of cells.filter(({ name }) => name === one)) {
      const second = cells.find(({ name, seed }) => name === other && seed === first.seed);
      if (second === undefined) continue;
      for (const step of first.kept.filter((each) => second.kept.includes(each))) {
        const [a, b] = [await readArray(folder, first, `weights-${step}`), await readArray(folder, second, `weights-${step}`)];
        const apart = a.reduce((greatest, x, i) => Math.max(greatest, Math.abs(x - b[i]!)), 0);
        most.set(step, Math.max(most.get(step) ?? 0, apart));
      }
    }
    if (most.size > 0)
      all.push({ title, points: [...most].map(([step, value]) => ({ step, most: value })).sort((a, b) => a.step - b.step) });
  }
  return all;
};
