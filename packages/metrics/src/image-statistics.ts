import {
  decodeSafetensors,
  encodeSafetensors,
  tweedieError,
  type Dataset,
  type Metric,
  type MetricContext,
  type MetricResult,
} from '@tweedie/core';
import { z } from 'zod';
import { readImages } from './collected-rows.ts';
import { imageSums, type ImageStatistics, type Principal } from './image-sums.ts';
import { GROUPS, jackknifed, type GroupedAccumulator } from './jackknife.ts';
import { warningDetail, watchRange } from './range-watch.ts';
import { chooseRows, referenceOf } from './reference.ts';

/**
 * Statistics of images that no network is asked for: how steeply the power spectrum falls, how heavy the tails of the differences of
 * neighbours are, how alike neighbours are, mean, deviation and (where asked for) the spectrum of the covariance.
 *
 * That natural images have a power law and heavy-tailed differences: D. L. Ruderman, W. Bialek: Statistics of Natural Images:
 * Scaling in the Woods (1994). What blur, noise and checkerboards of a generator change shows here, whatever a classifier overlooks.
 */
const reference = `@article{ruderman1994statistics,
  title   = {Statistics of Natural Images: Scaling in the Woods},
  author  = {Ruderman, Daniel L. and Bialek, William},
  journal = {Physical Review Letters},
  volume  = {73},
  number  = {6},
  pages   = {814--817},
  year    = {1994}
}`;

export const imageStatisticsOptions = z.strictObject({
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
  components: z.boolean().default(false).describe('Count principal components too: seconds for 28×28 grey, many minutes for 32×32 colours'),
});
export type ImageStatisticsOptions = z.input<typeof imageStatisticsOptions>;

/**
 * The slope of the judged images' power spectrum minus that of the real ones': above 0 where there is too much fine detail (noise),
 * below where there is too little (blur). Everything else stands side by side in the details, `real…` beside its own. The interval
 * is a delete-group jackknife over the judged images; the reference is held fixed.
 */
export const imageStatistics = (options: ImageStatisticsOptions = {}): Metric => {
  const settled = imageStatisticsOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'image-statistics',
    needs: 'images',
    reference,
    start: (context) => startImageStatistics(settled, context),
  });
};

/** The least side on which a slope can be fitted. */
const LEAST_SIDE = 8;
/** Real rows read at a time. */
const ROWS = 256;
/** Mean power of a frequency, over the number of pixels, below which there is nothing but rounding: a grey level of 8 bits is 10¹⁵ times it. */
const NOTHING = 1e-20;

