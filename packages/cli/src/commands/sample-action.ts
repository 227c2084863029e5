import { statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { getBackend } from '@tensorflow/tfjs-core';
import { encodeNpz, tweedieError, type Plan } from '@tweedie/core';
import { NETWORK, PLAN } from '@tweedie/core/container';
import { writeFileAtomic } from '@tweedie/core/node';
import { overridesFrom, type Overrides } from '../config/load.ts';
import { startWorkers } from '../engine.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { encodeGif, encodePng, imageGrid, toBytes, type GridOptions, type Picture } from '../pictures/index.ts';
import { startProgress, type Progress } from '../progress.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { runtimeOf } from '../run/onnx-run.ts';
import { openRun, overridden } from '../run/open-run.ts';
import { sampleRun, type SampleRunResult } from '../run/sample-run.ts';
import { POINTS_SHAPE, pointsImage } from './points-image.ts';
import type { SampleFlags } from './sample.ts';

/** Frames of a `.gif` show at most so many images. */
const FILMED = 64;

export const runSample = async ({ io, dotted }: Context, run: string, flags: SampleFlags): Promise<Exit> => {
  const runtime = runtimeOf(flags.runtime);
  if (flags.unconditional === true && flags.label !== undefined)
    throw tweedieError({
      subject: '--unconditional',
      problem: 'classes were asked for as well',
      got: flags.label,
      remedy: 'leave one of the two out',
    });
  const opened = await openRun(run, io.cwd);
  const changes = {
    ...dotted,
    ...(flags.sampler === undefined ? {} : { 'sampler.use': flags.sampler }),
    ...(flags.steps === undefined ? {} : { 'levels.steps': flags.steps }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  };
  const overrides = await overridesFrom(changes, opened.config, ['sampler', 'levels', 'seed'], io.cwd);
  const files = outputsOf(
    flags.out ?? [join(statSync(resolve(io.cwd, run)).isDirectory() ? resolve(io.cwd, run) : '.', 'samples.png')],
    io.cwd,
  );
  if (flags.dryRun === true) return dryRun({ context: { io }, run, flags, files, overrides, opened });
  const { workers } = await startWorkers({ backend: flags.backend, workers: flags.workers, io, purpose: 'sampling' });

  let bar: Promise<Progress> | undefined;
  const result = await sampleRun({
    run,
    count: flags.count,
    cwd: io.cwd,
    runtime,
    workers,
    ...settings(overrides),
    ...given('first', flags.first),
    ...given('guidance', flags.guidance),
    ...given('batchSize', flags.batchSize),
    ...given('labels', flags.unconditional === true ? ('none' as const) : flags.label?.map(Number)),
    ...given('signal', io.signal),
    ...(files.some(({ kind }) => kind === '.gif') ? { trajectory: Math.min(FILMED, flags.count, flags.batchSize ?? 64) } : {}),
    onEvent: ({ done, total, images }) => {
      bar ??= startProgress(io, { title: 'sample', total, unit: 'steps' });
      void bar.then((progress) => progress.update(done, `${images} images done`));
    },
  }).finally(async () => (await bar)?.stop());
  const written = await whileRunning(() => writeAll(files, result, flags));

  const output: Output<'sample'> = {
    schema: 'tweedie/sample@1',
    run,
    modelHash: result.modelHash,
    files: written,
    count: result.count,
    first: result.first,
    shape: [...result.shape],
    sampler: result.plan.sampler,
    steps: result.plan.steps.length,
    nfe: result.nfe,
    levels: [...result.plan.levels],
    seed: result.seed,
    guidance: result.guidance,
    seconds: Math.round(1000 * result.seconds) / 1000,
    engine: getBackend(),
    runtime,
    workers: result.workers,
  };
  result.plan.notes.forEach((note) => io.stderr(`${note}\n`));
  emit(io, flags.json, output, [
    ...table([
      ['images', `${result.count} of ${result.shape.join('×')}`],
      ['sampler', `${result.plan.sampler}, ${result.plan.steps.length} steps, ${result.nfe} network calls an image`],
      [
        'time',
        `${result.seconds.toFixed(1)} s (${(result.count / result.seconds).toFixed(1)} images/s${result.workers === 1 ? '' : `, ${result.workers} workers`})`,
      ],
    ]),
    ...written.map((file) => `wrote ${file}`),
  ]);
  return OK;
};

interface OutFile {
  readonly path: string;
  readonly kind: '.png' | '.gif' | '.npz';
}

const outputsOf = (out: readonly string[], cwd: string): readonly OutFile[] =>
  out.map((name) => {
    const kind = extname(name).toLowerCase();
    if (kind !== '.png' && kind !== '.gif' && kind !== '.npz')
      throw tweedieError({
        subject: '--out',
        problem: 'this kind of file is not written',
        got: name,
        expected: '.png, .gif or .npz',
        remedy: 'choose one of these endings',
      });
    return { path: resolve(cwd, name), kind };
  });

const given = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

const settings = ({ sampler, levels, seed }: Overrides) => ({
  ...given('sampler', sampler),
  ...given('levels', levels),
  ...given('seed', seed),
});

const dryRun = async ({
  context: { io },
  run,
  flags,
  files,
  overrides,
  opened,
}: {
  readonly context: Pick<Context, 'io'>;
  readonly run: string;
  readonly flags: SampleFlags;
  readonly files: readonly OutFile[];
  readonly overrides: Overrides;
  readonly opened: Awaited<ReturnType<typeof openRun>>;
}): Promise<Exit> => {
  const experiment = await composeExperiment(overridden(opened.config, overrides), {
    cwd: io.cwd,
    data: false,
    modelHash: opened.weights.modelHash,
  });
  const plan: Plan = experiment.get(PLAN);
  const nfe = plan.nfe === null ? null : plan.nfe * ((flags.guidance ?? 1) === 1 ? 1 : 2);
  const output: Output<'sample-dry-run'> = {
    schema: 'tweedie/sample-dry-run@1',
    run,
    modelHash: opened.weights.modelHash,
    files: files.map(({ path }) => path),
    count: flags.count,
    shape: [...experiment.get(NETWORK).shape],
    sampler: plan.sampler,
    steps: plan.steps.length,
    nfe,
    levels: [...plan.levels],
    notes: [...plan.notes],
  };
  emit(io, flags.json, output, [
    `Would draw ${flags.count} images with ${plan.sampler} in ${plan.steps.length} steps, ${nfe ?? 'an adaptive number of'} network calls an image, and write ${output.files.join(', ')}.`,
    ...plan.notes,
  ]);
  return OK;
};

const writeAll = async (files: readonly OutFile[], result: SampleRunResult, flags: SampleFlags): Promise<string[]> => {
  for (const { path, kind } of files) {
    if (kind === '.npz') await writeFileAtomic(path, npzOf(result));
    if (kind === '.png') await writeFileAtomic(path, encodePng(pictureOf(result.images, result, flags)));
    if (kind === '.gif')
      await writeFileAtomic(
        path,
        encodeGif(
          result.trajectory!.map((frame) => pictureOf(frame, result, flags)),
          { fps: 6 },
        ),
      );
  }
  return files.map(({ path }) => path);
};

/** Images as bytes, as other tools want them; what is no image keeps its numbers. */
const npzOf = ({ images, count, shape, labels }: SampleRunResult): Uint8Array =>
  encodeNpz({
    arr_0: { shape: [count, ...shape], data: shape.length === 3 ? toBytes(images) : images },
    ...(labels === undefined ? {} : { labels: { shape: [count], data: labels } }),
  });

const pictureOf = (images: Float32Array, { shape, classes, labels, first }: SampleRunResult, flags: SampleFlags): Picture => {
  if (shape.join() === '2') return imageGrid(pointsImage(images), POINTS_SHAPE, { columns: 1, scale: flags.scale ?? 1 });
  if (shape.length !== 3)
    throw tweedieError({ subject: '--out', problem: 'data of this shape have no picture', got: [...shape], remedy: 'write a .npz' });
  const count = images.length / shape.reduce((product, n) => product * n, 1);
  // One column a class where that makes a table of classes.
  const byClass =
    flags.label === undefined &&
    flags.unconditional !== true &&
    flags.columns === undefined &&
    labels !== undefined &&
    classes <= 20 &&
    count >= classes &&
    first % classes === 0;
  const options: GridOptions = {
    ...given('columns', byClass ? classes : flags.columns),
    ...given('scale', flags.scale),
    ...(byClass ? { columnLabels: Array.from({ length: classes }, (_, k) => k) } : {}),
  };
  return imageGrid(images, shape, options);
};
