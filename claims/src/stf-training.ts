import { formatNumber, lineChart } from '@tweedie/cli';
import type { Json } from '@tweedie/core';
import { cifar10 } from '@tweedie/data';
import { loadCifarnet } from '@tweedie/metrics/node';
import type { Conclusion, Finding, Lab } from './claim.ts';
import { round } from './digits.ts';
import { imageJudge, type ImageJudge } from './image-judge.ts';
import { below, between, overSeeds, ratioOfDeviations } from './over-seeds.ts';
import { checkpointsOf, configKey, drawFrom, training, type SmallRun, type Training } from './small-run.ts';

/** Denoising score matching, and the same with the target of a stable field. */
export const TARGETS = { dsm: { use: 'dsm' }, stf: { use: 'stf', reference: 1024 } } as const;
export type Target = keyof typeof TARGETS;

export interface Plan {
  readonly steps: number;
  readonly batchSize: number;
  readonly snapshots: number;
  readonly seeds: number;
  readonly n: number;
  readonly calls: number;
}

export const planOf = ({ quick }: Pick<Lab, 'quick'>): Plan =>
  quick
    ? { steps: 24, batchSize: 8, snapshots: 2, seeds: 2, n: 64, calls: 5 }
    : { steps: 480, batchSize: 32, snapshots: 3, seeds: 5, n: 1000, calls: 8 };

/** EDM's levels and weights, as the paper trains CIFAR-10, on a network that a CPU can train. */
export const photographRun = (plan: Plan, target: Target, seed: number): SmallRun => ({
  config: {
    data: { use: 'cifar10', split: 'train' },
    network: { use: 'digits', shape: [32, 32, 3], classes: 0, dataMean: 0, sigmaData: 0.5 },
    schedule: { use: 'edm' },
    preconditioner: { use: 'edm', sigmaData: 0.5 },
    objective: { law: 'edm', pMean: -1.2, pStd: 1.2, ...TARGETS[target] },
    optimizer: { rate: 3e-3, warmup: 30, decay: 0.5 },
    training: { batchSize: plan.batchSize, steps: plan.steps, labelDropout: 0, emaDecay: 0.99, snapshots: plan.snapshots },
    seed,
  },
});

/** One target, its seeds in order. */
export interface Learnt {
  readonly trainings: readonly Training[];
  /** By checkpoint, then seed. */
  readonly distances: readonly (readonly number[])[];
}

/** A photograph judge, made when the first distance is wanted. */
export const photographJudge = (): (() => Promise<ImageJudge>) => {
  let judge: Promise<ImageJudge> | undefined;
  return () => (judge ??= (async () => imageJudge(await loadCifarnet(), await cifar10({ split: 'test', fetch: true })))());
};

/** Trains photographs by both targets, then judges them. */
export const trainedPhotographs = async (lab: Lab, plan: Plan, judging = photographJudge()): Promise<Readonly<Record<Target, Learnt>>> => {
  const trainings: Record<Target, Training[]> = { dsm: [], stf: [] };
  for (let seed = 0; seed < plan.seeds; seed++)
    for (const target of ['dsm', 'stf'] as const) trainings[target].push(await training(lab, photographRun(plan, target, seed)));
  const steps = checkpointsOf(photographRun(plan, 'dsm', 0));
  const distances: Record<Target, number[][]> = { dsm: steps.map(() => []), stf: steps.map(() => []) };
  for (let seed = 0; seed < plan.seeds; seed++)
    for (const target of ['dsm', 'stf'] as const)
      for (const [i, step] of steps.entries())
        distances[target][i]!.push(await distanceOf(lab, { run: photographRun(plan, target, seed), step, plan, judging }));
  return {
    dsm: { trainings: trainings.dsm, distances: distances.dsm },
    stf: { trainings: trainings.stf, distances: distances.stf },
  };
};

interface DistanceOf {
  readonly run: SmallRun;
  readonly step: number;
  readonly plan: Plan;
  readonly judging: () => Promise<ImageJudge>;
}

const distanceOf = async (lab: Lab, { run, step, plan: { n, calls }, judging }: DistanceOf): Promise<number> => {
  const { fd } = (await lab.cell(
    { kind: 'fd-of-run', config: configKey(run), step, n, calls, seed: SAMPLING_SEED },
    async (): Promise<Json> => {
      const { images } = await drawFrom(lab, { run, step, n, calls, seed: SAMPLING_SEED });
      const judge = await judging();
      return { fd: round((await judge.distance(images)).value, 6), extractor: judge.extractor.id };
    },
  )) as { readonly fd: number };
  return fd;
};

/** Of sampling: no seed of a training. */
export const SAMPLING_SEED = 1000;

