import { decodeSafetensors, encodeSafetensors, tweedieError, type Metric, type MetricContext, type MetricResult } from '@tweedie/core';
import { z } from 'zod';
import { readImages } from './collected-rows.ts';
import { distanceName } from './distance-name.ts';
import { fdInfinity } from './fd-infinity.ts';
import { frechetDistance, type FeatureStatistics } from './frechet-distance.ts';
import { groupedMoments, groupsFor, type GroupedMoments } from './grouped-moments.ts';
import { GROUPS, jackknifed, type GroupedAccumulator } from './jackknife.ts';
import { warningDetail, watchRange } from './range-watch.ts';
import { frechetReference } from './frechet-reference.ts';
import type { ReferenceStatistics } from './reference-statistics.ts';
import { extractorOf } from './reference.ts';

/**
 * The Fréchet distance between Gaussians fitted to features of real and of judged images:
 *
 *     ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½
 *
 * D. C. Dowson, B. V. Landau (1982), eq. 4, on the features of M. Heusel et al. (1706.08500), eq. 6: only with the Inception graph of
 * 2015-12-05 is it an FID, so everywhere else it is called `FD-` and the extractor's id. Covariances have n − 1 in the
 * denominator. Biased upward by about 1/n: compare equal n alone, beside the floor, the distance of real from real at that n.
 */
const reference = `@inproceedings{heusel2017gans,
  title     = {{GANs} Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium},
  author    = {Heusel, Martin and Ramsauer, Hubert and Unterthiner, Thomas and Nessler, Bernhard and Hochreiter, Sepp},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {30},
  year      = {2017},
  eprint    = {1706.08500},
  archivePrefix = {arXiv}
}
@article{dowson1982frechet,
  title   = {The {Fr\\'echet} Distance between Multivariate Normal Distributions},
  author  = {Dowson, D. C. and Landau, B. V.},
  journal = {Journal of Multivariate Analysis},
  volume  = {12},
  number  = {3},
  pages   = {450--455},
  year    = {1982}
}
@inproceedings{chong2020effectively,
  title     = {Effectively Unbiased {FID} and {Inception} Score and Where to Find Them},
  author    = {Chong, Min Jin and Forsyth, David},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {6069--6078},
  year      = {2020},
  eprint    = {1911.07023},
  archivePrefix = {arXiv}
}`;

export const frechetOptions = z.strictObject({
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
  floor: z.boolean().default(true).describe('Measure the distance of real from real at the same n as well'),
  infinity: z.boolean().default(false).describe('Take away the bias of n: the intercept of FD(n) over 1/n, from n/8 to n'),
});
export type FrechetOptions = z.input<typeof frechetOptions> & {
  /** Statistics of the real features in place of real data: from `readReferenceStatistics`, or the exact ones of a known law. No floor. */
  readonly against?: ReferenceStatistics;
};

/** The Fréchet distance as a metric. The interval is a delete-group jackknife over the judged rows; the reference is held fixed. */
export const frechet = ({ against, ...options }: FrechetOptions = {}): Metric => {
  const settled = frechetOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'frechet',
    needs: 'features',
    reference,
    start: (context) => startFrechet({ ...settled, ...(against === undefined ? {} : { against }) }, context),
  });
};

const startFrechet = async (
  options: z.output<typeof frechetOptions> & Pick<FrechetOptions, 'against'>,
  context: MetricContext,
): Promise<GroupedAccumulator> => {
  const subject = 'frechet';
  const extractor = extractorOf(subject, context);
  const { dims } = extractor;
  const { statistics, range, floor } = await frechetReference(subject, options, context);
  const rows = groupedMoments(subject, dims, groupsFor(dims, options.infinity), statistics.mean);
  const watch = watchRange(subject, range);
  const distance = (from: FeatureStatistics, to: GroupedMoments): number =>
    options.infinity ? fdInfinity(from, to, context.seed).value : frechetDistance(from, to.fitted());

  let known: { readonly n: number; readonly values: readonly number[] } | undefined;
  const leftOut = (): readonly number[] | undefined => {
    const n = rows.rows();
    if (rows.groups < GROUPS || n <= dims + GROUPS || n < 4 * GROUPS) return undefined;
    if (known?.n !== n) {
      const all = Array.from({ length: GROUPS }, (_, g) => g);
      known = { n, values: all.map((g) => frechetDistance(statistics, rows.fitted(all.filter((other) => other !== g)))) };
    }
    return known.values;
  };

  return {
    leftOut: async () => leftOut(),
    add: async (judged) => {
      await readImages(watch, judged);
      const features = judged.features ?? (await extractor.features(judged.images));
      if (features.shape[1] !== dims) {
        throw tweedieError({
          subject,
          problem: 'these are features of another extractor',
          got: features.shape[1],
          expected: `${dims}, as ${extractor.id}`,
        });
      }
      const values = (await features.data()) as Float32Array;
      if (features !== judged.features) features.dispose();
      rows.add(values, judged.first);
    },
    state: () =>
      encodeSafetensors({
        tensors: { ...rows.state(), watch: { shape: [4], data: watch.sums() } },
        metadata: { kind: subject, extractor: extractor.id },
      }),
    merge: (state) => {
      const { tensors, metadata } = decodeSafetensors(state, `${subject} state`);
      const seen = tensors['watch'];
      if (metadata['kind'] !== subject || metadata['extractor'] !== extractor.id || seen === undefined) {
        throw tweedieError({
          subject,
          problem: 'this state is of another metric or extractor',
          got: metadata['extractor'] ?? 'no name',
          expected: extractor.id,
        });
      }
      rows.merge(tensors);
      watch.merge(seen.data);
    },
    result: async (): Promise<MetricResult> => {
      const n = rows.rows();
      if (n < 2) throw tweedieError({ subject, problem: 'too few rows were judged', got: n, expected: '2 or more' });
      const warnings = watch.warnings();
      if (n <= dims) warnings.push(`n = ${n} is not above the ${dims} features: the covariance is singular and the distance mostly bias`);
      if (statistics.n !== undefined && statistics.n <= dims) warnings.push(`the reference has ${statistics.n} rows for ${dims} features`);
      if (options.infinity && n < 4 * GROUPS)
        throw tweedieError({ subject, problem: 'too few rows to take the bias of n away', got: n, expected: `${4 * GROUPS} or more` });
      const far = options.infinity ? fdInfinity(statistics, rows, context.seed) : undefined;
      if (far !== undefined && far.least <= 2 * dims)
        warnings.push(`the smallest subset, of ${far.least} rows, is not well above the ${dims} features: FD(n) is no line in 1/n there`);
      const value = far?.value ?? frechetDistance(statistics, rows.fitted());
      const left = leftOut();
      const half = left === undefined ? undefined : Math.hypot(jackknifed({ value, leftOut: left }).half, 2 * (far?.error ?? 0));
      const real = floor(n, rows.groups, distance);
      return {
        name: distanceName(far === undefined ? 'FD' : 'FD∞', extractor),
        value,
        n,
        ...(half === undefined ? {} : { interval: [far === undefined ? Math.max(0, value - half) : value - half, value + half] as const }),
        ...(real === undefined ? {} : { floor: real }),
        details: {
          extractor: extractor.id,
          features: dims,
          reference: statistics.source,
          referenceRows: statistics.n ?? 'not said',
          seed: context.seed.toString(),
          ...(far === undefined ? {} : { smallestSubset: far.least, valueAtN: far.atN, extrapolationError: far.error }),
          ...warningDetail(warnings),
        },
      };
    },
  };
};
