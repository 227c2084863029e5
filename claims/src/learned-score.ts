import { formatNumber, lineChart, type Line, type Section } from '@tweedie/cli';
import type { Json } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { APPROXIMATIONS, approximationsOf, type Approximation, type Approximations } from './approximations.ts';
import type { Finding, Lab } from './claim.ts';
import type { Subject } from './digits.ts';
import { dataGaussian, readStatistics } from './digits-statistics.ts';
import { explainedVariance, type Level } from './explained-variance.ts';
import { initialTrajectory, type Departure } from './initial-trajectory.ts';
import { gaussianFirst, gaussianFar, gaussianNearer, trajectoryPredicted } from './learned-score-findings.ts';
import { needing } from './prepared-file.ts';
import { earlierModels } from './earlier-models.ts';
import { withModel } from './with-model.ts';

/** The levels of the last model, and of those before it. */
export interface Stage {
  /** Training steps. */
  readonly step: number;
  readonly levels: readonly Level[];
}

const SEED = 1;
const NAMES: { readonly [name in Approximation]: string } = {
  mean: 'the mean',
  isotropic: 'isotropic Gaussian',
  gaussian: 'Gaussian',
  mixture: 'Gaussians of ten classes',
  delta: 'the training images',
};

/** What formulas explain of the learned score: by noise, over training, and along a trajectory. */
export const learnedScore = async (
  lab: Lab,
  subject: Subject,
): Promise<{ readonly findings: readonly Finding[]; readonly sections: readonly Section[] }> => {
  const [n, images, sigmas] = lab.quick ? [64, 2000, [0.1, 1, 5, 20]] : [512, 60_000, [0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 80]];
  let open: Promise<Approximations> | undefined;
  const approximations = (): Promise<Approximations> =>
    (open ??= mnist({ split: 'train', fetch: true }).then((data) => approximationsOf(data, images)));
  const at = async (each: Pick<Subject, 'modelHash'>, path: () => string): Promise<readonly Level[]> =>
    (await lab.cell(
      { kind: 'explained variance', model: each.modelHash, data: 'mnist/test', n, sigmas: [...sigmas], train: images, seed: SEED },
      async () => {
        const data = await mnist({ split: 'test', fetch: true });
        const formulas = await approximations();
        return (await withModel({ path: path() }, lab.root, ({ denoise }) =>
          explainedVariance({ denoise, approximations: formulas, data, n, sigmas, seed: SEED }),
        )) as unknown as Json;
      },
    )) as unknown as readonly Level[];
  try {
    const stages: Stage[] = [];
    for (const { step, modelHash, path } of await earlierModels(lab, subject)) stages.push({ step, levels: await at({ modelHash }, path) });
    const levels = await at(subject, () => subject.path);
    stages.push({ step: Infinity, levels });
    const departures = await trajectory(lab, subject);
    return {
      findings: [
        ...gaussianFar(levels, n),
        gaussianNearer(levels, n),
        gaussianFirst(stages, n),
        ...trajectoryPredicted(departures, lab.quick ? 32 : 128),
      ],
      sections: [explained(levels, n), overTraining(stages), alongTheTrajectory(departures)],
    };
  } finally {
    (await open)?.dispose();
  }
};

const trajectory = async (lab: Lab, subject: Subject): Promise<readonly Departure[]> => {
  const [n, steps] = lab.quick ? [32, 18] : [128, 36];
  const gaussian = dataGaussian(lab);
  return (await needing(lab, [gaussian]).cell(
    { kind: 'initial trajectory', model: subject.modelHash, gaussian: gaussian.hash, n, steps, seed: SEED },
    async () => {
      const file = await readStatistics(lab, gaussian);
      return (await withModel(subject, lab.root, (model) =>
        initialTrajectory({ model, gaussian: file, n, steps, seed: SEED }),
      )) as unknown as Json;
    },
  )) as unknown as readonly Departure[];
};

