import { tensor2d, tensor4d, tidy } from '@tensorflow/tfjs-core';
import type { ExperimentInput } from '@tweedie/cli';
import { createNoise, judge, STREAM, type Dataset, type JudgedBatch, type MetricResult, type Model } from '@tweedie/core';
import { fetchDataset, mnist, subset, toy } from '@tweedie/data';
import { classMatch, frechet, slicedWasserstein } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';
import { checkerboardScore } from './checkerboard.ts';

/** E‖s_θ − ∇ log p‖² σ² at one level, of the score that a model has learnt. */
export interface ScoreError {
  readonly sigma: number;
  readonly value: number;
}

export interface Judgement {
  /** The first is the distance that objectives are compared by. */
  readonly scores: readonly MetricResult[];
  readonly errors?: readonly ScoreError[];
}

/** What is learnt, by which network under which noise, and how the outcome is judged: everything but the objective and the seed. */
export interface Problem {
  readonly name: 'checkerboard' | 'mnist';
  readonly title: string;
  /** Name of the distance on an axis, and by what it is multiplied in tables. */
  readonly distance: string;
  readonly factor: number;
  /** Training steps unless somebody says otherwise. */
  readonly steps: number;
  /** Points or images that are drawn at each checkpoint, and so many of the last ones kept for show. */
  readonly count: number;
  readonly kept: number;
  /** Of `steps` training steps. */
  config(steps: number): Omit<ExperimentInput, 'objective' | 'seed'>;
  /** Real ones, for show. */
  readonly real?: () => Float32Array;
  /** The score error of the Gaussian with the mean and variance of the data, for scale. */
  gaussian?(count: number): readonly ScoreError[];
  /** Options of every objective. */
  readonly noise: Readonly<Record<string, string | number>>;
  /** Whatever judging needs, got ready once; scores are compared at `count` points. */
  prepare(count: number): Promise<Judge>;
}

/** Judges what was drawn, and the model that it was drawn from. */
export type Judge = (
  drawn: { readonly images: Float32Array; readonly labels?: Int32Array },
  model: Model,
  seed: bigint,
) => Promise<Judgement>;

/** Noise levels at which the learnt score is held against the exact one. */
const SIGMAS = [0.1, 0.3, 1, 3];

/** Points of another seed than training's, that no network has seen: the first n are for scores, all of them for distances. */
const fresh = (n: number): Dataset => toy({ name: 'checkerboard', size: 4 * n, seed: 1 });

const firstRows = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** n noised points at each level, and the exact score there. */
const testPoints = (n: number): readonly { readonly sigma: number; readonly y: Float32Array; readonly exact: Float64Array }[] => {
  const clean = fresh(n).rows(firstRows(n)).images;
  return SIGMAS.map((sigma, draw) => {
    const z = createNoise(1).hostNormal([n, 2], { stream: STREAM.plugin, draw });
    const y = clean.map((x, i) => x + sigma * z[i]!);
    return { sigma, y, exact: checkerboardScore(y, sigma) };
  });
};

const scoreError = (sigma: number, exact: Float64Array, score: (i: number) => number): ScoreError => ({
  sigma,
  value: (sigma ** 2 * exact.reduce((sum, s, i) => sum + (score(i) - s) ** 2, 0)) / (exact.length / 2),
});

const checkerboard: Problem = {
  name: 'checkerboard',
  title: 'the checkerboard',
  distance: 'SW2²',
  factor: 1000,
  steps: 800,
  count: 2000,
  kept: 2000,
  real: () => fresh(2000).rows(firstRows(2000)).images,
  // A coordinate is uniform on [−1, 1]: variance ⅓.
  gaussian: (n) => testPoints(n).map(({ sigma, y, exact }) => scoreError(sigma, exact, (i) => -y[i]! / (sigma ** 2 + 1 / 3))),
  noise: { law: 'edm', pMean: -1.2, pStd: 1.2, weighting: 'sigma2' },
  config: (steps) => ({
    data: { use: 'checkerboard' },
    network: { use: 'mlp', width: 64 },
    schedule: { use: 'edm', sigmaMax: 10 },
    preconditioner: { use: 'edm' },
    optimizer: { rate: 3e-3, warmup: 30, decay: 0.6 },
    training: { batchSize: 256, steps, labelDropout: 0, emaDecay: 0.995 },
    sampler: { use: 'dpmpp-2m' },
    levels: { grid: 'karras', steps: 18, max: 10, min: 0.005 },
  }),
  prepare: (n) => {
    const { range: _, ...reference } = fresh(n); // without a range, far points are a distance and no error
    const metric = slicedWasserstein({ directions: 100 });
    const tests = testPoints(n);
    return Promise.resolve(async ({ images }, model, seed) => {
      const scores = await judge([metric], { reference, seed }, once(images, [2]));
      const errors: ScoreError[] = [];
      for (const { sigma, y, exact } of tests) {
        const x0 = tidy(() => model.denoise(tensor2d(y, [n, 2]), sigma));
        const values = await x0.data();
        x0.dispose();
        errors.push(scoreError(sigma, exact, (i) => (values[i]! - y[i]!) / sigma ** 2)); // s = (D − y)/σ²
      }
      return { scores, errors };
    });
  },
};

const digits: Problem = {
  name: 'mnist',
  title: 'MNIST',
  distance: 'FD-mnistnet',
  factor: 1,
  steps: 400,
  count: 400,
  kept: 100,
  noise: { law: 'edm', pMean: 0.8, pStd: 1.1, weighting: 'sigma2' },
  config: (steps) => ({
    data: { use: 'mnist', split: 'train' },
    network: { use: 'digits' },
    schedule: { use: 'edm' },
    preconditioner: { use: 'edm', sigmaData: 0.6 },
    optimizer: { rate: 5e-3, warmup: 30, decay: 0.5 },
    training: { batchSize: 16, steps, labelDropout: 0, emaDecay: 0.99 },
    sampler: { use: 'dpmpp-2m' },
    levels: { grid: 'karras', steps: 10 },
  }),
  prepare: async () => {
    await fetchDataset('mnist');
    const reference: Dataset = subset(await mnist({ split: 'test' }), 0, 2000);
    const extractor = await loadMnistnet();
    const metrics = [frechet(), classMatch()];
    return async ({ images, labels }, _, seed) => {
      // As a picture would hold them.
      const clipped = images.map((x) => Math.min(1, Math.max(-1, x)));
      return { scores: await judge(metrics, { extractor, reference, seed }, once(clipped, [28, 28, 1], labels)) };
    };
  },
};

export const PROBLEMS = { checkerboard, mnist: digits } as const;

async function* once(images: Float32Array, shape: readonly number[], labels?: Int32Array): AsyncGenerator<JudgedBatch, void, void> {
  const size = shape.reduce((product, n) => product * n, 1);
  const batch = 125;
  const rows = images.length / size;
  for (let first = 0; first < rows; first += batch) {
    const part = images.subarray(first * size, (first + batch) * size);
    const held =
      shape.length === 1
        ? tensor2d(part, [part.length / size, size])
        : tensor4d(part, [part.length / size, ...(shape as [number, number, number])]);
    try {
      yield { images: held, first, ...(labels === undefined ? {} : { labels: labels.subarray(first, first + batch) }) };
    } finally {
      held.dispose();
    }
  }
}
