import { zeros } from '@tensorflow/tfjs-core';
import { tweedieError, type Model, type Plan, type Sampler } from '@tweedie/core';
import { NOISE, PLAN, SAMPLER } from '@tweedie/core/container';
import type { ExperimentInput } from '../config/experiment.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { runningEngine } from '../workers/runtime.ts';
import { workersOn, worthwhile, type Workers } from '../workers/workers.ts';
import { drawingOf, type DrawJob } from './drawing.ts';
import { whileRunning } from './failure.ts';
import { onnxRun, type Runtime } from './onnx-run.ts';
import { bindRun, openRun, overridden } from './open-run.ts';
import { drawImages } from './over-images.ts';

export interface SampleRunOptions {
  /** A RUN folder or a weights file. */
  readonly run: string;
  /** How many images. */
  readonly count: number;
  /** Index of the first image. Default 0. */
  readonly first?: number;
  /** Steps of the sampler. Default: the run's `levels.steps`. */
  readonly steps?: number;
  /** Another sampler than the run's. */
  readonly sampler?: ExperimentInput['sampler'];
  /** Other levels than the run's. */
  readonly levels?: ExperimentInput['levels'];
  /** Default: the run's seed. Image i is a function of the seed and i alone. */
  readonly seed?: number;
  /** Classifier-free guidance w; 1, the default, is none. */
  readonly guidance?: number;
  /** Classes, gone through again and again: image i gets `labels[i mod length]`; −1 is no class, and `none` is −1 for all. Default 0, 1, …, classes − 1. */
  readonly labels?: readonly number[] | 'none';
  /** Images a network call. Default 64. */
  readonly batchSize?: number;
  /** Keep x̂₀ of every step of the first so many images, at most a batch. Default 0. */
  readonly trajectory?: number;
  /** What carries out the network. Default: the engine. */
  readonly runtime?: Runtime;
  /** Workers that the batches are dealt out to, each with an engine of its own. Image i stays what it is. Default 1: this process. */
  readonly workers?: Workers;
  /** Workers that are there already; all of them, unless `workers` says otherwise. */
  readonly pool?: Pool | undefined;
  readonly cwd?: string;
  readonly onEvent?: (event: SampleRunEvent) => void;
  readonly signal?: AbortSignal;
}

export interface SampleRunEvent {
  readonly kind: 'step';
  /** Steps done and to do, of all batches together. */
  readonly done: number;
  readonly total: number;
  readonly images: number;
}

export interface SampleRunResult {
  /** [count, …shape] row-major, about [−1, 1]: nothing is clipped. */
  readonly images: Float32Array;
  readonly count: number;
  readonly first: number;
  readonly shape: readonly number[];
  readonly classes: number;
  /** Class of each image, −1 for none; absent where the model has no classes. */
  readonly labels?: Int32Array;
  /** x̂₀ of the first images at each level, [images, …shape] each, the highest level first; the images themselves are the last. */
  readonly trajectory?: readonly Float32Array[];
  readonly plan: Plan;
  /** Network evaluations of an image, counted while sampling; guidance takes two a call. */
  readonly nfe: number;
  readonly seconds: number;
  readonly seed: number;
  readonly guidance: number;
  readonly workers: number;
  readonly modelHash: string;
}

