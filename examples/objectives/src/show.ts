import { join } from 'node:path';
import { version_core } from '@tensorflow/tfjs-core';
import {
  describeMachine,
  encodePng,
  formatNumber,
  formatSeconds,
  imageGrid,
  lineChart,
  scatterChart,
  writeReport,
  type Figure,
  type Line,
  type Section,
  type Table,
} from '@tweedie/cli';
import { processes } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import { readArray, type Cell } from './cell.ts';
import type { Problem } from './problems.ts';
import { comparisons, twinDistances, type Comparison, type Curves, type TwinDistance } from './results.ts';
import { estimate, type Estimate } from './statistics.ts';

export interface Shown {
  readonly problem: Problem;
  readonly folder: string;
  readonly steps: number;
  /** Objectives in order, and the pair with another head last. */
  readonly names: readonly string[];
  readonly cells: readonly Cell[];
  /** Cells that are there, but of other settings. */
  readonly stale: number;
  readonly command: string;
}

/** Reports on all cells that are there. Returns the path. */
export const show = async (shown: Shown): Promise<string> => {
  const { problem, folder, steps, cells, stale, command } = shown;
  const results = comparisons(shown);
  const matched = results.some(({ match }) => match !== undefined)
    ? ' Class match counts the images that a classifier is sure of, and sure that they are what was asked for: who takes no notice of the class gets 10 % at most.'
    : '';
  const judged = results.filter(({ distance }) => distance !== undefined);
  const seeds = [...new Set(cells.map(({ seed }) => seed))].sort((a, b) => a - b);
  const first = cells[0]!;
  const distance = distanceOf(cells);
  const training = cells.reduce((sum, cell) => sum + cell.seconds.training, 0);
  const judging = cells.reduce((sum, cell) => sum + cell.seconds.judging, 0);
  const twins = await twinDistances(shown);
  const sections: readonly Section[] = [
    {
      title: 'What came of it',
      text: `The distance of what was drawn from ${problem.title}, ${distance.name}, with the moving average of the weights after ${steps} steps: mean over seeds ± Student's 95 % interval${factorNote(problem)}. Real data against real data get ${formatNumber(distance.floor * problem.factor, 3)} at the same n = ${problem.count}.${matched}\n\n“Less dsm” is the paired difference over equal seeds, which share their first weights, their batches, their noise levels, their noise and the noise that samples start from. An objective is said to differ from dsm only if the 95 % interval of that difference excludes 0; with ${words(judged.length - 1)} comparisons the chance that at least one such verdict is false is up to ${Math.round(100 * (1 - 0.95 ** (judged.length - 1)))} %.`,
      table: resultTable(problem, results),
    },
    ...(results.some(({ errors }) => errors.length > 0) ? [errorSection(problem, results)] : []),
    {
      title: 'What they draw',
      text: `Seed ${seeds[0]}, the last checkpoint; every picture begins with the same noise.`,
      figures: [await samplesFigure(shown, results)],
    },
    {
      title: 'Quality over training',
      text: `${distance.name} of what the moving average draws, at ${first.checkpoints.length} checkpoints: the mean over seeds, in the band from the least to the greatest. Grey: the mean of dsm, in every frame. Logarithmic.`,
      figures: [
        { picture: qualityCharts(problem, results, distance.floor), alt: `${distance.name} by training step, a frame for each objective` },
      ],
    },
    {
      title: 'Loss',
      text: 'Means over a fortieth of the run: the mean over seeds, in the band from the least to the greatest. Each is in expectation ½ λ E‖s − ∇ log p‖² and a constant of its own: of dsm and stf a variance, positive; of the others −½ λ I(p), negative. So losses may be compared along a line, not between frames.',
      figures: [{ picture: lossCharts(results), alt: 'Loss by training step, a frame for each objective' }],
    },
    noiseSection(results),
    ...(twins.length > 0 ? [twinSection(twins)] : []),
    costSection(results, training + judging),
  ];
  const path = join(folder, 'report.html');
  await writeReport(path, {
    title: `One network, ${words(judged.length)} objectives: ${problem.title}`,
    summary: summaryOf(results, distance.name),
    record: {
      command,
      date: new Date().toISOString(),
      seed: seeds.join(', '),
      engine: first.engine,
      machine: describeMachine(),
      config: { ...first.config, objective: problem.noise, seed: seeds },
      versions: { [processes.name]: processes.version, '@tensorflow/tfjs-core': version_core },
      seconds: { 'training, all cells': training, 'judging, all cells': judging },
    },
    sections,
    notes: [
      `${cells.length} cells: ${seeds.length} seeds (${seeds.join(', ')}). Every objective has its default options, law and weighting the same; fd-ssm takes differences of length 0.1 σ.`,
      'The learning rate is one for all, and was tuned for none: an objective with noisier gradients might do better at another.',
      ...startNotes(cells),
      ...failureNotes(cells),
      ...(stale > 0 ? [`${stale} cells in the folder are of other settings and were left out.`] : []),
    ],
  });
  return path;
};

