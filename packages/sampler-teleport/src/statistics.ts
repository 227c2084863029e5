import { moments, symmetricEigen } from '@tweedie/analytic';
import {
  createNoise,
  dataHeader,
  hostDft2,
  parseOptions,
  STREAM,
  tweedieError,
  type Dataset,
  type Statistics,
  type StatisticsContext,
  type StatisticsFile,
} from '@tweedie/core';
import { z } from 'zod';
import { randomisedEigen, type Pass } from './randomised.ts';

export const gaussianStatisticsOptions = z.strictObject({
  form: z
    .enum(['eigen', 'stationary'])
    .default('eigen')
    .describe('eigen: mean and eigenvectors; stationary: mean and power spectra of images, for very large ones'),
  rank: z.int().min(1).optional().describe(`Eigenvectors to keep; default all up to 1024 dimensions, else 64`),
  oversampling: z.int().min(0).default(10).describe('Randomised SVD: columns beside the rank'),
  power: z.int().min(0).max(4).default(1).describe('Randomised SVD: power iterations, each of which reads the data once more'),
  flips: z.boolean().default(false).describe('Count each image with its mirror image, as for a model trained with flips'),
  label: z.int().min(0).optional().describe('Only the images of this class'),
});
export type GaussianStatisticsOptions = z.input<typeof gaussianStatisticsOptions>;

/** Up to so many dimensions the covariance is formed. */
const FULL = 1024;
/** The stream of Ω. */
const OMEGA = STREAM.plugin + 2412;
/** Numbers that are read at a time. */
const BLOCK = 2 ** 22;

const subject = 'gaussian statistics';

/** Mean and covariance of a data set as a file: `tweedie stats gaussian DATA`. Reads in blocks; the covariance is formed up to 1024 dimensions. */
export const estimateGaussian = async (context: StatisticsContext): Promise<StatisticsFile> => {
  const { dataset, seed, n, onProgress } = context;
  if (dataset === undefined)
    throw tweedieError({ subject, problem: 'there is no data set', remedy: 'name one: tweedie stats gaussian mnist' });
  const options = await parseOptions(gaussianStatisticsOptions, context.options, 'statistics gaussian');
  if (dataset.range !== undefined && JSON.stringify(dataset.range) !== '[-1,1]')
    throw tweedieError({ subject, problem: 'the data are in another range than models see', got: [...dataset.range], expected: '[-1,1]' });
  const { shape } = dataset;
  const dims = shape.reduce((product, k) => product * k, 1);
  if (options.flips && shape.length !== 3)
    throw tweedieError({ subject, problem: 'only images have mirror images', got: [...shape], expected: '[H, W, C]' });
  const chosen = rowsOf(dataset, n, options.label);
  const passes = options.form === 'stationary' || dims <= FULL ? 1 : options.power + 2;
  let done = 0;
  const read: Pass = (visit) => {
    const size = Math.max(1, Math.min(512, Math.floor(BLOCK / dims)));
    for (let from = 0; from < chosen.length; from += size) {
      const { images } = dataset.rows(chosen.subarray(from, from + size));
      const count = images.length / dims;
      checkFinite(images, chosen.subarray(from), dims);
      visit(images, count);
      if (options.flips) visit(mirrored(images, shape as readonly [number, number, number]), count);
      onProgress?.((done += count), passes * chosen.length);
    }
  };
  const rank = Math.min(options.rank ?? (dims <= FULL ? dims : 64), dims);
  const made =
    options.form === 'stationary'
      ? stationary(read, shape)
      : dims <= FULL
        ? full(read, dims, rank)
        : randomised(read, dims, rank, options, seed, context);
  return Object.freeze({
    header: {
      kind: 'gaussian',
      ...dataHeader(dataset, chosen.length, seed),
      form: options.form,
      flips: options.flips,
      ...(options.label === undefined ? {} : { label: options.label }),
      ...made.header,
    },
    tensors: made.tensors,
  });
};

type Made = Pick<StatisticsFile, 'header' | 'tensors'>;

const eigen = (dims: number, mean: Float64Array, trace: number, values: Float64Array, vectors: Float32Array): Made => {
  const rank = values.length;
  const rest = trace - values.reduce((sum, lambda) => sum + lambda, 0);
  return {
    header: { rank, trace, floor: rank < dims ? Math.max(0, rest / (dims - rank)) : 0 },
    tensors: {
      mean: { shape: [dims], data: mean },
      values: { shape: [rank], data: values },
      vectors: { shape: [dims, rank], data: vectors },
    },
  };
};

const full = (read: Pass, dims: number, rank: number): Made => {
  const collected = moments(dims);
  read((rows) => collected.add(rows));
  const { mean, covariance } = collected.result();
  const { values, vectors } = symmetricEigen(covariance);
  let trace = 0;
  for (let i = 0; i < dims; i++) trace += covariance[i * dims + i]!;
  // Largest first, so that the first columns are the ones to keep.
  const kept = Float32Array.from({ length: dims * rank }, (_, i) => vectors[Math.floor(i / rank) * dims + (i % rank)]!);
  return eigen(
    dims,
    mean,
    trace,
    values.slice(0, rank).map((lambda) => Math.max(0, lambda)),
    kept,
  );
};

