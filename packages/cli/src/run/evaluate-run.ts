import {
  batchesOf,
  judge,
  tweedieError,
  type Dataset,
  type Json,
  type JudgedBatch,
  type MetricContext,
  type MetricResult,
} from '@tweedie/core';
import { compose, DATA, METRICS, NETWORK, token, value } from '@tweedie/core/container';
import type { ExperimentConfig, ExperimentInput } from '../config/experiment.ts';
import { inputSchema } from '../config/json-schema.ts';
import { parseExperiment } from '../config/parse.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { makeMethod, resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { inBatches, type Samples } from '../judge/batches.ts';
import { extractorFor, extractorSource, isClassifier, isDealt, openExtractor, type ExtractorSource } from '../judge/extractors.ts';
import { greyOf } from '../judge/fit.ts';
import { dealt } from '../workers/extractor.ts';
import { openPool } from '../workers/pool.ts';
import { runningEngine } from '../workers/runtime.ts';
import { workersOn, worthwhile } from '../workers/workers.ts';
import { whileRunning } from './failure.ts';
import { onnxJudge } from './onnx-run.ts';
import { bindRun, openRun, overridden } from './open-run.ts';
import { sampleRun, type SampleRunOptions, type SampleRunResult } from './sample-run.ts';

export interface EvaluateRunOptions extends Pick<
  SampleRunOptions,
  'steps' | 'sampler' | 'levels' | 'guidance' | 'labels' | 'batchSize' | 'runtime' | 'workers' | 'onEvent' | 'signal'
> {
  /** A RUN folder or a weights file: where the images come from, unless `samples` are given, and what data they are held against. */
  readonly run?: string;
  /** Images that are there already, drawn or real. */
  readonly samples?: Samples | Dataset;
  /** Images to draw. Default 512. */
  readonly count?: number;
  /** Metrics by name or as a configuration writes them. Default: by the data (digits: frechet and class-match). */
  readonly metrics?: readonly (string | MethodConfig)[];
  /** The real data, by name. Default: those of the run, in the split `test` where they have one, else of another seed. */
  readonly data?: ExperimentInput['data'];
  /** The real data themselves, instead. */
  readonly reference?: Dataset;
  /** `NAME` or `NAME:FILE`. Default: that of the data. */
  readonly extractor?: string;
  /** Seed of sampling and of the metrics. Default: the run's. */
  readonly seed?: number;
  readonly cwd?: string;
}

export interface EvaluateRunResult {
  readonly metrics: readonly MetricResult[];
  /** Images judged; 0 where only the model was asked. */
  readonly n: number;
  /** Id of the real data. */
  readonly reference: string;
  /** Id of the extractor, where one was used. */
  readonly extractor?: string;
  readonly seed: number;
  readonly seconds: number;
  /** What was done to the images beside judging them. */
  readonly warnings: readonly string[];
  /** What was drawn for it. */
  readonly drawn?: SampleRunResult;
}

/** What the images are judged by: a name, and a file of weights. */
export const EXTRACTOR_SOURCE = token<ExtractorSource>('extractor source');

/** The run, its configuration with other choices laid over it, and what judges. Reads the real data, and nothing on the engine. */
export const prepareEvaluation = async ({ run, samples, data, cwd = process.cwd(), ...options }: EvaluateRunOptions) => {
  const opened = run === undefined ? undefined : await openRun(run, cwd);
  if (opened === undefined && (samples === undefined || (data === undefined && options.reference === undefined))) {
    throw tweedieError({
      subject: 'evaluate',
      problem: 'there is nothing to judge',
      remedy: 'give a run, or samples and the data that they are held against',
    });
  }
  const base = opened?.config ?? parseExperiment(data === undefined ? {} : { data });
  const config = overridden(base, { data, seed: options.seed });
  const { metrics, reference, extractor } = options;
  const judging = await composeJudging(config, {
    cwd,
    ...(metrics === undefined ? {} : { metrics }),
    ...(data === undefined ? {} : { exact: data }),
    ...(reference === undefined ? {} : { reference, named: opened !== undefined }),
    ...(extractor === undefined ? {} : { extractor }),
    unlabelled: options.labels === 'none' || (samples !== undefined && !('rows' in samples ? samples.classes > 0 : samples.labels)),
  });
  return { opened, config, judging };
};