/** One note for all seeds that failed with the same words. */
const failureNotes = (cells: readonly Cell[]): readonly string[] => {
  const seeds = new Map<string, Set<number>>();
  const hear = ({ name, seed }: Cell, what: string, message: string): void => {
    const key = `${name}, ${what}: ${message.replaceAll('`', '')}`;
    seeds.set(key, (seeds.get(key) ?? new Set()).add(seed));
  };
  for (const cell of cells) {
    const { failure, checkpoints } = cell;
    if (failure !== undefined) hear(cell, failure.kind === 'refused' ? 'refused' : `diverged at step ${failure.step}`, failure.message);
    for (const each of checkpoints) if (each.failure !== undefined) hear(cell, `not judged at step ${each.step}`, each.failure);
  }
  return [...seeds].map(([text, which]) => `${text} (seed ${[...which].join(', ')})`);
};

/** Lines for a terminal. */
export const summaryLines = (problem: Problem, results: readonly Comparison[]): readonly (readonly string[])[] => [
  resultTable(problem, results).columns.map(plain),
  ...resultTable(problem, results).rows.map((row) => row.map((cell) => plain(String(cell)))),
];
const plain = (text: string): string => text.replaceAll('`', '');

const distanceOf = (cells: readonly Cell[]): { readonly name: string; readonly floor: number } => {
  const floors = cells.flatMap(({ checkpoints }) => checkpoints.flatMap(({ scores }) => scores?.[0] ?? []));
  return { name: floors[0]?.name ?? 'distance', floor: estimate(floors.map(({ floor }) => floor ?? NaN)).mean };
};

const factorNote = ({ factor }: Problem): string => (factor === 1 ? '' : `, times ${formatNumber(factor)}`);

const withInterval = (value: Estimate | undefined, factor = 1, digits = 3): string => {
  if (value === undefined) return '—';
  const mean = formatNumber(value.mean * factor, digits);
  const half = value.interval === undefined ? 0 : (value.interval[1] - value.interval[0]) / 2;
  return half === 0 ? mean : `${mean} ± ${formatNumber(half * factor, 2)}`;
};

const signed = (value: Estimate | undefined, factor: number): string => {
  if (value === undefined) return '—';
  if (value.interval === undefined) return formatNumber(value.mean * factor, 3);
  const [from, to] = value.interval.map((end) => formatNumber(end * factor, 2));
  return `${formatNumber(value.mean * factor, 2)} (${from} to ${to})`;
};

const resultTable = (problem: Problem, results: readonly Comparison[]): Table => {
  const second = results.some(({ match }) => match !== undefined);
  return {
    columns: [
      'objective',
      `distance${problem.factor === 1 ? '' : ` × ${formatNumber(problem.factor)}`}`,
      'less dsm',
      'verdict',
      ...(second ? ['class match'] : []),
      'seeds',
    ],
    rows: results.map(({ name, distance, difference, verdict, match, seeds, failed }) => [
      name,
      withInterval(distance, problem.factor),
      name === 'dsm' ? '—' : signed(difference, problem.factor),
      verdict,
      ...(second ? [match === undefined ? '—' : `${withInterval(match, 100)} %`] : []),
      failed === 0 ? seeds : `${seeds - failed} of ${seeds}`,
    ]),
  };
};

const errorSection = (problem: Problem, results: readonly Comparison[]): Section => {
  const sigmas = results.find(({ errors }) => errors.length > 0)!.errors.map(({ sigma }) => sigma);
  return {
    title: 'The score itself',
    text: `E ‖s − ∇ log p‖² σ² over ${problem.count} noised points that no network saw, against the exact score of the noised checkerboard, a formula; times 1000. Mean over seeds ± 95 %; ↓ better and ↑ worse than dsm, where the 95 % interval of the paired difference excludes 0. For scale, the score of the Gaussian with the variance of the data.`,
    table: {
      columns: ['objective', ...sigmas.map((sigma) => `σ = ${sigma}`)],
      rows: [
        ...results
          .filter(({ errors }) => errors.length > 0)
          .map(({ name, errors }) => [
            name,
            ...errors.map(({ value, outcome }) => `${withInterval(value, 1000, 2)}${ARROWS[outcome] ?? ''}`),
          ]),
        ['a Gaussian', ...(problem.gaussian?.(problem.count) ?? []).map(({ value }) => formatNumber(1000 * value, 2))],
      ],
    },
  };
};