const explained = (levels: readonly Level[], n: number): Section => ({
  title: 'What explains the learned score',
  text: `On ${n} test images with noise σ: the part of the learned denoiser’s variance that a formula leaves unexplained, E‖D − D_a‖²/E‖D − E D‖², with the same of the score, E‖s − s_a‖²/E‖s‖², in brackets. In scores everything is explained at high noise, for both are mostly (x̄ − y)/σ²: the denoiser tells them apart.`,
  table: {
    columns: ['σ', ...APPROXIMATIONS.map((name) => NAMES[name])],
    rows: levels.map(({ sigma, unexplained }) => [
      String(sigma),
      ...APPROXIMATIONS.map((name) => `${formatNumber(unexplained[name].denoiser, 2)} (${formatNumber(unexplained[name].score, 2)})`),
    ]),
  },
  figures: (['denoiser', 'score'] as const).map((what) => ({
    picture: (width: number) =>
      lineChart({
        lines: APPROXIMATIONS.map((name, i) => ({
          name: NAMES[name],
          x: levels.map(({ sigma }) => sigma),
          y: levels.map(({ unexplained }) => Math.max(1e-9, unexplained[name][what])),
          colour: (['data', 'first', 'second', 'third', 'fourth'] as const)[i]!,
        })),
        xLabel: 'noise level σ',
        yLabel: `unexplained, ${what}`,
        log: { x: true, y: true },
        width,
      }),
    alt: `What five formulas leave unexplained of the learned ${what}, against noise`,
  })),
});

const overTraining = (stages: readonly Stage[]): Section => {
  const sigmas = stages[0]!.levels.map(({ sigma }) => sigma);
  const shown = sigmas.flatMap((sigma, k) => (sigma >= 0.1 && sigma <= 20 ? [k] : []));
  const called = ({ step }: Stage): string => (step === Infinity ? 'the shipped model' : `step ${step}`);
  return {
    title: 'Over training',
    text: 'E‖D − D_G‖² a pixel, the distance of the learned denoiser from the Gaussian’s, and in brackets its own error E‖D − x₀‖². The last row is the error of the Gaussian’s denoiser: while the network’s is above it, it has not learnt more than the Gaussian.',
    table: {
      columns: ['', ...shown.map((k) => `σ ${sigmas[k]}`)],
      rows: [
        ...stages.map((stage) => [
          called(stage),
          ...shown.map((k) => `${formatNumber(stage.levels[k]!.distances.gaussian, 2)} (${formatNumber(stage.levels[k]!.error, 2)})`),
        ]),
        ['the Gaussian', ...shown.map((k) => `0 (${formatNumber(stages[0]!.levels[k]!.errors.gaussian, 2)})`)],
      ],
    },
  };
};

const alongTheTrajectory = (departures: readonly Departure[]): Section => {
  const departing = departures.filter(({ state }) => state > 0); // at the start the states are one, which no logarithm shows
  return {
    title: 'The first part of a trajectory',
    text: 'From equal noise: the state and the image of Heun’s method with the network, and those of the Gaussian’s flow, which is a formula. Root mean square differences relative to the root mean square of what the network says.',
    table: {
      columns: ['ρ', 'state y', 'image x̂₀', 'x̂₀, by the mean alone', 'unexplained of x̂₀ − mean'],
      rows: departures
        .filter((_, i) => i % Math.max(1, Math.floor(departures.length / 12)) === 0)
        .map(({ rho, state, image, mean, unexplained }) => [formatNumber(rho, 3), state, image, mean, unexplained]),
    },
    figures: [
      {
        picture: (width) =>
          lineChart({
            lines: [
              departureLine('state y', 'first', departing, ({ state }) => state),
              departureLine('image x̂₀', 'second', departing, ({ image }) => image),
              departureLine('x̂₀, by the mean alone', 'data', departing, ({ mean }) => mean),
            ],
            xLabel: 'noise level ρ',
            yLabel: 'relative difference',
            log: { x: true, y: true },
            width,
          }),
        alt: 'How far the Gaussian’s flow is from the network’s trajectory, against noise',
      },
    ],
  };
};

const departureLine = (
  name: string,
  colour: 'data' | 'first' | 'second',
  departures: readonly Departure[],
  y: (of: Departure) => number,
): Line => ({
  name,
  colour,
  x: departures.map(({ rho }) => rho),
  y: departures.map(y),
});