/** Judges images, drawn from a run or given, against real data. An engine must have been selected. */
export const evaluateRun = async (options: EvaluateRunOptions): Promise<EvaluateRunResult> => {
  const { run, samples, count = 512, cwd = process.cwd(), onEvent, signal } = options;
  const { opened, config, judging } = await prepareEvaluation(options);
  const [given, metrics] = [judging.get(DATA), judging.get(METRICS)];
  const source = judging.has(EXTRACTOR_SOURCE) ? judging.get(EXTRACTOR_SOURCE) : undefined;
  const started = performance.now();
  const judged =
    samples === undefined
      ? {
          id: run!,
          shape: (await composeExperiment(config, { cwd, data: false, modelHash: opened!.weights.modelHash })).get(NETWORK).shape,
        }
      : { id: 'id' in samples ? samples.id : 'samples', shape: samples.shape };
  greyOf(judged, given, false);
  const reference = given;
  const seed = BigInt(config.seed);
  const { steps, sampler, levels, guidance, labels, batchSize, runtime } = options;
  const settings = Object.fromEntries(
    Object.entries({ steps, sampler, levels, guidance, labels, batchSize, runtime, workers: options.workers, onEvent, signal }).filter(
      ([, each]) => each !== undefined,
    ),
  );
  const extractor = source === undefined ? undefined : await openExtractor(source, reference, seed);
  const workers = workersOn(runningEngine(), worthwhile(options.workers ?? 1, reference.shape));
  const pool = workers === 1 || runtime === 'onnx' ? undefined : await whileRunning(() => openPool({ workers }));
  const session = runtime === 'onnx' && extractor !== undefined ? await onnxJudge(extractor, judged.shape) : undefined;
  const bound = opened !== undefined && metrics.some(({ needs }) => needs === 'model') ? await bindRun(opened, config, { cwd }) : undefined;
  let [drawn, n] = [undefined as SampleRunResult | undefined, 0];
  async function* batches(): AsyncGenerator<JudgedBatch, void, void> {
    if (samples === undefined)
      drawn = await sampleRun({ run: run!, count, seed: config.seed, cwd, ...settings, ...(pool === undefined ? {} : { pool }) });
    const images = samples ?? drawn!;
    for await (const batch of 'rows' in images ? batchesOf(images, 128) : inBatches(images, reference.range)) {
      yield batch;
      n += batch.images.shape[0]!;
    }
  }
  try {
    const shared = extractor === undefined || source === undefined || pool === undefined || !isDealt(source);
    const by = session ?? (shared ? extractor : dealt(extractor, pool, source));
    const context: MetricContext = {
      ...(by === undefined ? {} : { extractor: by }),
      ...(bound === undefined ? {} : { model: bound.model, schedule: bound.model.schedule }),
      reference,
      seed,
    };
    const results = await judge(metrics, context, batches()).catch((error: unknown) =>
      // What was drawn is ours; all else is about what was given.
      drawn === undefined ? Promise.reject(error as Error) : whileRunning(() => Promise.reject(error as Error)),
    );
    results.forEach(finite);
    return {
      metrics: results,
      n,
      reference: reference.id,
      ...(extractor === undefined ? {} : { extractor: extractor.id }),
      seed: config.seed,
      seconds: (performance.now() - started) / 1000,
      warnings: [],
      ...(drawn === undefined ? {} : { drawn }),
    };
  } finally {
    bound?.dispose();
    await session?.dispose();
    await pool?.close();
  }
};

const finite = ({ name, value }: MetricResult): void => {
  if (!Number.isFinite(value))
    throw tweedieError({
      subject: name,
      problem: 'the value is not finite',
      got: value,
      remedy: 'look at the images: no number is reported for them',
    });
};

/** Real data, metrics and where the extractor comes from, composed. `exact`: the data section as the user wrote it, whose split is not touched. */
export const composeJudging = async (
  config: ExperimentConfig,
  options: {
    readonly cwd: string;
    readonly metrics?: readonly (string | MethodConfig)[];
    readonly exact?: object;
    readonly reference?: Dataset;
    /** Whether a given reference is judged as the data of the configuration are. */
    readonly named?: boolean;
    readonly extractor?: string;
    /** Nobody asked for classes. */
    readonly unlabelled?: boolean;
  },
) => {
  const { cwd, metrics, exact, named = true } = options;
  const data = config.data as MethodConfig;
  const reference = options.reference ?? (await makeMethod('data', await heldOut(data, exact as MethodConfig | undefined, cwd), cwd)).it;
  const use = named ? data.use : undefined;
  const extractor = options.extractor === undefined ? extractorFor(use, reference) : extractorSource(options.extractor, cwd);
  const chosen = metrics ?? defaultMetrics(extractor, reference, options.unlabelled === true);
  const made = await Promise.all(chosen.map((metric) => makeMethod('metric', typeof metric === 'string' ? { use: metric } : metric, cwd)));
  const parts = [
    value(DATA, reference),
    value(
      METRICS,
      made.map(({ it }) => it),
    ),
  ];
  return compose(...parts, ...(extractor === undefined ? [] : [value(EXTRACTOR_SOURCE, extractor)]));
};

/** Real data that the model was not trained on: the test split, or fresh points. */
const heldOut = async (data: MethodConfig, exact: MethodConfig | undefined, cwd: string): Promise<MethodConfig> => {
  const { provision } = await resolveSection('data', data.use, cwd);
  const { properties = {} } = inputSchema(provision.options);
  const said = (key: string): boolean => exact?.[key] !== undefined;
  const changes: Record<string, Json> = {};
  if ('split' in properties && !said('split')) changes['split'] = 'test';
  else if ('seed' in properties && 'size' in properties) {
    if (!said('seed')) changes['seed'] = Number(data['seed'] ?? 0) + 1;
    if (!said('size')) changes['size'] = Math.min(4096, Number(data['size'] ?? 4096));
  }
  return { ...data, ...changes };
};

const defaultMetrics = (extractor: ExtractorSource | undefined, { shape }: Dataset, unlabelled: boolean): readonly string[] => {
  if (shape.length === 1) return ['frechet', 'sliced-wasserstein', 'mmd'];
  if (extractor === undefined) return ['sliced-wasserstein', 'mmd'];
  return isClassifier(extractor) && !unlabelled ? ['frechet', 'class-match'] : ['frechet'];
};
