import { tensor } from '@tensorflow/tfjs-core';
import type { ExperimentInput } from '@tweedie/cli';
import { judge, type Dataset, type JudgedBatch, type MetricResult } from '@tweedie/core';
import { fetchDataset, mnist, subset, toy } from '@tweedie/data';
import { frechet, slicedWasserstein } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';

/** The distance from real data of what was drawn. */
export type Judge = (drawn: Drawn) => Promise<MetricResult>;

export interface Drawn {
  /** [n, …shape] */
  readonly images: Float32Array;
  readonly labels?: Int32Array;
}

/** What is learnt and how it is judged: everything but the samplers. */
export interface Problem {
  readonly name: 'checkerboard' | 'mnist';
  readonly title: string;
  readonly distance: string;
  /** By what the distance is multiplied in tables. */
  readonly factor: number;
  readonly steps: number;
  readonly count: number;
  readonly shape: readonly number[];
  /** Of all numbers of the data: the Gaussian that teleport goes by, and the profile of deis-sn. */
  readonly law: { readonly mean: number; readonly sigma: number };
  /** Noise level that teleport goes to. */
  readonly skipTo: number;
  config(steps: number): ExperimentInput;
  /** Real ones, for show. */
  readonly real?: () => Float32Array;
  /** Whatever training and judging need, got ready once. */
  prepare(): Promise<Judge>;
}

/** Points of another seed than training's. */
const fresh = (n: number): Dataset => toy({ name: 'checkerboard', size: n, seed: 1 });

const checkerboard: Problem = {
  name: 'checkerboard',
  title: 'the checkerboard',
  distance: 'SW2²',
  factor: 1000,
  steps: 1200,
  count: 4000,
  shape: [2],
  law: { mean: 0, sigma: 0.577 }, // uniform on [−1, 1]
  skipTo: 2,
  config: (steps) => ({
    data: { use: 'checkerboard' },
    network: { use: 'mlp', width: 64 },
    schedule: { use: 'edm', sigmaMax: 10 },
    preconditioner: { use: 'edm', sigmaData: 0.58 },
    objective: { use: 'dsm', law: 'edm', pMean: -1.2, pStd: 1.2 },
    optimizer: { rate: 4e-3, warmup: 30, decay: 0.7 },
    training: { batchSize: 256, steps, labelDropout: 0, emaDecay: 0.995 },
    levels: { grid: 'karras', max: 10, min: 0.01 },
  }),
  real: () => fresh(4000).rows(Int32Array.from({ length: 4000 }, (_, i) => i)).images,
  prepare: () => {
    const { range: _, ...reference } = fresh(16_000); // without a range, far points are a distance and no error
    return Promise.resolve(({ images }) =>
      single(judge([slicedWasserstein({ directions: 100 })], { reference, seed: 0n }, once(images, [2]))),
    );
  },
};

const digits: Problem = {
  name: 'mnist',
  title: 'MNIST',
  distance: 'FD-mnistnet',
  factor: 1,
  steps: 400,
  count: 200,
  shape: [28, 28, 1],
  law: { mean: -0.74, sigma: 0.62 },
  skipTo: 20,
  config: (steps) => ({
    data: { use: 'mnist', split: 'train' },
    network: { use: 'digits' },
    schedule: { use: 'edm' },
    preconditioner: { use: 'edm', sigmaData: 0.6 },
    objective: { use: 'dsm', law: 'edm', pMean: 0.3, pStd: 1.2 },
    optimizer: { rate: 5e-3, warmup: 30, decay: 0.5 },
    training: { batchSize: 32, steps, labelDropout: 0.1, emaDecay: 0.99 },
    levels: { grid: 'karras' },
  }),
  prepare: async () => {
    await fetchDataset('mnist');
    const reference = subset(await mnist({ split: 'test' }), 0, 2000);
    const extractor = await loadMnistnet();
    return ({ images, labels }) => {
      const clipped = images.map((x) => Math.min(1, Math.max(-1, x))); // as a picture would hold them
      return single(judge([frechet()], { extractor, reference, seed: 0n }, once(clipped, [28, 28, 1], labels)));
    };
  },
};

export const PROBLEMS = Object.freeze({ checkerboard, mnist: digits });

const single = async (results: Promise<MetricResult[]>): Promise<MetricResult> => (await results)[0]!;

async function* once(images: Float32Array, shape: readonly number[], labels?: Int32Array): AsyncGenerator<JudgedBatch, void, void> {
  const size = shape.reduce((product, n) => product * n, 1);
  const batch = 250;
  for (let first = 0; first < images.length / size; first += batch) {
    const part = images.subarray(first * size, (first + batch) * size);
    const held = tensor(part, [part.length / size, ...shape], 'float32');
    try {
      yield { images: held, first, ...(labels === undefined ? {} : { labels: labels.subarray(first, first + batch) }) };
    } finally {
      held.dispose();
    }
  }
}