/** Draws images from a run. An engine must have been selected. */
export const sampleRun = async (options: SampleRunOptions): Promise<SampleRunResult> => {
  const { run, count, first = 0, cwd = process.cwd(), guidance = 1, batchSize = 64, trajectory: kept = 0, onEvent, signal } = options;
  whole('count', count, 1);
  whole('first', first, 0);
  whole('batchSize', batchSize, 1);
  whole('trajectory', kept, 0);
  const opened = await openRun(run, cwd);
  const config = overridden(opened.config, {
    sampler: options.sampler,
    levels: { ...options.levels, ...(options.steps === undefined ? {} : { steps: options.steps }) },
    seed: options.seed,
  });
  const bound = await bindRun(opened, config, { cwd });
  const { experiment, model, dispose } = bound;
  const session = options.runtime === 'onnx' ? await onnxRun(opened, bound).finally(dispose) : undefined;
  let own: Pool | undefined;
  try {
    const [sampler, plan] = [experiment.get(SAMPLER), experiment.get(PLAN)];
    const labels = labelling(options.labels, model.classes, guidance);
    const { modelHash } = opened.weights;
    const job: DrawJob = { run, cwd, modelHash, config, guidance, ...(labels === undefined ? {} : { labels }) };
    const denoiser = { shape: model.shape, classes: model.classes, denoise: session?.denoise ?? model.denoise };
    const drawing = drawingOf({ ...job, sampler, plan, denoiser, noise: experiment.get(NOISE) });
    const wanted = worthwhile(options.workers ?? options.pool?.workers ?? 1, model.shape);
    const possible = Math.min(
      workersOn(runningEngine(), wanted, () => (session === undefined ? coupled(sampler) : threaded())),
      Math.max(1, count >> 1),
    );
    const started = performance.now();
    const start = typeof wanted === 'number' || options.pool !== undefined ? 0 : (wanted.start ?? 0);
    // Few images of a small network are there before the workers are.
    const pays = possible === 1 || start === 0 || (1 - 1 / possible) * count * (await secondsOf(model, plan, guidance)) > start;
    const workers = pays ? possible : 1;
    const { images, frames, calls } = await whileRunning(async () => {
      const pool = workers === 1 ? undefined : (options.pool ?? (own = await openPool({ workers })));
      return drawImages({
        drawing,
        job,
        count,
        first,
        batchSize,
        pool,
        workers,
        frames: Math.min(kept, count, batchSize),
        onStep: (event) => {
          onEvent?.({ kind: 'step', ...event });
          if (signal?.aborted === true)
            throw tweedieError({ subject: run, problem: 'interrupted; nothing was written', code: 'INTERRUPTED' });
        },
      });
    });
    const shown = Math.min(kept, count, batchSize) * (images.length / count);
    return {
      images,
      count,
      first,
      shape: model.shape,
      classes: model.classes,
      ...(labels === undefined ? {} : { labels: Int32Array.from({ length: count }, (_, i) => drawing.label!(first + i)) }),
      ...(kept === 0 ? {} : { trajectory: [...frames, images.slice(0, shown)] }),
      plan,
      nfe: calls,
      seconds: (performance.now() - started) / 1000,
      seed: config.seed,
      guidance,
      workers,
      modelHash,
    };
  } finally {
    await own?.close();
    if (session === undefined) dispose();
    else await session.dispose();
  }
};

const threaded = (): Error =>
  tweedieError({
    subject: 'workers',
    problem: 'ONNX Runtime has threads of its own, and is one for all images',
    remedy: 'leave --workers out, or take the engine',
  });

/** About how long an image takes here, from one network call. */
const secondsOf = async ({ denoise, shape }: Model, { nfe, steps, levels }: Plan, guidance: number): Promise<number> => {
  const y = zeros([2, ...shape]);
  const started = performance.now();
  const x0 = denoise(y, levels[0]!);
  await x0.data();
  [y, x0].forEach((tensor) => tensor.dispose());
  return ((performance.now() - started) / 2000) * (nfe ?? steps.length) * (guidance === 1 ? 1 : 2);
};

/** Why the images of a sampler cannot be dealt out, if that is so. */
export const coupled = ({ name, facts }: Sampler): Error | undefined =>
  facts.batchCoupled
    ? tweedieError({
        subject: `sampler ${name}`,
        problem: 'an image depends on the others of its batch, so that the batches of several workers would be other images',
        remedy: 'draw with --workers 1, or choose the exact form of the method',
      })
    : undefined;

const whole = (subject: string, got: number, least: number): void => {
  if (!Number.isSafeInteger(got) || got < least)
    throw tweedieError({ subject, problem: 'not a number that can be used', got, expected: `an integer ≥ ${least}` });
};

/** Classes, gone through again and again: that of image i is a function of i alone. */
const labelling = (labels: SampleRunOptions['labels'], classes: number, guidance: number): readonly number[] | undefined => {
  if (classes === 0) {
    if (labels !== undefined && labels !== 'none' && labels.some((label) => label >= 0))
      throw tweedieError({ subject: 'labels', problem: 'the model has no classes', got: labels, remedy: 'leave the labels out' });
    if (guidance !== 1)
      throw tweedieError({ subject: 'guidance', problem: 'the model has no classes to guide towards', got: guidance, expected: '1' });
    return undefined;
  }
  const chosen = labels === 'none' ? [-1] : (labels ?? Array.from({ length: classes }, (_, k) => k));
  const bad = chosen.find((label) => !Number.isInteger(label) || label < -1 || label >= classes);
  if (chosen.length === 0 || bad !== undefined)
    throw tweedieError({
      subject: 'labels',
      problem: 'not a class of this model',
      got: bad ?? 'no labels',
      expected: `integers from 0 to ${classes - 1}, or −1 for none`,
    });
  return chosen;
};
