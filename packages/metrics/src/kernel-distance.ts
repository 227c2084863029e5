import { tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { distanceName } from './distance-name.ts';
import { GROUPS, jackknifed, type GroupedAccumulator, type LeftOut } from './jackknife.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';
import { eachProduct } from './row-products.ts';

/**
 * The kernel distance: the unbiased squared maximum mean discrepancy of features under the cubic kernel k(a, b) = (⟨a, b⟩/d + 1)³,
 * averaged over random subsets of both sides,
 *
 *     KD = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean_{i,j} k(xᵢ, yⱼ)
 *
 * M. Bińkowski et al.: Demystifying MMD GANs (1801.01401), §4; on the Inception graph of 2015-12-05 alone it is a KID.
 * 0 on average where both laws agree, at every n: it may be below 0.
 */
const reference = `@inproceedings{binkowski2018demystifying,
  title     = {Demystifying {MMD} {GANs}},
  author    = {Bi{\\'n}kowski, Miko{\\l}aj and Sutherland, Danica J. and Arbel, Michael and Gretton, Arthur},
  booktitle = {International Conference on Learning Representations},
  year      = {2018},
  eprint    = {1801.01401},
  archivePrefix = {arXiv}
}`;

export const kernelDistanceOptions = z.strictObject({
  subsets: z.int().min(1).default(100).describe('Random subsets that the distance is averaged over'),
  subsetSize: z.int().min(2).default(1000).describe('Rows of either side in a subset; with fewer judged or real rows, one subset of all'),
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
});
export type KernelDistanceOptions = z.input<typeof kernelDistanceOptions>;

/** The kernel distance as a metric. The interval is a delete-group jackknife over the judged rows; reference and subsets are held fixed. */
export const kernelDistance = (options: KernelDistanceOptions = {}): Metric => {
  const settled = kernelDistanceOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'kernel-distance',
    needs: 'features',
    reference,
    start: (context) => startKernelDistance(settled, context),
  });
};

/** Draws of {@link chooseRows}: 0 chooses the reference. */
const [JUDGED, REAL] = [1, 2];

interface Measured extends LeftOut {
  /** The distance on each subset. */
  readonly each: readonly number[];
  /** Rows of either side in a subset. */
  readonly rows: readonly [judged: number, real: number];
}

const startKernelDistance = async (
  options: z.output<typeof kernelDistanceOptions>,
  context: MetricContext,
): Promise<GroupedAccumulator> => {
  const extractor = extractorOf('kernel-distance', context);
  const subject = `kernel-distance of ${extractor.id}`;
  const data = referenceOf(subject, context);
  const { dims } = extractor;
  const count = Math.min(options.referenceRows ?? data.size, data.size);
  const { values: real } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const rows = collectRows(subject, dims, data.range);
  const { subsetSize, subsets } = options;

  const measure = async (): Promise<Measured> => {
    const { n, indices, values } = rows.sorted(2);
    const groups = indices.map((index) => index % GROUPS);
    if (n < subsetSize || count < subsetSize) {
      const [value, ...leftOut] = await subsetDistances(values, groups, real, dims);
      return { value: value!, leftOut, each: [value!], rows: [n, count] };
    }
    const found: number[][] = [];
    for (let subset = 0; subset < subsets; subset++) {
      const x = chooseRows(n, subsetSize, context.seed, JUDGED, subset);
      const y = chooseRows(count, subsetSize, context.seed, REAL, subset);
      found.push(
        await subsetDistances(
          gather(values, x, dims),
          x.map((row) => groups[row]!),
          gather(real, y, dims),
          dims,
        ),
      );
    }
    const [value, ...leftOut] = found[0]!.map((_, g) => found.reduce((sum, distances) => sum + distances[g]!, 0) / subsets);
    return { value: value!, leftOut, each: found.map(([distance]) => distance!), rows: [subsetSize, subsetSize] };
  };
  let known: { readonly n: number; readonly measured: Promise<Measured> } | undefined;
  const measured = async (): Promise<Measured & { readonly n: number }> => {
    const { n } = rows.sorted(2);
    if (known?.n !== n) known = { n, measured: measure() };
    return { ...(await known.measured), n };
  };
  /** A subset without a group needs rows that are left. */
  const grouped = (judged: number): boolean => judged >= 4 * GROUPS;

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    leftOut: async () => {
      const { leftOut, rows: sizes } = await measured();
      return grouped(sizes[0]) ? leftOut : undefined;
    },
    result: async () => {
      const { n, value, leftOut, each, rows: sizes } = await measured();
      if (!Number.isFinite(value))
        throw tweedieError({ subject, problem: 'the distance is not finite', got: value, remedy: 'look at the features of the real rows' });
      const half = grouped(sizes[0]) ? jackknifed({ value, leftOut }).half : undefined;
      return {
        name: distanceName('KD', extractor),
        value,
        n,
        ...(half === undefined ? {} : { interval: [value - half, value + half] as const }),
        details: {
          extractor: extractor.id,
          features: dims,
          subsets: each.length,
          subsetRows: each.length === 1 ? `all: ${sizes[0]} against ${sizes[1]}` : subsetSize,
          ...(each.length === 1
            ? {}
            : { subsetDeviation: Math.sqrt(each.reduce((sum, v) => sum + (v - value) ** 2, 0) / (each.length - 1)) }),
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(rows.watch.warnings()),
        },
      };
    },
  };
};

const gather = (values: Float32Array, rows: Int32Array, width: number): Float32Array => {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => out.set(values.subarray(row * width, (row + 1) * width), i * width));
  return out;
};

/** The unbiased distance of x from y, and then without the rows of each group of x in turn; products float32, all else float64. */
const subsetDistances = async (x: Float32Array, groups: Int32Array, y: Float32Array, d: number): Promise<number[]> => {
  const [n, m] = [x.length / d, y.length / d];
  const kernel = (product: number): number => (product / d + 1) ** 3;
  const sizes = new Float64Array(GROUPS);
  groups.forEach((g) => sizes[g]!++);
  // Σ k(xᵢ, xⱼ), i ≠ j: all, those of which i is in the group, and those of which both are.
  const [one, both] = [new Float64Array(GROUPS), new Float64Array(GROUPS)];
  await eachProduct(x, x, d, (row, first, products) => {
    const g = groups[row]!;
    for (let j = 0; j < products.length; j++) {
      if (first + j === row) continue;
      const k = kernel(products[j]!);
      one[g]! += k;
      if (groups[first + j] === g) both[g]! += k;
    }
  });
  const all = one.reduce((sum, k) => sum + k, 0);
  const cross = new Float64Array(GROUPS);
  await eachProduct(x, y, d, (row, _, products) => {
    let sum = 0;
    for (let j = 0; j < products.length; j++) sum += kernel(products[j]!);
    cross[groups[row]!]! += sum;
  });
  const crossAll = cross.reduce((sum, k) => sum + k, 0);
  let real = 0;
  await eachProduct(y, y, d, (row, first, products) => {
    for (let j = 0; j < products.length; j++) if (first + j !== row) real += kernel(products[j]!);
  });
  const distance = (rows: number, own: number, across: number): number =>
    own / (rows * (rows - 1)) + real / (m * (m - 1)) - (2 * across) / (rows * m);
  return [
    distance(n, all, crossAll),
    ...Array.from(sizes, (size, g) => distance(n - size, all - 2 * one[g]! + both[g]!, crossAll - cross[g]!)),
  ];
};
