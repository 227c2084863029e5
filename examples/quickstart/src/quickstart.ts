import { join, relative } from 'node:path';
import { getBackend } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import {
  describeMachine,
  encodePng,
  imageGrid,
  readLog,
  readRecord,
  sampleRun,
  startProgress,
  table,
  trainRun,
  writeReport,
  type ExperimentInput,
  type Io,
  type Progress,
} from '@tweedie/cli';
import { type MetricResult } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import { fetchDataset, mnist, subset } from '@tweedie/data';
import { config as standard, GUIDANCE } from './config.ts';
import { judgeDigits, type Digits } from './judge-digits.ts';

export interface QuickstartOptions {
  readonly io: Io;
  /** Default: the standard configuration, two minutes of training. */
  readonly config?: ExperimentInput;
  /** The RUN folder. Default `runs/quickstart`. */
  readonly folder?: string;
  /** Images to draw and to judge. Default 512. */
  readonly count?: number;
  /** Where MNIST is kept. Default: the user's cache. */
  readonly cache?: string;
  readonly command?: string;
}

export interface QuickstartResult {
  readonly report: string;
  readonly picture: string;
  readonly scores: readonly MetricResult[];
  /** False if training was interrupted; the same command goes on with it. */
  readonly finished: boolean;
}

/** Columns of the picture: so many of each digit. */
const COLUMNS = 12;
/** Digits whose way from noise is shown. */
const FOLLOWED = 10;

/** Fetches MNIST, trains a class-conditional score network, draws digits by class, judges them, and writes a report of it all. */
export const quickstart = async ({
  io,
  config = standard,
  folder = 'runs/quickstart',
  count = 512,
  cache,
  command = 'npm start',
}: QuickstartOptions): Promise<QuickstartResult> => {
  await selectEngine({ onNotice: (notice) => io.stderr(`${notice}\n`) });
  const place = cache === undefined ? {} : { cache };
  await fetchDataset('mnist', place);

  // Train, or go on with a run that was interrupted.
  let bar: Promise<Progress> | undefined;
  const trained = await trainRun({
    config,
    folder,
    cwd: io.cwd,
    ...(io.signal === undefined ? {} : { signal: io.signal }),
    onEvent: (event) => {
      if (event.kind === 'notice') io.stderr(`${event.message}\n`);
      if (event.kind === 'budget') io.stderr(`${event.seconds} s are ${event.steps} steps on this machine.\n`);
      if (event.kind === 'start') {
        io.stderr(`${event.network}: ${event.parameters} parameters, engine ${event.engine}\n`);
        bar = startProgress(io, { title: 'train ', total: event.steps, from: event.step, unit: 'steps' });
      }
      if (event.kind === 'step')
        void bar?.then((progress) =>
          progress.update(event.step, `loss ${event.loss.toFixed(1)}, ${event.imagesPerSecond.toFixed(0)} images/s`),
        );
    },
  }).finally(async () => (await bar)?.stop());
  const picture = join(folder, 'samples.png');
  const report = join(folder, 'report.html');
  if (trained.status === 'interrupted') {
    io.stderr(`Interrupted: saved at step ${trained.step} of ${trained.steps}. \`${command}\` goes on.\n`);
    return { report, picture, scores: [], finished: false };
  }

  // Draw: image i is a digit i mod 10.
  let drawing: Promise<Progress> | undefined;
  const drawn = await sampleRun({
    run: folder,
    count,
    cwd: io.cwd,
    guidance: GUIDANCE,
    trajectory: Math.min(FOLLOWED, count),
    onEvent: ({ done, total }) => {
      drawing ??= startProgress(io, { title: 'sample', total, unit: 'steps' });
      void (drawing as Promise<Progress>).then((progress) => progress.update(done));
    },
  }).finally(async () => (await (drawing as Promise<Progress> | undefined))?.stop());

  // Judge, beside real digits: the floor is what as many of those get against the others.
  const judgingFrom = performance.now();
  const test = await mnist({ split: 'test', ...place });
  const real = subset(test, 0, Math.min(count, test.size / 2));
  const reference = subset(test, real.size, test.size);
  const ours: Digits = { images: drawn.images, labels: drawn.labels! };
  const scores = await judgeDigits(ours, reference, BigInt(drawn.seed));
  const floor = await judgeDigits(real.rows(Int32Array.from({ length: real.size }, (_, i) => i)) as Digits, reference, BigInt(drawn.seed));
  const withFloor = scores.map((score, i) => ({ ...score, ...SAID[i]!, floor: floor[i]!.value }));
  const judging = (performance.now() - judgingFrom) / 1000;

  // Show.
  const grid = encodePng(byClass(drawn.images));
  await writeFileAtomic(picture, grid);
  const record = (await readRecord(folder))!;
  await writeReport(report, {
    title: 'Digits that a network drew',
    summary: `A network of ${trained.parameters} parameters saw ${trained.step * (config.training?.batchSize ?? 0)} digits in ${trained.seconds.toFixed(0)} s, and then drew these.`,
    record: {
      command,
      date: new Date().toISOString(),
      seed: drawn.seed,
      engine: getBackend(),
      machine: describeMachine(),
      config: record.config as unknown as Record<string, unknown>,
      versions: { ...record.versions, ...record.plugins },
      seconds: { training: trained.seconds, sampling: drawn.seconds, judging },
    },
    scores: withFloor,
    samples: [
      {
        picture: grid,
        alt: 'Rows of digits drawn by the network, one class a row',
        caption: `Row d was asked for the digit d, with guidance ${GUIDANCE}: ${drawn.nfe} network calls an image, seed ${drawn.seed}.`,
      },
    ],
    trajectories: {
      picture: encodePng(trajectories(drawn.trajectory!, drawn.plan.levels)),
      alt: 'What the network takes the clean digit to be, at every noise level',
      caption:
        'What the network takes the clean digit to be, from the highest noise level σ (left) to the lowest; the last column is the picture.',
    },
    lossCurve: (await readLog(folder)).map(({ step, loss }) => ({ step, loss })),
    notes: [
      `The scores are of ${count} digits, against ${reference.size} digits of the test split; the floor is what ${real.size} other real digits of the test split get against the same ones.`,
      'A score of ours is comparable with a score of ours: the extractor is in its name, and it is not the network behind published FID values.',
    ],
  });
  io.stdout(
    `${table([['metric', 'value', 'real data', 'n'], ...withFloor.map(({ name, value, floor: least, n }) => [name, value.toFixed(3), least.toFixed(3), String(n)])]).join('\n')}\n\n`,
  );
  const shown = (path: string): string => relative(io.cwd, path) || path;
  io.stdout(`picture  ${shown(picture)}\nreport   ${shown(report)}\n`);
  return { report, picture, scores: withFloor, finished: true };
};