const ARROWS: { readonly [outcome in Comparison['outcome']]?: string } = { better: ' ↓', worse: ' ↑' };

const CHART = { width: 290, height: 230 } as const;

const qualityCharts = (problem: Problem, results: readonly Comparison[], floor: number): readonly string[] => {
  const dsm = results.find(({ name }) => name === 'dsm');
  return results
    .filter(({ curve }) => curve.mean.x.length > 0)
    .map(({ name, curve }) => {
      const x = curve.mean.x;
      const lines: Line[] = [
        ...(name !== 'dsm' && dsm !== undefined && dsm.curve.mean.x.length > 0
          ? [{ name: 'dsm', ...dsm.curve.mean, colour: 'data' } as const]
          : []),
        meanInBand(name, curve),
        ...(floor > 0 && x.length > 0 ? [{ name: 'real data', x: [x[0]!, x.at(-1)!], y: [floor, floor], colour: 'second' } as const] : []),
      ];
      return lineChart({ lines, xLabel: 'step', yLabel: problem.distance, log: { y: true }, ...CHART });
    });
};

/** The mean over seeds in the band of all of them. */
const meanInBand = (name: string, { mean, low, high }: Curves): Line => ({ name, ...mean, interval: { low, high }, colour: 'first' });

const lossCharts = (results: readonly Comparison[]): readonly string[] =>
  results
    .filter(({ loss }) => loss.mean.x.length > 0)
    .map(({ name, loss }) =>
      lineChart({
        lines: [meanInBand(name, loss)],
        xLabel: 'step',
        yLabel: `loss, ${name}`,
        ...CHART,
      }),
    );

const noiseSection = (results: readonly Comparison[]): Section => ({
  title: 'Noise of the gradient',
  text: 'Near the optimum the mean of every gradient is close to 0, and what is left of a single one is noise. All objectives have the same λ, network and batch, and an expected gradient that is the same for the same weights (fd-ssm: to the order of ε²), so that their norms may be compared: the median over the last fifth of the run.',
  table: {
    columns: ['objective', 'norm of the gradient', 'times dsm'],
    rows: results
      .filter(({ gradient }) => gradient !== undefined)
      .map(({ name, gradient, gradientRatio }) => [name, withInterval(gradient), withInterval(gradientRatio)]),
  },
});

const twinSection = (twins: readonly TwinDistance[]): Section => {
  const steps = [...new Set(twins.flatMap(({ points }) => points.map(({ step }) => step)))].sort((a, b) => a - b);
  const equal = twins.filter(({ points }) => points.every(({ most }) => most === 0)).map(({ title }) => title);
  const drawn = twins.filter(({ points }) => points.some(({ most }) => most > 0));
  const sayEqual = equal.length === 0 ? '' : ` Equal to the bit at every step and seed: ${equal.join('; ')}.`;
  const figures: readonly Figure[] =
    drawn.length === 0
      ? []
      : [
          {
            picture: (width) =>
              lineChart({
                lines: drawn.map(({ title, points }, i) => {
                  const positive = points.filter(({ most }) => most > 0);
                  return {
                    name: title,
                    x: positive.map(({ step }) => step),
                    y: positive.map(({ most }) => most),
                    colour: i === 0 ? 'first' : i === 1 ? 'second' : 'data',
                  };
                }),
                xLabel: 'step',
                yLabel: 'max |Δθ|',
                log: { x: true, y: true },
                width,
              }),
            alt: 'Greatest difference of two weights by training step, both axes logarithmic',
            caption: 'The greatest difference over all weights and seeds. A difference of 0 has no place on a logarithmic axis.',
          },
        ];
  return {
    title: 'dsm and lcss are one objective',
    text: `By Stein's identity the loss of lcss is that of dsm less ‖z‖²/2σ², which has no θ in it: one gradient, so that equal seeds must lead to equal weights, to rounding. Below is the greatest difference of two weights, over all weights and seeds.${sayEqual}\n\nWhere the network predicts x₀, lcss is computed here from the residual D − x₀, as dsm is; that they agree to the bit is then no surprise. Where it predicts ε, lcss is computed as its paper writes it, −ε̂·z + ½‖ε̂‖², and dsm as ½‖ε̂ − z‖²: two programs that share no more than the network, which differ by rounding, and by what training makes of it. For scale: stf, which has the optimum of dsm and other gradients.`,
    table: {
      columns: ['pair', ...steps.map((step) => `step ${step}`)],
      rows: twins.map(({ title, points }) => [
        title,
        ...steps.map((step) => {
          const most = points.find((point) => point.step === step)?.most;
          return most === undefined ? '—' : formatNumber(most, 2);
        }),
      ]),
    },
    figures,
  };
};