const randomised = (
  read: Pass,
  dims: number,
  rank: number,
  { oversampling, power }: { readonly oversampling: number; readonly power: number },
  seed: bigint,
  { noise = createNoise(seed) }: StatisticsContext,
): Made => {
  const wide = Math.min(rank + oversampling, dims);
  const omega = new Float32Array(dims * wide);
  for (let from = 0; from < dims; from += 4096) {
    const count = Math.min(4096, dims - from);
    omega.set(noise.rows(from).hostNormal([count, wide], { stream: OMEGA }), from * wide);
  }
  const { mean, trace, values, vectors } = randomisedEigen(read, { dims, rank, oversampling, power, omega });
  return eigen(dims, mean, trace, values, vectors);
};

const stationary = (read: Pass, shape: readonly number[]): Made => {
  if (shape.length !== 3)
    throw tweedieError({ subject, problem: 'a stationary Gaussian is of images', got: [...shape], expected: '[H, W, C]' });
  const [height, width, channels] = shape as [number, number, number];
  const [dims, columns] = [height * width * channels, Math.floor(width / 2) + 1];
  const of = [height, columns, channels, channels];
  const size = height * columns * channels * channels;
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  let n = 0;
  let squares = 0;
  let shift: Float64Array | undefined;
  const first = new Float64Array(dims);
  /** S += weight · X X*. */
  const addSpectrum = (image: Float64Array, weight: number): void => {
    const spectra = Array.from({ length: channels }, (_, c) =>
      hostDft2({ re: image.filter((_, i) => i % channels === c) }, { height, width }),
    );
    for (let k = 0, at = 0; k < height; k++)
      for (let l = 0; l < columns; l++)
        for (let a = 0; a < channels; a++)
          for (let b = 0; b < channels; b++, at++) {
            const i = k * width + l;
            const [ar, ai, br, bi] = [spectra[a]!.re[i]!, spectra[a]!.im[i]!, spectra[b]!.re[i]!, spectra[b]!.im[i]!];
            re[at]! += weight * (ar * br + ai * bi);
            im[at]! += weight * (ai * br - ar * bi);
          }
  };
  read((rows, count) => {
    for (let row = 0; row < count; row++) {
      const image = Float64Array.from(rows.subarray(row * dims, (row + 1) * dims));
      shift ??= image.slice();
      for (let i = 0; i < dims; i++) {
        image[i]! -= shift[i]!;
        first[i]! += image[i]!;
        squares += image[i]! ** 2;
      }
      addSpectrum(image, 1);
      n++;
    }
  });
  const delta = first.map((sum) => sum / n);
  addSpectrum(delta, -n);
  const scale = 1 / (height * width * (n - 1));
  return {
    header: { trace: (squares - n * delta.reduce((sum, v) => sum + v * v, 0)) / (n - 1) },
    tensors: {
      mean: { shape: [dims], data: delta.map((v, i) => v + shift![i]!) },
      re: { shape: of, data: Float32Array.from(re, (v) => v * scale) },
      im: { shape: of, data: Float32Array.from(im, (v) => v * scale) },
    },
  };
};

/** The first n rows, of one class where one is asked for. */
const rowsOf = (dataset: Dataset, n: number | undefined, label: number | undefined): Int32Array => {
  let rows = Int32Array.from({ length: dataset.size }, (_, i) => i);
  if (label !== undefined) {
    if (!(label < dataset.classes))
      throw tweedieError({
        subject,
        problem: 'the data have no such class',
        got: label,
        expected: dataset.classes ? `0 to ${dataset.classes - 1}` : 'no label',
      });
    const blocks: number[] = [];
    for (let from = 0; from < dataset.size; from += 256) {
      const block = rows.subarray(from, from + 256);
      dataset.rows(block).labels?.forEach((each, i) => {
        if (each === label) blocks.push(from + i);
      });
    }
    rows = Int32Array.from(blocks);
  }
  const count = n ?? rows.length;
  if (!(Number.isInteger(count) && count >= 2 && count <= rows.length))
    throw tweedieError({ subject, problem: 'n does not fit the data', got: count, expected: `2 to ${rows.length}` });
  return rows.subarray(0, count);
};

const checkFinite = (images: Float32Array, rows: Int32Array, dims: number): void => {
  const bad = images.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0)
    throw tweedieError({ subject, problem: 'a value is not finite', got: `${images[bad]} in row ${rows[Math.floor(bad / dims)]}` });
};

/** Left and right exchanged. */
const mirrored = (images: Float32Array, [, width, channels]: readonly [number, number, number]): Float32Array => {
  const out = new Float32Array(images.length);
  const line = width * channels;
  for (let from = 0; from < images.length; from += line)
    for (let w = 0; w < width; w++)
      for (let c = 0; c < channels; c++) out[from + w * channels + c] = images[from + (width - 1 - w) * channels + c]!;
  return out;
};

export const gaussianStatistics: Statistics = Object.freeze<Statistics>({
  kind: 'gaussian',
  summary: 'mean and covariance of the data: eigenvectors of the largest variances, or the power spectra of images',
  needs: 'data',
  option: 'gaussian',
  options: gaussianStatisticsOptions,
  estimate: estimateGaussian,
});
