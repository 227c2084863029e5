import { slice, type Tensor } from '@tensorflow/tfjs-core';
import { guided, sample, tweedieError, type Denoiser, type Plan } from '@tweedie/core';
import { NOISE, PLAN, SAMPLER } from '@tweedie/core/container';
import type { ExperimentInput } from '../config/experiment.ts';
import { whileRunning } from './failure.ts';
import { onnxRun, type Runtime } from './onnx-run.ts';
import { bindRun, openRun, overridden } from './open-run.ts';

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
  /** Classes, gone through again and again: image i gets `labels[i mod length]`; −1 is no class. Default 0, 1, …, classes − 1. */
  readonly labels?: readonly number[];
  /** Images a network call. Default 64. */
  readonly batchSize?: number;
  /** Keep x̂₀ of every step of the first so many images, at most a batch. Default 0. */
  readonly trajectory?: number;
  /** What carries out the network. Default: the engine. */
  readonly runtime?: Runtime;
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
  try {
    const plan = experiment.get(PLAN);
    const label = labelling(options.labels, model.classes, guidance);
    let calls = 0;
    const evaluations = guidance === 1 ? 1 : 2;
    const denoise: Denoiser = guided(session?.denoise ?? model.denoise, { scale: guidance });
    const counted: Denoiser = (y, rho, hot) => {
      calls += evaluations;
      return denoise(y, rho, hot);
    };
    const size = model.shape.reduce((product, n) => product * n, 1);
    const images = new Float32Array(count * size);
    const labels = label === undefined ? undefined : new Int32Array(count);
    const frames: Float32Array[] = [];
    const batches = Math.ceil(count / batchSize);
    const total = batches * plan.steps.length;
    let done = 0;
    const started = performance.now();
    await whileRunning(async () => {
      const drain = sample({
        sampler: experiment.get(SAMPLER),
        plan,
        denoise: counted,
        shape: model.shape,
        count,
        first,
        batchSize,
        noise: experiment.get(NOISE),
        classes: model.classes,
        ...(label === undefined ? {} : { label }),
      });
      for await (const event of drain) {
        if (event.kind === 'step') {
          if (event.first === first && kept > 0) frames.push(await firstRows(event.step.x0, Math.min(kept, event.rows)));
          done++;
          onEvent?.({ kind: 'step', done, total: Math.max(total, done), images: event.first - first });
          await new Promise<void>((next) => setImmediate(next));
          if (signal?.aborted === true)
            throw tweedieError({ subject: run, problem: 'interrupted; nothing was written', code: 'INTERRUPTED' });
        } else {
          const values = (await event.images.data()) as Float32Array;
          images.set(values, (event.first - first) * size);
          if (event.labels !== undefined) labels?.set(event.labels, event.first - first);
        }
      }
    });
    const shown = Math.min(kept, count, batchSize);
    return {
      images,
      count,
      first,
      shape: model.shape,
      classes: model.classes,
      ...(labels === undefined ? {} : { labels }),
      ...(kept === 0 ? {} : { trajectory: [...frames, images.slice(0, shown * size)] }),
      plan,
      nfe: calls / batches,
      seconds: (performance.now() - started) / 1000,
      seed: config.seed,
      guidance,
      modelHash: opened.weights.modelHash,
    };
  } finally {
    if (session === undefined) dispose();
    else await session.dispose();
  }
};

const whole = (subject: string, got: number, least: number): void => {
  if (!Number.isSafeInteger(got) || got < least)
    throw tweedieError({ subject, problem: 'not a number that can be used', got, expected: `an integer ≥ ${least}` });
};

/** Class of image i, a function of i alone. */
const labelling = (labels: readonly number[] | undefined, classes: number, guidance: number): ((image: number) => number) | undefined => {
  if (classes === 0) {
    if (labels !== undefined && labels.some((label) => label >= 0))
      throw tweedieError({ subject: 'labels', problem: 'the model has no classes', got: labels, remedy: 'leave the labels out' });
    if (guidance !== 1)
      throw tweedieError({ subject: 'guidance', problem: 'the model has no classes to guide towards', got: guidance, expected: '1' });
    return undefined;
  }
  const chosen = labels ?? Array.from({ length: classes }, (_, k) => k);
  const bad = chosen.find((label) => !Number.isInteger(label) || label < -1 || label >= classes);
  if (chosen.length === 0 || bad !== undefined)
    throw tweedieError({
      subject: 'labels',
      problem: 'not a class of this model',
      got: bad ?? 'no labels',
      expected: `integers from 0 to ${classes - 1}, or −1 for none`,
    });
  return (image) => chosen[image % chosen.length]!;
};

const firstRows = async (x0: Tensor, rows: number): Promise<Float32Array> => {
  const part = slice(x0, [0, ...x0.shape.slice(1).map(() => 0)], [rows, ...x0.shape.slice(1)]);
  try {
    return Float32Array.from((await part.data()) as Float32Array);
  } finally {
    part.dispose();
  }
};
