import type { MetricResult } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { loadMnistnet } from '@tweedie/metrics/node';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';
import { imageJudge, type ImageJudge } from './image-judge.ts';
import type { NamedObjective } from './on-points.ts';
import { checkpointsOf, configKey, drawFrom, training, type SmallRun, type Training } from './small-run.ts';

/** What is trained. The weighting is λ = σ² for all: under EDM's, which grows with σ, losses that do not know a sample's noise have gradients that do too. */
export const OBJECTIVES = {
  dsm: { use: 'dsm' },
  lcss: { use: 'lcss' },
  ssm: { use: 'ssm' },
  'ssm-vr': { use: 'ssm-vr' },
  'fd-ssm': { use: 'fd-ssm', epsilon: 0.1, relative: true },
} as const satisfies Readonly<Record<string, NamedObjective>>;
export type Name = keyof typeof OBJECTIVES;

export const NAMES = Object.keys(OBJECTIVES) as Name[];
/** Heads: of `edm` the programs of dsm and lcss are one, of `eps` they are two. */
export type Head = 'edm' | 'eps';

export const digitsRun = ({ name, head = 'edm', seed, steps }: { name: Name; head?: Head; seed: number; steps: number }): SmallRun => ({
  config: {
    data: { use: 'mnist', split: 'train' },
    network: { use: 'digits', ...(head === 'edm' ? {} : { dataMean: 0 }) },
    schedule: { use: 'edm' },
    preconditioner: head === 'edm' ? { use: 'edm', sigmaData: 0.6 } : { use: 'eps' },
    objective: { law: 'edm', pMean: 0.8, pStd: 1.1, weighting: 'sigma2', ...OBJECTIVES[name] },
    optimizer: { rate: 5e-3, warmup: 30, decay: 0.5 },
    training: { batchSize: 16, steps, labelDropout: 0, emaDecay: 0.99, snapshots: 2 },
    seed,
  },
});

/** A row of the table: one objective, its seeds in order. */
export interface Outcome {
  readonly name: string;
  readonly trainings: readonly Training[];
  /** By checkpoint, then seed; null where the run had diverged or what it drew could not be judged. */
  readonly distances: readonly (readonly (number | null)[])[];
}

export interface Plan {
  readonly steps: number;
  readonly seeds: Readonly<Record<Name, number>>;
  readonly n: number;
  readonly calls: number;
  /** Seeds of the pair with the ε head. */
  readonly others: number;
}

export const planOf = ({ quick }: Pick<Lab, 'quick'>): Plan =>
  quick
    ? { steps: 40, seeds: { dsm: 2, lcss: 2, ssm: 1, 'ssm-vr': 2, 'fd-ssm': 2 }, n: 200, calls: 6, others: 0 }
    : { steps: 240, seeds: { dsm: 5, lcss: 5, ssm: 2, 'ssm-vr': 3, 'fd-ssm': 3 }, n: 1000, calls: 10, others: 1 };

/** A judge of digits, made when the first distance is wanted. */
const digitsJudge = (): (() => Promise<ImageJudge>) => {
  let judge: Promise<ImageJudge> | undefined;
  return () => (judge ??= (async () => imageJudge(await loadMnistnet(), await mnist({ split: 'test', fetch: true })))());
};

/** Trains digits by every objective, seed by seed, and judges them. */
export const trainedDigits = async (lab: Lab, plan: Plan, judging = digitsJudge()): Promise<readonly Outcome[]> => {
  const outcomeOf = async (name: string, runs: readonly SmallRun[]): Promise<Outcome> => {
    const trainings: Training[] = [];
    const distances: (number | null)[][] = checkpointsOf(runs[0]!).map(() => []);
    for (const run of runs) {
      trainings.push(await training(lab, run));
      for (const [i, step] of checkpointsOf(run).entries())
        distances[i]!.push(trainings.at(-1)!.diverged === null ? await distanceOf(lab, { run, step, plan, judging }) : null);
    }
    return { name, trainings, distances };
  };
  const runsOf = (name: Name, count: number, head: Head): SmallRun[] =>
    Array.from({ length: count }, (_, seed) => digitsRun({ name, head, seed, steps: plan.steps }));
  const outcomes: Outcome[] = [];
  for (const name of NAMES.filter((each) => plan.seeds[each] > 0))
    outcomes.push(await outcomeOf(name, runsOf(name, plan.seeds[name], 'edm')));
  if (plan.others > 0)
    for (const name of ['dsm', 'lcss'] as const) outcomes.push(await outcomeOf(`${name}, ε head`, runsOf(name, plan.others, 'eps')));
  return outcomes;
};

const distanceOf = (
  lab: Lab,
  { run, step, plan: { n, calls }, judging }: { run: SmallRun; step: number; plan: Plan; judging: () => Promise<ImageJudge> },
): Promise<number> =>
  lab.cell({ kind: 'fd-of-run', config: configKey(run), step, n, calls, seed: SAMPLING_SEED }, async () => {
    const { images } = await drawFrom(lab, { run, step, n, calls, seed: SAMPLING_SEED });
    return roundedDistance(await (await judging()).distance(images));
  });

/** Of sampling: no seed of a training. */
export const SAMPLING_SEED = 1000;
const roundedDistance = ({ value }: MetricResult): number => round(value, 6);