const costSection = (results: readonly Comparison[], total: number): Section => ({
  title: 'Cost',
  text: `Equal steps are not equal time. The processor time of the median step, mean over seeds, and in steps of dsm; then what a training took by the clock, beside whatever else the machine did. All cells together took ${formatSeconds(total)}.`,
  table: {
    columns: ['objective', 'derivatives', 'a step', 'times dsm', 'by the clock'],
    rows: results
      .filter(({ milliseconds }) => milliseconds !== undefined)
      .map(({ name, derivatives, milliseconds, timeRatio, seconds }) => [
        name,
        derivatives === 1 ? 'first order' : 'second order',
        `${formatNumber(milliseconds!, 3)} ms`,
        timeRatio === undefined ? '—' : formatNumber(timeRatio, 2),
        formatSeconds(seconds),
      ]),
  },
});

const samplesFigure = async ({ problem, folder, cells }: Shown, results: readonly Comparison[]): Promise<Figure> => {
  const seed = Math.min(...cells.map((cell) => cell.seed));
  const drawn: { name: string; images: Float32Array }[] = [];
  for (const { name } of results) {
    const cell = cells.find((each) => each.name === name && each.seed === seed);
    if (cell?.checkpoints.at(-1)?.step !== cell?.steps || cell === undefined) continue;
    const images = await readArray(folder, cell, 'images');
    if (images.every(Number.isFinite)) drawn.push({ name, images });
  }
  const alt = `What ${drawn.map(({ name }) => name).join(', ')} drew`;
  if (problem.real !== undefined) {
    const real = problem.real();
    const clouds = [{ name: 'data', images: real }, ...drawn];
    return {
      picture: clouds.map(({ name, images }) =>
        scatterChart({ title: name, range: [-1.3, 1.3], clouds: [{ points: images, colour: name === 'data' ? 'data' : 'first' }] }),
      ),
      alt,
      caption: `${problem.count} points each. Points outside the frame are cut.`,
    };
  }
  // Two of each digit, side by side.
  const size = 28 * 28;
  const columns = 20;
  const rows = drawn.map(({ images }) =>
    Float32Array.from({ length: columns * size }, (_, i) => {
      const column = Math.floor(i / size);
      const image = Math.floor(column / 2) + 10 * (column % 2);
      return Math.min(1, Math.max(-1, images[image * size + (i % size)] ?? -1));
    }),
  );
  const all = new Float32Array(rows.length * columns * size);
  rows.forEach((row, i) => all.set(row, i * row.length));
  const picture = encodePng(
    imageGrid(all, [28, 28, 1], {
      columns,
      scale: 2,
      rowLabels: drawn.map(({ name }) => name.toUpperCase().replaceAll('-', '−')),
      columnLabels: Array.from({ length: columns }, (_, i) => Math.floor(i / 2)),
    }),
  );
  await writeFileAtomic(join(folder, 'samples.png'), picture);
  return { picture, alt, caption: 'A row an objective; above each column the digit that was asked for.' };
};

const startNotes = (cells: readonly Cell[]): readonly string[] => {
  const ours = cells.filter(({ name }) => !name.endsWith('-eps'));
  const differ = [...new Set(ours.map(({ seed }) => seed))].filter(
    (seed) => new Set(ours.filter((cell) => cell.seed === seed).map(({ initial }) => initial)).size > 1,
  );
  return differ.length === 0
    ? ['The hash of the first weights was recorded with every cell: it is one for all objectives of a seed.']
    : [`The first weights differ between objectives at seeds ${differ.join(', ')}: these are not comparable.`];
};

const summaryOf = (results: readonly Comparison[], distance: string): string => {
  const by = (kind: Comparison['outcome']): string => results.flatMap(({ name, outcome }) => (outcome === kind ? [name] : [])).join(', ');
  const parts = (
    [
      ['better', 'better than dsm'],
      ['same', 'the same numbers as dsm'],
      ['open', 'no difference from dsm shown'],
      ['worse', 'worse than dsm'],
      ['failed', 'no result'],
    ] as const
  ).flatMap(([kind, text]) => (by(kind) === '' ? [] : [`${text}: ${by(kind)}`]));
  return `The same network, the same first weights, batches, noise levels, noise and learning rate; only the training objective differs. By ${distance} after equal steps — ${parts.join('; ')}.`;
};

const words = (n: number): string => ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'][n] ?? String(n);