/** What the two scores of `judgeDigits` mean. */
const SAID = [
  { better: 'higher', meaning: 'How many digits a classifier is sure of (p > .9), and sure that they are what was asked for.' },
  { better: 'lower', meaning: 'Fréchet distance between what the classifier sees in these digits and in real ones.' },
] as const;

const SHAPE = [28, 28, 1];
const SIZE = 28 * 28;

/** Row d: digits d. */
const byClass = (images: Float32Array): ReturnType<typeof imageGrid> => {
  const columns = Math.min(COLUMNS, Math.floor(images.length / SIZE / 10));
  const sorted = new Float32Array(10 * columns * SIZE);
  for (let digit = 0; digit < 10; digit++)
    for (let column = 0; column < columns; column++)
      sorted.set(images.subarray((digit + 10 * column) * SIZE, (digit + 10 * column + 1) * SIZE), (digit * columns + column) * SIZE);
  return imageGrid(sorted, SHAPE, { columns, scale: 3, rowLabels: Array.from({ length: 10 }, (_, digit) => digit) });
};

/** One row a digit, one column a level: x̂₀ on the way. */
const trajectories = (steps: readonly Float32Array[], levels: Float64Array): ReturnType<typeof imageGrid> => {
  const rows = steps[0]!.length / SIZE;
  const all = new Float32Array(steps.length * rows * SIZE);
  steps.forEach((step, column) => {
    for (let row = 0; row < rows; row++) all.set(step.subarray(row * SIZE, (row + 1) * SIZE), (row * steps.length + column) * SIZE);
  });
  return imageGrid(all, SHAPE, {
    columns: steps.length,
    scale: 2,
    rowLabels: Array.from({ length: rows }, (_, row) => row % 10),
    columnLabels: steps.map((_, i) => Number((levels[i] ?? 0).toPrecision(2))),
  });
};
