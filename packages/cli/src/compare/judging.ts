import { tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { type Accumulator, type Dataset, type Extractor, type MetricResult } from '@tweedie/core';
import { DATA } from '@tweedie/core/container';
import { isGrouped, rawExtractor } from '@tweedie/metrics';
import type { ExperimentConfig } from '../config/experiment.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import { inBatches, type Samples } from '../judge/batches.ts';
import { isDealt, openExtractor } from '../judge/extractors.ts';
import { composeJudging, EXTRACTOR_SOURCE } from '../run/evaluate-run.ts';
import { dealt } from '../workers/extractor.ts';
import type { Pool } from '../workers/pool.ts';

/** What images are held against, and by what: the same for every cell. */
export interface Judging {
  readonly metric: MethodConfig;
  /** Package and version that the metric came from. */
  readonly from: string;
  readonly reference: Dataset;
  readonly extractor?: Extractor;
  /** Features are extracted by the workers of a pool, if one is given. */
  readonly judge: (samples: Samples, pool?: Pool) => Promise<Judgement>;
}

export interface Judgement extends MetricResult {
  /** The value without each of 16 groups of rows: what two cells are compared by. */
  readonly leftOut?: readonly number[];
}

/** The run's first metric: the Fréchet distance of features where images have an extractor, else the sliced Wasserstein distance of the data. */
export const prepareJudging = async (config: ExperimentConfig, cwd: string): Promise<Judging> => {
  const composed = await composeJudging(config, { cwd, metrics: [] });
  const reference = composed.get(DATA);
  const source = composed.has(EXTRACTOR_SOURCE) ? composed.get(EXTRACTOR_SOURCE) : undefined;
  const use = source !== undefined && reference.shape.length === 3 ? 'frechet' : 'sliced-wasserstein';
  const made = await makeMethod('metric', { use }, cwd);
  const metric = made.it;
  const seed = BigInt(config.seed);
  const extractor = source === undefined || metric.needs !== 'features' ? undefined : await openExtractor(source, reference, seed);
  let real: Dataset | undefined;

  /** Features of the real data are computed once: from then on they are the data, judged as they are. */
  const start = async (extracting: Extractor | undefined): Promise<Accumulator> => {
    if (extractor === undefined || extracting === undefined) return metric.start({ reference, seed });
    real ??= await featuresOf(reference, extracting);
    return metric.start({ reference: real, extractor: { ...rawExtractor(real.shape), id: extractor.id }, seed });
  };

  const judge: Judging['judge'] = async (samples, pool) => {
    const extracting = extractor === undefined || pool === undefined || !isDealt(source!) ? extractor : dealt(extractor, pool, source!);
    const accumulator = await start(extracting);
    for await (const batch of inBatches(samples, reference.range)) {
      if (extracting === undefined) await accumulator.add(batch);
      else {
        const features = await extracting.features(batch.images);
        try {
          await accumulator.add({ ...batch, images: features, features });
        } finally {
          features.dispose();
        }
      }
    }
    const leftOut = isGrouped(accumulator) ? await accumulator.leftOut() : undefined;
    return { ...(await accumulator.result()), ...(leftOut === undefined ? {} : { leftOut }) };
  };
  return {
    metric: made.config,
    from: `${made.packageName}@${made.version}`,
    reference,
    ...(extractor === undefined ? {} : { extractor }),
    judge,
  };
};

const ROWS = 256;

const featuresOf = async ({ id, size, shape, rows }: Dataset, extractor: Extractor): Promise<Dataset> => {
  const { dims } = extractor;
  const all = new Float32Array(size * dims);
  for (let first = 0; first < size; first += ROWS) {
    const indices = Int32Array.from({ length: Math.min(ROWS, size - first) }, (_, i) => first + i);
    const images = tensor(rows(indices).images, [indices.length, ...shape], 'float32');
    let features: Tensor2D | undefined;
    try {
      features = await extractor.features(images);
      all.set(await features.data(), first * dims);
    } finally {
      images.dispose();
      features?.dispose();
    }
    await new Promise<void>((next) => setImmediate(next));
  }
  return Object.freeze<Dataset>({
    id,
    shape: [dims],
    classes: 0,
    size,
    rows: (indices) => {
      const images = new Float32Array(indices.length * dims);
      for (let i = 0; i < indices.length; i++) images.set(all.subarray(indices[i]! * dims, (indices[i]! + 1) * dims), i * dims);
      return { images };
    },
  });
};
