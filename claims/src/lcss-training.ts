import { formatNumber, lineChart, type Role } from '@tweedie/cli';
import type { Json, MetricResult } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { loadMnistnet } from '@tweedie/metrics/node';
import type { Conclusion, Finding, Lab } from './claim.ts';
import { round } from './digits.ts';
import { imageJudge, type ImageJudge } from './image-judge.ts';
import { below, overSeeds } from './over-seeds.ts';
import { checkpointsOf, configKey, drawFrom, training, type SmallRun, type Training } from './small-run.ts';

/** What is trained. The weighting is λ = σ² for all: under EDM's, which grows with σ, losses that do not know a sample's noise have gradients that do too. */
export const OBJECTIVES = {
  dsm: { use: 'dsm' },
  lcss: { use: 'lcss' },
  ssm: { use: 'ssm' },
  'ssm-vr': { use: 'ssm-vr' },
  'fd-ssm': { use: 'fd-ssm', epsilon: 0.1, relative: true },
} as const satisfies Readonly<Record<string, { readonly use: string; readonly [option: string]: Json }>>;
export type Name = keyof typeof OBJECTIVES;

const NAMES = Object.keys(OBJECTIVES) as Name[];
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
    : { steps: 240, seeds: { dsm: 5, lcss: 5, ssm: 2, 'ssm-vr': 3, 'fd-ssm': 3 }, n: 1000, calls: 10, others: 2 };

