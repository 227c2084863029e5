import { batchesOf, judge, tweedieError, type Dataset, type JudgedBatch, type MetricContext, type MetricResult } from '@tweedie/core';
import { DATA, METRICS, NETWORK } from '@tweedie/core/container';
import { fileFeatureCache } from '@tweedie/core/node';
import type { ReferenceStatistics } from '@tweedie/metrics';
import type { OnnxExtractor } from '@tweedie/onnx/node';
import type { ExperimentConfig, ExperimentInput } from '../config/experiment.ts';
import { parseExperiment } from '../config/parse.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import { inBatches, type Samples } from '../judge/batches.ts';
import { composeJudging, EXTRACTOR_SOURCE, REAL, TRAINED_ON } from '../judge/compose-judging.ts';
import { isDealt, openExtractor, repeatsGrey } from '../judge/extractors.ts';
import { checkFit } from '../judge/fit.ts';
import { dealt } from '../workers/extractor.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { runningEngine } from '../workers/runtime.ts';
import { workersOn, worthwhile } from '../workers/workers.ts';
import { whileRunning } from './failure.ts';
import { onnxJudge } from './onnx-run.ts';
import { bindRun, openRun, overridden, type BoundRun, type OpenedRun } from './open-run.ts';
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
  /** The real data themselves, or the mean and covariance of their features, instead. The latter is enough for `frechet` alone. */
  readonly reference?: Dataset | ReferenceStatistics;
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
  /** What must be known of the images as a whole. */
  readonly warnings: readonly string[];
  /** What was drawn for it. */
  readonly drawn?: SampleRunResult;
}

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
  const shape = samples?.shape ?? (await shapeOf(opened!, config, cwd));
  const judging = await composeJudging(config, {
    cwd,
    ...(metrics === undefined ? {} : { metrics }),
    ...(data === undefined ? {} : { exact: data }),
    ...(reference === undefined ? {} : { reference, named: opened !== undefined }),
    shape,
    ...(extractor === undefined ? {} : { extractor }),
    ...(opened === undefined ? {} : { trainedOn: opened.config.data as MethodConfig }),
    unlabelled: options.labels === 'none' || (samples !== undefined && !('rows' in samples ? samples.classes > 0 : samples.labels)),
  });
  return { opened, config, judging, shape };
};

/** Judges images, drawn from a run or given, against real data. An engine must have been selected. */
export const evaluateRun = async (options: EvaluateRunOptions): Promise<EvaluateRunResult> => {
  const { run, samples, count = 512, cwd = process.cwd(), onEvent, signal } = options;
  const { opened, config, judging, shape } = await prepareEvaluation(options);
  const metrics = judging.get(METRICS);
  const reference = judging.has(DATA) ? judging.get(DATA) : undefined;
  const source = judging.has(EXTRACTOR_SOURCE) ? judging.get(EXTRACTOR_SOURCE) : undefined;
  const started = performance.now();
  const judged = { id: run ?? (samples !== undefined && 'id' in samples ? samples.id : 'samples'), shape };
  const repeats = source !== undefined && repeatsGrey(source);
  const warnings = checkFit(judged, reference ?? judged, { repeats, pixels: metrics.some(({ needs }) => needs === 'images') });
  const seed = BigInt(config.seed);
  const { steps, sampler, levels, guidance, labels, batchSize, runtime } = options;
  const settings = Object.fromEntries(
    Object.entries({ steps, sampler, levels, guidance, labels, batchSize, runtime, workers: options.workers, onEvent, signal }).filter(
      ([, each]) => each !== undefined,
    ),
  );
  const none = { ...judged, size: 0, rows: () => ({ images: new Float32Array() }) };
  const extractor = source === undefined ? undefined : await openExtractor(source, reference ?? none, seed);
  const workers = workersOn(runningEngine(), worthwhile(options.workers ?? 1, judged.shape));
  const held: { pool?: Pool; session?: OnnxExtractor; bound?: BoundRun } = {};
  let [drawn, n] = [undefined as SampleRunResult | undefined, 0];
  async function* batches(): AsyncGenerator<JudgedBatch, void, void> {
    if (samples === undefined) drawn = await sampleRun({ run: run!, count, seed: config.seed, cwd, ...settings, pool: held.pool });
    const images = samples ?? drawn!;
    for await (const batch of 'rows' in images ? batchesOf(images, 128) : inBatches(images, RANGE)) {
      yield batch;
      n += batch.images.shape[0]!;
    }
  }
  try {
    if (workers > 1 && runtime !== 'onnx') held.pool = await whileRunning(() => openPool({ workers }));
    if (runtime === 'onnx' && extractor !== undefined && !repeats) held.session = await onnxJudge(extractor, judged.shape);
    if (opened !== undefined && metrics.some(({ needs }) => needs === 'model')) held.bound = await bindRun(opened, config, { cwd });
    const { pool, session, bound } = held;
    const training = judging.has(TRAINED_ON) ? (await makeMethod('data', judging.get(TRAINED_ON), cwd)).it : undefined;
    const shared = extractor === undefined || source === undefined || pool === undefined || !isDealt(source);
    const by = session ?? (shared ? extractor : dealt(extractor, pool, source));
    const context: MetricContext = {
      ...(by === undefined ? {} : { extractor: by }),
      ...(bound === undefined ? {} : { model: bound.model, schedule: bound.model.schedule }),
      ...(reference === undefined ? {} : { reference }),
      ...(training === undefined ? {} : { training }),
      cache: fileFeatureCache(),
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
      reference: judging.get(REAL),
      ...(extractor === undefined ? {} : { extractor: extractor.id }),
      seed: config.seed,
      seconds: (performance.now() - started) / 1000,
      warnings,
      ...(drawn === undefined ? {} : { drawn }),
    };
  } finally {
    held.bound?.dispose();
    await held.session?.dispose();
    await held.pool?.close();
  }
};

/** Of images; points have none, and are not cut. */
const RANGE = [-1, 1] as const;

const shapeOf = async ({ weights }: OpenedRun, config: ExperimentConfig, cwd: string): Promise<readonly number[]> =>
  (await composeExperiment(config, { cwd, data: false, modelHash: weights.modelHash })).get(NETWORK).shape;

const finite = ({ name, value }: MetricResult): void => {
  if (!Number.isFinite(value))
    throw tweedieError({
      subject: name,
      problem: 'the value is not finite',
      got: value,
      remedy: 'look at the images: no number is reported for them',
    });
};