/** log FD_STF/FD_DSM of each seed, a mean over `checkpoints`. */
const logRatios = ({ dsm, stf }: Readonly<Record<Target, Learnt>>, checkpoints: readonly number[]): readonly number[] =>
  dsm.trainings.map((_, seed) => {
    const each = checkpoints.map((i) => Math.log(stf.distances[i]![seed]! / dsm.distances[i]![seed]!));
    return each.reduce((sum, x) => sum + x, 0) / each.length;
  });

export const learningFindings = (learnt: Readonly<Record<Target, Learnt>>, plan: Plan): readonly Finding[] => {
  const { dsm, stf } = learnt;
  const last = dsm.distances.length - 1;
  const ran = `CIFAR-10, the digits network for 32 × 32 × 3, EDM, ${plan.steps} steps of ${plan.batchSize} images, reference 1024, ${plan.seeds} seeds; FD-cifarnet from the test split, n = ${plan.n}, ${plan.calls} network calls`;
  const all = overSeeds(logRatios(learnt, [...dsm.distances.keys()]));
  const end = overSeeds(logRatios(learnt, [last]));
  const ratio = (x: number): number => Math.exp(x);
  const told = ({ mean, interval }: typeof all): string =>
    `${formatNumber(ratio(mean), 3)} ${between([ratio(interval[0]), ratio(interval[1])], 3)}`;
  const spread = ratioOfDeviations(stf.distances[last]!, dsm.distances[last]!);
  return [
    {
      claim: 'STF learns faster than DSM: it is ahead at equal steps',
      ran,
      measured: `FD over that of DSM, geometric mean over ${dsm.distances.length} checkpoints, paired over seeds: ${told(all)}`,
      verdict: below(all.interval, 0),
    },
    {
      claim: 'STF ends better than DSM',
      ran,
      measured: `FD ${formatNumber(overSeeds(stf.distances[last]!).mean, 3)} against ${formatNumber(overSeeds(dsm.distances[last]!).mean, 3)}, ratio ${told(end)}`,
      verdict: below(end.interval, 0),
    },
    {
      claim: 'STF is steadier: seeds end closer together',
      ran,
      measured:
        spread === undefined
          ? 'too few seeds for a ratio of deviations'
          : `deviation of FD between seeds over that of DSM: ${formatNumber(spread.value, 2)} ${between(spread.interval)} (Pitman and Morgan)`,
      verdict: spread === undefined ? 'not decided' : below(spread.interval, 1),
    },
  ];
};

export const learningSection = (learnt: Readonly<Record<Target, Learnt>>, plan: Plan): Conclusion['sections'][number] => {
  const steps = checkpointsOf(photographRun(plan, 'dsm', 0));
  const told = (values: readonly number[]): string => {
    const { mean, deviation } = overSeeds(values);
    return `${formatNumber(mean, 4)} ± ${formatNumber(deviation, 2)}`;
  };
  const targets = ['dsm', 'stf'] as const;
  return {
    title: 'Training photographs',
    text: `FD-cifarnet from the test split, n = ${plan.n}, after so many steps of ${plan.batchSize} images: mean and deviation over ${plan.seeds} seeds. Both see the same first weights, batches, levels and noise at equal seeds. ${plan.steps} steps are the beginning of a training.`,
    table: {
      columns: ['', ...steps.map((step) => `${step} steps`), 'gradient norm', 'step, ms'],
      rows: [
        ...targets.map((target) => [
          target,
          ...learnt[target].distances.map(told),
          told(learnt[target].trainings.map(({ gradientNorm }) => gradientNorm)),
          told(learnt[target].trainings.flatMap(({ milliseconds }) => milliseconds ?? [])),
        ]),
        [
          'stf over dsm',
          ...steps.map((_, i) => {
            const { mean, interval } = overSeeds(logRatios(learnt, [i]));
            return `${formatNumber(Math.exp(mean), 3)} ${between([Math.exp(interval[0]), Math.exp(interval[1])], 3)}`;
          }),
          '',
          '',
        ],
      ],
    },
    figures: [
      {
        picture: (width) =>
          lineChart({
            lines: targets.map((target, i) => ({
              name: target,
              x: steps,
              y: learnt[target].distances.map((row) => overSeeds(row).mean),
              interval: {
                low: learnt[target].distances.map((row) => Math.min(...row)),
                high: learnt[target].distances.map((row) => Math.max(...row)),
              },
              colour: (['first', 'second'] as const)[i]!,
              style: 'dots' as const,
            })),
            xLabel: 'training steps',
            yLabel: 'FD-cifarnet',
            log: { x: true, y: true },
            width,
          }),
        alt: 'Distance from the test split against training steps, for DSM and STF',
        caption: `Means over ${plan.seeds} seeds; bands from the least to the greatest seed.`,
      },
    ],
  };
};
