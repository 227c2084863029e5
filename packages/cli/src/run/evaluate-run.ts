import { tensor } from '@tensorflow/tfjs-core';
import { judge, tweedieError, type Dataset, type Extractor, type Json, type JudgedBatch, type MetricResult } from '@tweedie/core';
import { compose, DATA, EXTRACTOR, METRICS, value, type Part } from '@tweedie/core/container';
import type { ExperimentConfig, ExperimentInput } from '../config/experiment.ts';
import { inputSchema } from '../config/json-schema.ts';
import { parseExperiment } from '../config/parse.ts';
import { makeMethod, resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { whileRunning } from './failure.ts';
import { onnxJudge } from './onnx-run.ts';
import { dealt } from '../workers/extractor.ts';
import { openPool } from '../workers/pool.ts';
import { runningEngine } from '../workers/runtime.ts';
import { workersOn, worthwhile } from '../workers/workers.ts';
import { openRun, overridden } from './open-run.ts';
import { sampleRun, type SampleRunOptions, type SampleRunResult } from './sample-run.ts';

/** Images to judge that were drawn already. */
export interface Samples {
  /** [count, …shape] row-major. */
  readonly images: Float32Array;
  readonly shape: readonly number[];
  readonly labels?: Int32Array;
}

export interface EvaluateRunOptions extends Pick<
  SampleRunOptions,
  'steps' | 'sampler' | 'levels' | 'guidance' | 'labels' | 'batchSize' | 'runtime' | 'workers' | 'onEvent' | 'signal'
> {
  /** A RUN folder or a weights file: where the images come from, unless `samples` are given, and what data they are held against. */
  readonly run?: string;
  readonly samples?: Samples;
  /** Images to draw. Default 512. */
  readonly count?: number;
  /** Metrics by name or as a configuration writes them. Default: by the data (digits: frechet and class-match). */
  readonly metrics?: readonly (string | MethodConfig)[];
  /** The real data. Default: those of the run, in the split `test` where they have one, else of another seed. */
  readonly data?: ExperimentInput['data'];
  /** Seed of sampling and of the metrics. Default: the run's. */
  readonly seed?: number;
  readonly cwd?: string;
}

export interface EvaluateRunResult {
  readonly metrics: readonly MetricResult[];
  /** Images judged. */
  readonly n: number;
  /** Id of the real data. */
  readonly reference: string;
  /** Id of the extractor, where one was used. */
  readonly extractor?: string;
  readonly seed: number;
  readonly seconds: number;
  /** What was drawn for it. */
  readonly drawn?: SampleRunResult;
}

/** Judges images, drawn from a run or given, against real data. An engine must have been selected. */
export const evaluateRun = async (options: EvaluateRunOptions): Promise<EvaluateRunResult> => {
  const { run, samples, count = 512, cwd = process.cwd(), data, onEvent, signal } = options;
  const opened = run === undefined ? undefined : await openRun(run, cwd);
  const base = opened?.config ?? parseExperiment(data === undefined ? {} : { data });
  if (opened === undefined && (samples === undefined || data === undefined)) {
    throw tweedieError({
      subject: 'evaluate',
      problem: 'there is nothing to judge',
      remedy: 'give a run, or samples and the data that they are held against',
    });
  }
  const config = overridden(base, { data, seed: options.seed });
  const judging = await composeJudging(config, {
    cwd,
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    ...(data === undefined ? {} : { exact: data }),
  });
  const reference = judging.get(DATA);
  const started = performance.now();
  const { steps, sampler, levels, guidance, labels, batchSize, runtime } = options;
  const settings = Object.fromEntries(
    Object.entries({ steps, sampler, levels, guidance, labels, batchSize, runtime, workers: options.workers, onEvent, signal }).filter(
      ([, each]) => each !== undefined,
    ),
  );
  const workers = workersOn(runningEngine(), worthwhile(options.workers ?? 1, reference.shape));
  const pool = workers === 1 || runtime === 'onnx' ? undefined : await whileRunning(() => openPool({ workers }));
  try {
    const drawn =
      samples === undefined
        ? await sampleRun({ run: run!, count, seed: config.seed, cwd, ...settings, ...(pool === undefined ? {} : { pool }) })
        : undefined;
    const judged: Samples = samples ?? drawn!;
    if (judged.shape.join() !== reference.shape.join())
      throw tweedieError({
        subject: 'evaluate',
        problem: 'the images have another shape than the real data',
        got: [...judged.shape],
        expected: `[${reference.shape.join(', ')}]`,
        remedy: 'choose the data that the model was trained on',
      });
    const extractor = judging.has(EXTRACTOR) ? judging.get(EXTRACTOR) : undefined;
    const session = runtime === 'onnx' && extractor !== undefined ? await onnxJudge(extractor, judged.shape) : undefined;
    const metrics = await whileRunning(() =>
      judge(
        judging.get(METRICS),
        {
          ...(extractor === undefined
            ? {}
            : { extractor: session ?? (pool === undefined || reference.shape.length === 1 ? extractor : dealt(extractor, pool)) }),
          reference,
          seed: BigInt(config.seed),
        },
        inBatches(judged, reference.range),
      ),
    ).finally(() => session?.dispose());
    return {
      metrics,
      n: judged.images.length / judged.shape.reduce((product, size) => product * size, 1),
      reference: reference.id,
      ...(extractor === undefined ? {} : { extractor: extractor.id }),
      seed: config.seed,
      seconds: (performance.now() - started) / 1000,
      ...(drawn === undefined ? {} : { drawn }),
    };
  } finally {
    await pool?.close();
  }
};

/** Real data, metrics and extractor, composed. `exact`: the data section as the user wrote it, whose split is not touched. */
export const composeJudging = async (
  config: ExperimentConfig,
  { cwd, metrics, exact }: { readonly cwd: string; readonly metrics?: readonly (string | MethodConfig)[]; readonly exact?: object },
) => {
  const data = await heldOut(config.data as MethodConfig, exact as MethodConfig | undefined, cwd);
  const { it: reference } = await makeMethod('data', data, cwd);
  const extractor = await extractorFor(data.use, reference);
  const chosen = metrics ?? defaultMetrics(data.use, reference);
  const made = await Promise.all(chosen.map((metric) => makeMethod('metric', typeof metric === 'string' ? { use: metric } : metric, cwd)));
  const parts: Part[] = [
    value(DATA, reference),
    value(
      METRICS,
      made.map(({ it }) => it),
    ),
  ];
  return compose(...parts, ...(extractor === undefined ? [] : [value(EXTRACTOR, extractor)]));
};

/** Real data that the model was not trained on: the test split, as it is published, or fresh points. */
export const heldOut = async (data: MethodConfig, exact: MethodConfig | undefined, cwd: string): Promise<MethodConfig> => {
  const { provision } = await resolveSection('data', data.use, cwd);
  const { properties = {} } = inputSchema(provision.options);
  const said = (key: string): boolean => exact?.[key] !== undefined;
  const changes: Record<string, Json> = {};
  if ('split' in properties && !said('split')) changes['split'] = 'test';
  else if ('seed' in properties && 'size' in properties) {
    if (!said('seed')) changes['seed'] = Number(data['seed'] ?? 0) + 1;
    if (!said('size')) changes['size'] = Math.min(4096, Number(data['size'] ?? 4096));
  }
  if ('flip' in properties && !said('flip')) changes['flip'] = false;
  return { ...data, ...changes };
};

/** The extractor of a data set: mnistnet for MNIST, the point itself for points. */
export const extractorFor = async (use: string, { shape }: Pick<Dataset, 'shape'>): Promise<Extractor | undefined> => {
  if (use === 'mnist') return (await import('@tweedie/metrics/node')).loadMnistnet();
  if (shape.length === 1) return (await import('@tweedie/metrics')).rawExtractor(shape);
  return undefined;
};

const defaultMetrics = (use: string, { shape }: Dataset): readonly string[] => {
  if (use === 'mnist') return ['frechet', 'class-match'];
  return shape.length === 1 ? ['frechet', 'sliced-wasserstein', 'mmd'] : ['sliced-wasserstein', 'mmd'];
};

/** Images on their way to the judges, clipped to the range of the data: what a saved picture would hold. */
export async function* inBatches(
  { images, shape, labels }: Samples,
  range: Dataset['range'],
  batchSize = 128,
): AsyncGenerator<JudgedBatch, void, void> {
  const size = shape.reduce((product, n) => product * n, 1);
  const count = images.length / size;
  for (let first = 0; first < count; first += batchSize) {
    const rows = Math.min(batchSize, count - first);
    const part = images.slice(first * size, (first + rows) * size);
    if (range !== undefined && shape.length === 3) part.forEach((x, i) => (part[i] = Math.min(range[1], Math.max(range[0], x))));
    const batch = tensor(part, [rows, ...shape], 'float32');
    try {
      yield { images: batch, first, ...(labels === undefined ? {} : { labels: labels.slice(first, first + rows) }) };
    } finally {
      batch.dispose();
    }
    await new Promise<void>((next) => setImmediate(next));
  }
}