const startImageStatistics = async (
  { referenceRows, components }: z.output<typeof imageStatisticsOptions>,
  context: MetricContext,
): Promise<GroupedAccumulator> => {
  const subject = 'image-statistics';
  const data = referenceOf(subject, context);
  const shape = imageShape(subject, data);
  const size = shape.reduce((product, n) => product * n, 1);
  const count = Math.min(referenceRows ?? data.size, data.size);
  const chosen = chooseRows(data.size, count, context.seed);
  const range = data.range ?? ([0, 1] as const);
  const settings = { shape, range, components };
  const real = imageSums(settings);
  for (let first = 0; first < count; first += ROWS) {
    real.add(data.rows(chosen.subarray(first, first + ROWS)).images, first);
  }
  const realSlope = checkedSlope(subject, 'real', real.statistics(), size);
  const judged = imageSums(settings);
  const watch = watchRange(subject, data.range);
  const leftOut = (): readonly number[] | undefined =>
    judged.n() < 4 * GROUPS ? undefined : Array.from({ length: GROUPS }, (_, g) => judged.statistics(g).slope - realSlope);

  return {
    leftOut: () => Promise.resolve(leftOut()),
    add: async (rows) => {
      const values = await readImages(watch, rows);
      if (rows.images.shape.slice(1).join() !== shape.join())
        throw tweedieError({
          subject,
          problem: 'the images are of another size than the real ones',
          got: rows.images.shape,
          expected: `[…, ${shape.join(', ')}]`,
        });
      judged.add(values, rows.first);
    },
    state: () => {
      const covariance = judged.covariance();
      return encodeSafetensors({
        tensors: {
          sums: { shape: [judged.sums.length], data: judged.sums },
          watch: { shape: [4], data: watch.sums() },
          ...(covariance && {
            n: { shape: [1], data: Float64Array.of(covariance.n) },
            shift: { shape: [size], data: covariance.shift },
            first: { shape: [size], data: covariance.first },
            second: { shape: [size, size], data: covariance.second },
          }),
        },
        metadata: { kind: subject, shape: shape.join() },
      });
    },
    merge: (state) => {
      const { tensors, metadata } = decodeSafetensors(state, `${subject} state`);
      const { sums, watch: seen, n, shift, first, second } = tensors;
      const whole = sums !== undefined && seen !== undefined && sums.data.length === judged.sums.length;
      const covariance = n &&
        shift &&
        first &&
        second && {
          n: n.data[0]!,
          shift: shift.data as Float64Array,
          first: first.data as Float64Array,
          second: second.data as Float64Array,
        };
      if (metadata['kind'] !== subject || metadata['shape'] !== shape.join() || !whole || (covariance !== undefined) !== components) {
        throw tweedieError({
          subject,
          problem: 'this state is of another metric, or of images of another size',
          got: metadata['kind'] ?? 'no name',
          expected: `${subject} of [${shape.join(', ')}]${components ? ', with components' : ''}`,
        });
      }
      judged.merge(sums.data, covariance);
      watch.merge(seen.data);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- what is wrong is a rejection
    result: async (): Promise<MetricResult> => {
      const n = judged.n();
      if (n < 2) throw tweedieError({ subject, problem: 'too few rows were judged', got: n, expected: '2 or more' });
      const own = judged.statistics();
      const value = checkedSlope(subject, 'judged', own, size) - realSlope;
      const left = leftOut();
      const half = left === undefined ? undefined : jackknifed({ value, leftOut: left }).half;
      const warnings = watch.warnings();
      if (components && Math.min(n, count) <= size)
        warnings.push(`${Math.min(n, count)} rows are not above the ${size} numbers of an image: components are few because rows are`);
      return {
        name: 'Δslope',
        value,
        n,
        ...(half === undefined ? {} : { interval: [value - half, value + half] as const }),
        details: {
          ...printed(own, judged.principal(), (name) => name),
          ...printed(real.statistics(), real.principal(), (name) => `real${name[0]!.toUpperCase()}${name.slice(1)}`),
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(warnings),
        },
      };
    },
  };
};

const imageShape = (subject: string, { shape, id }: Dataset): readonly [number, number, number] => {
  const [height, width, channels] = shape;
  if (shape.length === 3 && Math.min(height!, width!) >= LEAST_SIDE) return [height!, width!, channels!];
  throw tweedieError({
    subject,
    problem: `${id} holds no images that have a spectrum`,
    got: [...shape],
    expected: `[height, width, channels], sides of ${LEAST_SIDE} or more`,
  });
};

/** @throws where some frequency has no power: constant images, or all the same row. */
const checkedSlope = (subject: string, whose: string, { slope, leastPower }: ImageStatistics, size: number): number => {
  if (leastPower > NOTHING * size) return slope;
  throw tweedieError({
    subject,
    problem: `the ${whose} images have no spectrum`,
    got: `a mean power of ${leastPower} at some frequency`,
    expected: 'images that are not constant',
    remedy: 'look at them: the sampler has collapsed, or the range is another',
  });
};

/** Statistics as details; what constant differences leave undefined is said. */
const printed = (
  { slope, kurtosis, correlation, mean, deviation }: ImageStatistics,
  principal: Principal | undefined,
  named: (name: string) => string,
): Readonly<Record<string, number | string>> =>
  Object.fromEntries(
    Object.entries({
      slope,
      kurtosis,
      correlation,
      mean,
      deviation,
      ...(principal && {
        totalVariance: principal.totalVariance,
        components90: principal.components[0],
        components95: principal.components[1],
        components99: principal.components[2],
      }),
    }).map(([name, value]) => [named(name), Number.isFinite(value) ? value : 'undefined: neighbours do not differ']),
  );
