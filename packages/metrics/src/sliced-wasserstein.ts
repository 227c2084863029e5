import { matMul, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createNoise, STREAM, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { GROUPS, type GroupedAccumulator } from './jackknife.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';

/**
 * The squared sliced Wasserstein distance: the mean, over directions u on the unit sphere, of the squared 2-Wasserstein distance of
 * the projections, which in one dimension is ∫₀¹ (F⁻¹ − G⁻¹)² and, for samples, a walk along both sorted lists.
 *
 * N. Bonneel, J. Rabin, G. Peyré, H. Pfister: Sliced and Radon Wasserstein Barycenters of Measures (2015), definition 5. Samples of
 * unequal size are compared by their quantile functions, so no row is thrown away; at equal n it is the mean of (x₍ⱼ₎ − y₍ⱼ₎)².
 */
const reference = `@article{bonneel2015sliced,
  title   = {Sliced and {Radon} {Wasserstein} Barycenters of Measures},
  author  = {Bonneel, Nicolas and Rabin, Julien and Peyr{\\'e}, Gabriel and Pfister, Hanspeter},
  journal = {Journal of Mathematical Imaging and Vision},
  volume  = {51},
  number  = {1},
  pages   = {22--45},
  year    = {2015}
}`;

export const slicedWassersteinOptions = z.strictObject({
  directions: z.int().min(2).default(500).describe('Random directions, drawn from the seed'),
  space: z.enum(['data', 'features']).default('data').describe('Compare the data themselves, or the features of the extractor'),
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
  floor: z.boolean().default(true).describe('Measure the distance of real from real at the same n as well'),
});
export type SlicedWassersteinOptions = z.input<typeof slicedWassersteinOptions>;

/** SW₂², with the standard error over directions in its details. */
export const slicedWasserstein = (options: SlicedWassersteinOptions = {}): Metric => {
  const settled = slicedWassersteinOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'sliced-wasserstein',
    needs: settled.space === 'data' ? 'images' : 'features',
    reference,
    start: (context) => startSliced(settled, context),
  });
};

type Settled = z.output<typeof slicedWassersteinOptions>;

const startSliced = async (options: Settled, context: MetricContext): Promise<GroupedAccumulator> => {
  const subject = 'sliced-wasserstein';
  const data = referenceOf(subject, context);
  const extractor = options.space === 'features' ? extractorOf(subject, context) : undefined;
  const count = Math.min(options.referenceRows ?? data.size, data.size);
  const { width, values: real } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const rows = collectRows(subject, width, data.range);
  const directions = drawDirections(context.seed, options.directions, width);
  const on = (part: Float32Array): Promise<Float32Array[]> => projections(part, width, directions);
  let kept: Promise<Float32Array[]> | undefined;
  const reals = (): Promise<Float32Array[]> => (kept ??= on(real));

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    leftOut: async () => {
      const { n, indices, values } = rows.sorted(2);
      if (n < 4 * GROUPS) return undefined;
      const groups = Array.from(indices, (index) => index % GROUPS);
      return slicedWithout(await projected(values, width, directions), groups, await reals());
    },
    result: async () => {
      const { n, values } = rows.sorted(2);
      const { mean: value, error } = sliced(await on(values), await reals());
      const comparable = options.floor && n <= count / 2;
      const floor = comparable ? sliced(await on(real.subarray(0, n * width)), await on(real.subarray(n * width))).mean : undefined;
      return {
        name: `SW2²-${extractor?.id ?? 'data'}`,
        value,
        n,
        ...(floor === undefined ? {} : { floor }),
        details: {
          space: extractor?.id ?? 'data',
          directions: options.directions,
          directionError: error,
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(rows.watch.warnings()),
        },
      };
    },
  };
};

/** Unit vectors [width, count], uniform on the sphere: normal draws, normalised. */
const drawDirections = (seed: bigint, count: number, width: number): Float32Array => {
  const normal = createNoise(seed).hostNormal([count, width], { stream: STREAM.projection });
  const columns = new Float32Array(count * width);
  for (let k = 0; k < count; k++) {
    const length = Math.hypot(...normal.subarray(k * width, (k + 1) * width));
    for (let i = 0; i < width; i++) columns[i * count + k] = normal[k * width + i]! / length;
  }
  return columns;
};

/** Mean over directions of the squared distance of the sorted projections, and its standard error. */
const sliced = (a: readonly Float32Array[], b: readonly Float32Array[]): { mean: number; error: number } => {
  const count = a.length;
  const each = Float64Array.from({ length: count }, (_, k) => wasserstein2(a[k]!, b[k]!));
  const mean = each.reduce((sum, w) => sum + w, 0) / count;
  const variance = each.reduce((sum, w) => sum + (w - mean) ** 2, 0) / (count - 1);
  return { mean, error: Math.sqrt(variance / count) };
};

/** The mean over directions without the rows of each group in turn: `a` are projections [rows, directions], `b` sorted ones. */
const slicedWithout = (a: Float32Array, groups: readonly number[], b: readonly Float32Array[]): readonly number[] => {
  const [count, n] = [b.length, groups.length];
  const sizes = new Int32Array(GROUPS);
  groups.forEach((g) => sizes[g]!++);
  const sums = new Float64Array(GROUPS);
  const order = Int32Array.from(groups, (_, row) => row);
  const kept = new Float32Array(n);
  for (let k = 0; k < count; k++) {
    order.sort((i, j) => a[i * count + k]! - a[j * count + k]!);
    for (let g = 0; g < GROUPS; g++) {
      let at = 0;
      for (let i = 0; i < n; i++) if (groups[order[i]!] !== g) kept[at++] = a[order[i]! * count + k]!;
      sums[g]! += wasserstein2(kept.subarray(0, n - sizes[g]!), b[k]!);
    }
  }
  return Array.from(sums, (sum) => sum / count);
};

/** The sorted projections of rows on each direction. */
const projections = async (rows: Float32Array, width: number, directions: Float32Array): Promise<Float32Array[]> => {
  const [n, count] = [rows.length / width, directions.length / width];
  const values = await projected(rows, width, directions);
  return Array.from({ length: count }, (_, k) => {
    const column = new Float32Array(n);
    for (let row = 0; row < n; row++) column[row] = values[row * count + k]!;
    return column.sort();
  });
};

/** [rows, directions] */
const projected = async (rows: Float32Array, width: number, directions: Float32Array): Promise<Float32Array> => {
  const product = tidy(() =>
    matMul(tensor2d(rows, [rows.length / width, width]), tensor2d(directions, [width, directions.length / width])),
  );
  const values = (await product.data()) as Float32Array;
  product.dispose();
  return values;
};

/** ∫₀¹ (F⁻¹ − G⁻¹)² of two sorted samples, of any sizes. */
export const wasserstein2 = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
  const [n, m] = [x.length, y.length];
  let total = 0;
  // In units of 1/(nm) the quantile functions jump at multiples of m and of n: whole numbers, so no rounding decides a step.
  for (let i = 0, j = 0, at = 0; i < n && j < m;) {
    const next = Math.min((i + 1) * m, (j + 1) * n);
    total += (next - at) * (x[i]! - y[j]!) ** 2;
    at = next;
    if (next === (i + 1) * m) i++;
    if (next === (j + 1) * n) j++;
  }
  return total / (n * m);
};