/** Trains digits by every objective, seed by seed, and judges them. */
export const trainedDigits = async (lab: Lab, plan: Plan): Promise<readonly Outcome[]> => {
  let judge: Promise<ImageJudge> | undefined;
  const judging = (): Promise<ImageJudge> =>
    (judge ??= (async () => imageJudge(await loadMnistnet(), await mnist({ split: 'test', fetch: true })))());
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
  for (const name of NAMES) outcomes.push(await outcomeOf(name, runsOf(name, plan.seeds[name], 'edm')));
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

const at = (outcomes: readonly Outcome[], name: string): Outcome => outcomes.find((each) => each.name === name)!;
const lastOf = ({ distances }: Outcome): readonly (number | null)[] => distances.at(-1)!;

/** b − a over the seeds that both have. */
export const differences = (a: Outcome, b: Outcome): readonly number[] =>
  lastOf(b).flatMap((value, seed) => {
    const other = lastOf(a)[seed];
    return value === null || other === null || other === undefined ? [] : [value - other];
  });

/** What the distances say. */
export const trainingFindings = (outcomes: readonly Outcome[], plan: Plan): readonly Finding[] => {
  const [dsm, lcss] = [at(outcomes, 'dsm'), at(outcomes, 'lcss')];
  const ran = (name: string): string =>
    `MNIST, the digits network, ${plan.steps} steps of 16 images, λ = σ², ${lastOf(at(outcomes, name)).length} seeds; n = ${plan.n}, ${plan.calls} network calls`;
  const equal = overSeeds(differences(dsm, lcss));
  const own = overSeeds(lastOf(dsm).filter((each) => each !== null));
  const same = equal.interval[0] === 0 && equal.interval[1] === 0;
  const shown = `FD-mnistnet ${formatNumber(own.mean + equal.mean, 3)} against ${formatNumber(own.mean, 3)}`;
  return [
    {
      claim: 'Trained by LCSS a network draws as well as trained by DSM',
      ran: ran('lcss'),
      measured: `${shown}: difference ${formatNumber(equal.mean, 2)} ${between(equal.interval)}; one seed deviates by ${formatNumber(own.deviation, 2)}`,
      verdict: equivalent(equal.interval, own.deviation),
      ...(same
        ? { because: 'gradient and weights are equal to the bit: with this head the two losses are one program and a constant' }
        : {}),
    },
    {
      claim: 'LCSS learns a better score than DSM (as the paper says)',
      ran: ran('lcss'),
      measured: `difference of FD ${formatNumber(equal.mean, 2)} ${between(equal.interval)}`,
      verdict: same ? 'not held' : below(equal.interval, 0),
      because:
        'its loss is that of DSM less ½λ‖z‖²/σ², which has no weights in it: same gradient, same optimum, same variance of the gradient',
    },
    ...(['ssm', 'ssm-vr', 'fd-ssm'] as const).map((name) => better(outcomes, name, ran(name))),
  ];
};

const better = (outcomes: readonly Outcome[], name: Name, ran: string): Finding => {
  const claim = `After equally many steps LCSS is better than ${name}`;
  const values = differences(at(outcomes, name), at(outcomes, 'lcss'));
  const diverged = at(outcomes, name).trainings.filter((each) => each.diverged !== null).length;
  const left = diverged === 0 ? '' : `; ${diverged} of ${at(outcomes, name).trainings.length} runs diverged`;
  if (values.length === 0) return { claim, ran, measured: `no distance to compare with${left}`, verdict: 'not decided' };
  const { mean, interval } = overSeeds(values);
  return {
    claim,
    ran,
    measured: `difference of FD ${formatNumber(mean, 3)} ${between(interval)}, paired over ${values.length} seeds${left}`,
    verdict: below(interval, 0),
    ...(values.length > 2 ? {} : { because: `${values.length === 1 ? 'one seed has' : 'two seeds have'} an interval that is ${values.length === 1 ? 'endless' : 'very wide'}; the loss is slow to differentiate` }), // prettier-ignore
  };
};

/** Whether a difference is less than what one seed differs from another by. */
export const equivalent = ([low, high]: readonly [number, number], margin: number): Finding['verdict'] =>
  low > -margin && high < margin ? 'held' : low > margin || high < -margin ? 'not held' : 'not decided';

export const between = ([low, high]: readonly [number, number], digits = 2): string =>
  `(${formatNumber(low, digits)} … ${formatNumber(high, digits)})`;

export const trainingSection = (outcomes: readonly Outcome[], plan: Plan): Conclusion['sections'][number] => {
  const steps = checkpointsOf(digitsRun({ name: 'dsm', seed: 0, steps: plan.steps }));
  const dsm = at(outcomes, 'dsm');
  const spread = (values: readonly (number | null)[]): string => {
    const known = values.filter((each) => each !== null);
    if (known.length === 0) return '';
    const { mean, deviation } = overSeeds(known);
    return known.length === 1 ? formatNumber(mean, 3) : `${formatNumber(mean, 3)} ± ${formatNumber(deviation, 2)}`;
  };
  return {
    title: 'Training digits',
    text: `FD-mnistnet from the test split, n = ${plan.n}, ${plan.calls} network calls, after ${steps.join(' and ')} steps: mean and deviation over seeds. This is the beginning of a training: equal steps are compared, not what each could come to. Time is the processor's, of the median step.`,
    table: {
      columns: ['objective', ...steps.map((step) => `${step} steps`), 'less dsm', 'gradient norm', 'step, ms', 'seeds', 'diverged'],
      rows: outcomes.map((outcome) => {
        const base = outcome.name.includes('ε head') ? at(outcomes, 'dsm, ε head') : dsm;
        const values = differences(base, outcome);
        const { mean, interval } = values.length === 0 ? { mean: NaN, interval: [NaN, NaN] as const } : overSeeds(values);
        const times = outcome.trainings.flatMap(({ milliseconds }) => milliseconds ?? []);
        return [
          outcome.name,
          ...outcome.distances.map(spread),
          outcome === base || values.length === 0 ? '' : `${formatNumber(mean, 3)}${values.length === 1 ? '' : ` ${between(interval)}`}`,
          spread(outcome.trainings.map(({ gradientNorm }) => gradientNorm)),
          spread(times),
          String(outcome.trainings.length),
          outcome.trainings.flatMap(({ diverged }) => (diverged === null ? [] : `step ${diverged}`)).join(', '),
        ];
      }),
    },
    figures: [
      {
        picture: (width) =>
          lineChart({
            lines: outcomes.slice(0, NAMES.length).flatMap((outcome, i) => {
              const known = outcome.distances.every((row) => row.some((each) => each !== null));
              if (!known) return [];
              const rows = outcome.distances.map((row) => row.filter((each) => each !== null));
              const line = {
                name: outcome.name,
                x: steps,
                y: rows.map((row) => overSeeds(row).mean),
                interval: { low: rows.map((row) => Math.min(...row)), high: rows.map((row) => Math.max(...row)) },
                colour: COLOURS[i]!,
              };
              return [outcome.name === 'lcss' ? { ...line, style: 'dots' as const } : line];
            }),
            xLabel: 'training steps',
            yLabel: 'FD-mnistnet',
            log: { x: true, y: true },
            width,
          }),
        alt: 'Distance from the test split against training steps, a line for each objective',
        caption: 'Means over seeds; bands from the least to the greatest seed. lcss lies on dsm.',
      },
    ],
  };
};

const COLOURS: readonly Role[] = ['first', 'second', 'third', 'fourth', 'fifth'];
