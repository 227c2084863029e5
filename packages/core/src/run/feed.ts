import { tensor } from '@tensorflow/tfjs-core';
import type { Dataset } from '../contracts/dataset.ts';
import { tweedieError } from '../contracts/error.ts';
import { STREAM, type Noise } from '../contracts/noise.ts';
import type { Batch } from '../contracts/objective.ts';
import { oneHotRows } from './one-hot.ts';

/** Batches as a pure function of the step: any step, any rows of it, in any order, on any shard. */
export interface Feed {
  readonly batchSize: number;
  /** Row numbers in the data set of the batch of `step`. */
  indices(step: number): Int32Array;
  /** Rows [from, from + count) of the batch of `step`, by default all. The tensors are the caller's. */
  batch(step: number, from?: number, count?: number): Batch;
}

export interface FeedOptions {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly noise: Noise;
  /** Probability that a row loses its label, so that guidance has an unconditional model to work with. Default 0. */
  readonly labelDropout?: number;
  /** Size of the reference batch, its first rows the (micro-)batch itself; the others are drawn uniformly, anew each step. */
  readonly reference?: number;
}

/** Shuffles anew in every epoch (Fisher–Yates on Philox); a batch may span two epochs. */
export const createFeed = ({ dataset, batchSize, noise, labelDropout = 0, reference }: FeedOptions): Feed => {
  const { size, classes, shape } = dataset;
  if (size < 1) throw tweedieError({ subject: dataset.id, problem: 'the data set is empty', remedy: 'check its path and split' });
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw tweedieError({ subject: 'batchSize', problem: 'a batch needs rows', got: batchSize, expected: 'an integer ≥ 1' });
  if (reference !== undefined && reference < batchSize) {
    throw tweedieError({
      subject: 'reference',
      problem: 'the reference batch is smaller than the batch',
      got: reference,
      expected: `at least ${batchSize}`,
      remedy: 'the mini-batch is part of its reference: raise reference or lower batchSize',
    });
  }
  let epoch = -1;
  let order = new Int32Array(0);
  const permutation = (wanted: number): Int32Array => {
    if (wanted !== epoch) [epoch, order] = [wanted, shuffled(size, noise, wanted)];
    return order;
  };
  const indices = (step: number): Int32Array =>
    Int32Array.from({ length: batchSize }, (_, i) => {
      const position = step * batchSize + i;
      return permutation(Math.floor(position / size))[position % size]!;
    });
  const rowsOf = (chosen: Int32Array, kept: (row: number) => boolean): Pick<Batch, 'x0' | 'label'> => {
    const { images, labels } = dataset.rows(chosen);
    checkFinite(dataset.id, images, chosen);
    const x0 = tensor(images, [chosen.length, ...shape], 'float32');
    if (classes === 0 || labels === undefined) return { x0 };
    return {
      x0,
      label: oneHotRows(
        labels.map((label, row) => (kept(row) ? label : -1)),
        classes,
      ),
    };
  };
  return Object.freeze<Feed>({
    batchSize,
    indices,
    batch: (step, from = 0, count = batchSize) => {
      const chosen = indices(step).subarray(from, from + count);
      const dropped =
        labelDropout > 0
          ? noise
              .rows(from)
              .hostUniform([count], { stream: STREAM.label, step })
              .map((u) => Number(u < labelDropout))
          : undefined;
      const batch = rowsOf(chosen, (row) => dropped?.[row] !== 1);
      if (reference === undefined) return { ...batch, step };
      // Each micro-batch has a reference of its own: the stream of its first row.
      const others = noise.rows(from).hostUniform([1, reference - count], { stream: STREAM.shuffle, step, draw: 1 });
      const all = Int32Array.of(...chosen, ...Int32Array.from(others, (u) => Math.floor(u * size)));
      const { x0, label } = rowsOf(all, () => true);
      return { ...batch, step, reference: x0, ...(label === undefined ? {} : { referenceLabel: label }) };
    },
  });
};

const checkFinite = (subject: string, images: Float32Array, chosen: Int32Array): void => {
  // A sum is finite where all are (or two infinities meet); only then is it worth looking for one.
  let total = 0;
  for (let i = 0; i < images.length; i++) total += images[i]!;
  if (Number.isFinite(total)) return;
  const bad = images.findIndex((x) => !Number.isFinite(x));
  throw tweedieError({
    subject,
    problem: `image ${chosen[Math.floor((bad * chosen.length) / images.length)]} holds a value that is not finite`,
    got: images[bad],
    expected: 'finite numbers',
    remedy: 'clean the data, or leave the image out',
    code: 'NON_FINITE_DATA',
  });
};

const shuffled = (size: number, noise: Noise, epoch: number): Int32Array<ArrayBuffer> => {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const u = noise.hostUniform([1, size], { stream: STREAM.shuffle, step: epoch });
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(u[i]! * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
};
