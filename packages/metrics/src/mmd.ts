import { tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { eachDistance, meanRow, pointCloud, type PointCloud } from './point-cloud.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';

/**
 * The squared maximum mean discrepancy under the Gaussian kernel k(a, b) = exp(−‖a − b‖²/2h²), unbiased:
 *
 *     MMD² = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean_{i,j} k(xᵢ, yⱼ)
 *
 * A. Gretton et al.: A Kernel Two-Sample Test (2012), eq. 3. It is 0 on average where both laws agree, so it may be below 0, and
 * its real-from-real floor is 0 at every n.
 */
const reference = `@article{gretton2012kernel,
  title   = {A Kernel Two-Sample Test},
  author  = {Gretton, Arthur and Borgwardt, Karsten M. and Rasch, Malte J. and Sch{\\"o}lkopf, Bernhard and Smola, Alexander},
  journal = {Journal of Machine Learning Research},
  volume  = {13},
  pages   = {723--773},
  year    = {2012}
}`;

export const mmdOptions = z.strictObject({
  bandwidth: z.number().positive().optional().describe('h of the kernel; without it the median distance between real rows'),
  space: z.enum(['data', 'features']).default('data').describe('Compare the data themselves, or the features of the extractor'),
  referenceRows: z.int().min(3).default(2000).describe('Real rows to compare with, chosen by the seed (all, if there are fewer)'),
});
export type MmdOptions = z.input<typeof mmdOptions>;

/** Unbiased MMD². The interval is a delete-one jackknife over the judged rows; the reference is held fixed. The bandwidth is in the details. */
export const mmd = (options: MmdOptions = {}): Metric => {
  const settled = mmdOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'mmd',
    needs: settled.space === 'data' ? 'images' : 'features',
    reference,
    start: (context) => startMmd(settled, context),
  });
};

/** Real rows that the median distance is taken over. */
const MEDIAN_ROWS = 500;

const startMmd = async (options: z.output<typeof mmdOptions>, context: MetricContext): ReturnType<Metric['start']> => {
  const subject = 'mmd';
  const data = referenceOf(subject, context);
  const extractor = options.space === 'features' ? extractorOf(subject, context) : undefined;
  const count = Math.min(options.referenceRows, data.size);
  const { width, values: real } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const rows = collectRows(subject, width, data.range);
  const centre = meanRow(real, width);
  const y = pointCloud(subject, 'the real rows', real, centre);
  const bandwidth =
    options.bandwidth ??
    (await medianDistance(subject, pointCloud(subject, 'the real rows', real.subarray(0, Math.min(count, MEDIAN_ROWS) * width), centre)));
  const kernel = (squared: number): number => Math.exp(-squared / (2 * bandwidth * bandwidth));
  const within = await sums(y, y, kernel);
  const real2 = (total(within) - count) / (count * (count - 1)); // k(y, y) = 1 on the diagonal

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    result: async () => {
      const { n, values } = rows.sorted(3);
      const x = pointCloud(subject, 'the judged rows', values, centre);
      const own = (await sums(x, x, kernel)).map((sum) => sum - 1);
      const cross = await sums(x, y, kernel);
      const [ownTotal, crossTotal] = [total(own), total(cross)];
      const value = ownTotal / (n * (n - 1)) + real2 - (2 * crossTotal) / (n * count);
      // Without row i: its own row and column go from the first mean, its row from the last.
      const left = own.map(
        (sum, i) => (ownTotal - 2 * sum) / ((n - 1) * (n - 2)) + real2 - (2 * (crossTotal - cross[i]!)) / ((n - 1) * count),
      );
      const mean = total(left) / n;
      const error = Math.sqrt(((n - 1) / n) * left.reduce((sum, v) => sum + (v - mean) ** 2, 0));
      return {
        name: `MMD²-${extractor?.id ?? 'data'}`,
        value,
        n,
        interval: [value - 1.96 * error, value + 1.96 * error],
        details: {
          space: extractor?.id ?? 'data',
          bandwidth,
          bandwidthChosen: options.bandwidth === undefined ? 'median distance of real rows' : 'option',
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(rows.watch.warnings()),
        },
      };
    },
  };
};

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

/** Σⱼ k(aᵢ, bⱼ) of every row i. */
const sums = async (a: PointCloud, b: PointCloud, kernel: (squared: number) => number): Promise<Float64Array> => {
  const out = new Float64Array(a.n);
  await eachDistance(a, b, (row, _, squared) => {
    for (let j = 0; j < squared.length; j++) out[row]! += kernel(squared[j]!);
  });
  return out;
};

const medianDistance = async (subject: string, rows: PointCloud): Promise<number> => {
  const pairs: number[] = [];
  await eachDistance(rows, rows, (row, first, squared) => {
    for (let j = first; j < Math.min(row, first + squared.length); j++) pairs.push(squared[j - first]!);
  });
  pairs.sort((p, q) => p - q);
  const median = Math.sqrt(pairs[pairs.length >> 1]!);
  if (median > 0) return median;
  throw tweedieError({ subject, problem: 'the real rows are all alike: their median distance is 0', remedy: 'give bandwidth' });
};
