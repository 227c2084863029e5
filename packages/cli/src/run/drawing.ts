import { slice, type Tensor } from '@tensorflow/tfjs-core';
import { guided, sample, tweedieError, type Denoiser, type Model, type Noise, type Plan, type Sampler } from '@tweedie/core';
import { LEVELS, NOISE, PLAN, SAMPLER, value } from '@tweedie/core/container';
import type { ExperimentConfig } from '../config/experiment.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import type { Handler } from '../workers/tasks.ts';
import { bindRun, openRun, type OpenedRun } from './open-run.ts';
import type { Range } from './ranges.ts';

/** Images of a run to be drawn by somebody else: everything that decides them, so that it can be sent. */
export interface DrawJob {
  readonly run: string;
  readonly cwd: string;
  /** Of the weights that are meant: a run that is being trained writes others. */
  readonly modelHash: string;
  /** The run's configuration, other choices laid over it. */
  readonly config: ExperimentConfig;
  /** Another sampler, made of these options alone. Default: that of the configuration. */
  readonly sampler?: MethodConfig;
  /** Default: those of the configuration. */
  readonly levels?: Float64Array;
  readonly guidance: number;
  /** Class of image i is `labels[i mod length]`; absent where there are no classes. */
  readonly labels?: readonly number[];
}

export interface DrawPart extends Range {
  /** Keep x̂₀ of every step of the first so many images. */
  readonly frames: number;
  /** Keep what the first step began with, of the first so many images. */
  readonly start: number;
}

export interface Drawn {
  /** [count, …shape], in x. */
  readonly images: Float32Array;
  /** x̂₀ of the images that were asked for, step by step. */
  readonly frames: readonly Float32Array[];
  readonly start: Float32Array;
  /** Network evaluations of an image; guidance takes two a call. */
  readonly calls: number;
}

/** Draws any images of a run, on the engine of this process. */
export interface Drawing {
  readonly plan: Plan;
  readonly sampler: Sampler;
  readonly shape: readonly number[];
  readonly label?: (image: number) => number;
  /** `onStep` hears of every step and may throw. */
  draw(part: DrawPart, onStep?: () => void): Promise<Drawn>;
}

export const drawingOf = ({
  sampler,
  plan,
  denoiser,
  noise,
  guidance,
  labels,
}: {
  readonly sampler: Sampler;
  readonly plan: Plan;
  readonly denoiser: Pick<Model, 'shape' | 'classes'> & { readonly denoise: Denoiser };
  readonly noise: Noise;
} & Pick<DrawJob, 'guidance' | 'labels'>): Drawing => {
  const { shape, classes } = denoiser;
  const label = labels === undefined ? undefined : (image: number): number => labels[image % labels.length]!;
  const denoise: Denoiser = guided(denoiser.denoise, { scale: guidance });
  const draw: Drawing['draw'] = async ({ first, count, frames: filmed, start: begun }, onStep) => {
    let calls = 0;
    const counted: Denoiser = (y, rho, hot) => {
      calls += guidance === 1 ? 1 : 2;
      return denoise(y, rho, hot);
    };
    const frames: Float32Array[] = [];
    let images = new Float32Array();
    let start: Float32Array = images;
    const given = label === undefined ? {} : { label };
    for await (const event of sample({
      sampler,
      plan,
      denoise: counted,
      shape,
      count,
      first,
      batchSize: count,
      noise,
      classes,
      ...given,
    })) {
      if (event.kind === 'images') images = Float32Array.from((await event.images.data()) as Float32Array);
      else {
        if (begun > 0 && start.length === 0) start = await rowsOf(event.step.y, begun);
        if (filmed > 0) frames.push(await rowsOf(event.step.x0, filmed));
        await new Promise<void>((next) => setImmediate(next));
        onStep?.();
      }
    }
    return { images, frames, start, calls };
  };
  return Object.freeze<Drawing>({ plan, sampler, shape, draw, ...(label === undefined ? {} : { label }) });
};

/** The drawing of a job, and how to free it. */
export const openDrawing = async (
  job: DrawJob,
  opened: OpenedRun,
): Promise<{ readonly drawing: Drawing; readonly dispose: () => void }> => {
  const { experiment, model, dispose } = await bindRun(opened, job.config, { cwd: job.cwd });
  try {
    const { sampler: other, levels, cwd, modelHash } = job;
    const scope = experiment.scope(
      ...(levels === undefined ? [] : [value(LEVELS, levels)]),
      ...(other === undefined ? [] : [value(SAMPLER, (await makeMethod('sampler', other, cwd, {}, modelHash)).it)]),
    );
    const drawing = drawingOf({ ...job, sampler: scope.get(SAMPLER), plan: scope.get(PLAN), denoiser: model, noise: scope.get(NOISE) });
    return { drawing, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
};

let bound: { readonly key: string; readonly drawing: Drawing; readonly dispose: () => void } | undefined;

/** In a worker: a run stays on the engine for as long as the same one is asked for. */
export const drawTask: Handler<'draw'> = async ({ job, part }, report) => {
  const key = JSON.stringify({ ...job, levels: job.levels && [...job.levels] });
  if (bound?.key !== key) {
    bound?.dispose();
    bound = undefined;
    const opened = await openRun(job.run, job.cwd);
    if (opened.weights.modelHash !== job.modelHash)
      throw tweedieError({
        subject: job.run,
        problem: 'the weights were written anew while images were drawn from them',
        remedy: 'run the same command again when the training is through',
      });
    bound = { key, ...(await openDrawing(job, opened)) };
  }
  return bound.drawing.draw(part, report);
};

const rowsOf = async (tensor: Tensor, rows: number): Promise<Float32Array> => {
  const rest = tensor.shape.slice(1);
  const part = slice(tensor, [0, ...rest.map(() => 0)], [rows, ...rest]);
  try {
    return Float32Array.from((await part.data()) as Float32Array);
  } finally {
    part.dispose();
  }
};
