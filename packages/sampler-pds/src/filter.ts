import {
  checkStatistics,
  createNoise,
  dataHeader,
  hostDft2,
  STREAM,
  tweedieError,
  type Dataset,
  type Statistics,
  type StatisticsFile,
} from '@tweedie/core';
import { opposite } from './operator.ts';

/**
 * The statistics of PDS's filters, of n images mapped to [0, 1]:
 *
 *     A_f[k] = log(1 + mean |Σ_p x[p] exp(−2πi k·p)|²)      frequencies, unnormalised sum
 *     A_s[p] = mean x[p]²                                   pixels
 *     W = ((R + α − 1)/α)⁻¹,  R = A/max A                   the gains, in [1, α/(α − 1)]
 *
 * A is stored; α is chosen when it is used. The logarithm is why the range matters: images in [−1, 1] have another A_f.
 */
export interface FilterStatistics {
  readonly shape: readonly number[];
  /** A_f, [height, width, C] row-major. */
  readonly frequency: Float64Array;
  /** A_s, likewise. */
  readonly pixel: Float64Array;
}

const KIND = 'pds-filter';

/** The range that images have everywhere outside, and the one in which A is taken. */
const RANGE = [-1, 1] as const;
const DOMAIN = [0, 1] as const;

/** W = ((R + α − 1)/α)⁻¹. The greatest of A has gain 1, where A is 0 the gain is α/(α − 1). A great α is the identity. */
export const gainsOf = (a: Float64Array, alpha: number): Float64Array => {
  const most = a.reduce((max, v) => Math.max(max, v), 0);
  if (!(most > 0)) return a.map(() => 1);
  return a.map((v) => alpha / (v / most + alpha - 1));
};

/** The mean over k and −k: A_f of real images is even, and stays so to the bit. */
const evened = (a: Float64Array, shape: readonly number[]): Float64Array =>
  a.map((v, at) => (v + a[opposite(at, shape as unknown as [number, number, number])]!) / 2);

/** Reads a file of `tweedie stats pds-filter`, and refuses one of another kind, range or form. */
export const readFilter = (file: StatisticsFile): FilterStatistics => {
  checkStatistics(file, { kind: KIND, layout: 'NHWC', range: RANGE, domain: DOMAIN });
  const { shape } = file.header;
  const size = Array.isArray(shape) && shape.length === 3 ? (shape as number[]).reduce((product, n) => product * n, 1) : 0;
  const read = (name: 'frequency' | 'pixel'): Float64Array => {
    const stored = file.tensors[name];
    if (size === 0 || stored?.data.length !== size || stored.shape.join() !== (shape as number[]).join())
      throw tweedieError({
        subject: file.subject ?? 'statistics',
        problem: `"${name}" does not have the shape of the images`,
        got: stored?.shape ?? 'nothing',
        expected: `[${Array.isArray(shape) ? shape.join(', ') : 'height, width, channels'}]`,
        remedy: 'make it anew',
      });
    const values = Float64Array.from(stored.data);
    const bad = values.findIndex((v) => !(v >= 0 && Number.isFinite(v)));
    if (bad >= 0)
      throw tweedieError({
        subject: file.subject ?? 'statistics',
        problem: `"${name}" holds what is no mean square`,
        got: values[bad],
        expected: 'numbers ≥ 0',
        remedy: 'make it anew',
      });
    return values;
  };
  const frequency = read('frequency');
  return { shape: shape as number[], frequency: evened(frequency, shape as number[]), pixel: read('pixel') };
};

/** A_f of images whose spectrum is a power law: mean ½ and variance 1/16 in [0, 1], the power of frequency k proportional to |k|^−exponent. */
export const powerLaw = (shape: readonly number[], exponent: number): Float64Array => {
  const [height, width, channels] = shape as [number, number, number];
  const area = height * width;
  const wrapped = (k: number, n: number): number => Math.min(k, n - k);
  const law = Float64Array.from({ length: area }, (_, at) => {
    const [k, l] = [wrapped(Math.floor(at / width), height) / height, wrapped(at % width, width) / width];
    return at === 0 ? 0 : Math.hypot(k, l) ** -exponent;
  });
  const total = law.reduce((sum, v) => sum + v, 0);
  const power = (at: number): number => (at === 0 ? (area / 2) ** 2 : (area * area * law[at]!) / total / 16);
  return Float64Array.from({ length: area * channels }, (_, at) => Math.log1p(power(Math.floor(at / channels))));
};

/** A of a data set. The power is also the mean over k and its mirror image, because 200 images leave it noisy. */
export const filterStatistics = (
  dataset: Dataset,
  { n = 200, seed = 0n, onProgress }: { readonly n?: number; readonly seed?: bigint; onProgress?(done: number, total: number): void } = {},
): FilterStatistics & { readonly n: number } => {
  const { shape, range, size } = dataset;
  if (shape.length !== 3 || range?.[0] !== RANGE[0] || range[1] !== RANGE[1])
    throw tweedieError({
      subject: KIND,
      problem: 'a filter is made from images',
      got: { shape, range: range ?? 'no range' },
      expected: 'shape [height, width, channels] and values in [−1, 1]',
    });
  const [height, width, channels] = shape as readonly [number, number, number];
  const area = height * width;
  const count = Math.min(n, size);
  const power = new Float64Array(area * channels);
  const pixel = new Float64Array(area * channels);
  drawnOf(size, count, seed).forEach((index, done) => {
    const { images } = dataset.rows([index]);
    const unit = Float64Array.from(images, (v) => (v - RANGE[0]) / (RANGE[1] - RANGE[0]));
    unit.forEach((v, at) => (pixel[at]! += (v * v) / count));
    for (let c = 0; c < channels; c++) {
      const { re, im } = hostDft2({ re: Float64Array.from({ length: area }, (_, p) => unit[p * channels + c]!) }, { height, width });
      for (let k = 0; k < area; k++) power[k * channels + c]! += (re[k]! ** 2 + im[k]! ** 2) / count;
    }
    onProgress?.(done + 1, count);
  });
  const mirrored = (at: number): number => {
    const [c, place] = [at % channels, Math.floor(at / channels)];
    return (Math.floor(place / width) * width + ((width - (place % width)) % width)) * channels + c;
  };
  const flipped = power.map((v, at) => (v + power[mirrored(at)]!) / 2);
  return { shape, frequency: evened(flipped, shape).map(Math.log1p), pixel, n: count };
};

/** `count` of `size` indices, each at most once. */
const drawnOf = (size: number, count: number, seed: bigint): Int32Array => {
  const u = createNoise(seed).hostUniform([count, 1], { stream: STREAM.shuffle });
  const all = Int32Array.from({ length: size }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(u[i]! * (size - i));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
};

/** `tweedie stats pds-filter DATA`. */
export const pdsFilter: Statistics = Object.freeze<Statistics>({
  kind: KIND,
  summary: 'mean power of the frequencies and mean square of the pixels of 200 images in [0, 1]',
  needs: 'data',
  option: 'filter',
  estimate: async ({ dataset, n, seed, onProgress }) => {
    if (dataset === undefined) throw tweedieError({ subject: KIND, problem: 'there is no data to make a filter from' });
    const made = filterStatistics(dataset, {
      seed,
      ...(n === undefined ? {} : { n }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const stored = (values: Float64Array) => ({ shape: [...made.shape], data: Float32Array.from(values) });
    return {
      header: { kind: KIND, ...dataHeader(dataset, made.n, seed), domain: [...DOMAIN] },
      tensors: { frequency: stored(made.frequency), pixel: stored(made.pixel) },
    };
  },
});
