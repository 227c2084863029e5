import { moments, traceSqrtProduct, type Moments } from '@tweedie/analytic';
import { decodeSafetensors, encodeSafetensors, tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { readImages } from './collected-rows.ts';
import { distanceName } from './distance-name.ts';
import { GROUPS, jackknifed, type GroupedAccumulator } from './jackknife.ts';
import { warningDetail, watchRange } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';

/**
 * The Fréchet distance between Gaussians fitted to features of real and of judged images:
 *
 *     ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½
 *
 * D. C. Dowson, B. V. Landau (1982), eq. 4, on the features of M. Heusel et al. (1706.08500), eq. 6: only with the Inception graph of
 * 2015-12-05 is it an FID, so it is never called one here, but `FD-` and the extractor's id. Covariances have n − 1 in the
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
}`;

export const frechetOptions = z.strictObject({
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
  floor: z.boolean().default(true).describe('Measure the distance of real from real at the same n as well'),
});
export type FrechetOptions = z.input<typeof frechetOptions>;

/** Above, the interval is not worth its eigenvalue problems. */
const INTERVAL_DIMS = 128;
/** Real features kept for the floor, in numbers. */
const FLOOR_NUMBERS = 2 ** 25;

interface Fitted {
  readonly n: number;
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

/**
 * ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), float64, never below 0.
 *
 * A covariance that is rounding beside the rest (trace ≤ 10⁻¹³ of the sum: constant images) counts as 0, for rounding has no root.
 */
export const frechetDistance = (a: Omit<Fitted, 'n'>, b: Omit<Fitted, 'n'>): number => {
  const d = a.mean.length;
  const trace = ({ covariance }: Omit<Fitted, 'n'>): number => {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += covariance[i * d + i]!;
    return sum;
  };
  const apart = a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]!) ** 2, 0);
  const total = apart + trace(a) + trace(b);
  const root = Math.min(trace(a), trace(b)) <= 1e-13 * total ? 0 : traceSqrtProduct(a.covariance, b.covariance);
  return Math.max(0, total - 2 * root);
};

/** The Fréchet distance as a metric. The interval is a delete-group jackknife over the judged rows; the reference is held fixed. */
export const frechet = (options: FrechetOptions = {}): Metric => {
  const settled = frechetOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'frechet',
    needs: 'features',
    reference,
    start: (context) => startFrechet(settled, context),
  });
};

const startFrechet: (options: z.output<typeof frechetOptions>, context: MetricContext) => Promise<GroupedAccumulator> = async (
  options,
  context,
) => {
  const subject = 'frechet';
  const extractor = extractorOf(subject, context);
  const data = referenceOf(subject, context);
  const { dims } = extractor;
  const count = Math.min(options.referenceRows ?? data.size, data.size);
  const { values: real } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const fit = (from: number, to: number): Fitted => {
    const collected = moments(dims);
    collected.add(real.subarray(from * dims, to * dims));
    return collected.result();
  };
  const whole = fit(0, count);
  const kept = options.floor && real.length <= FLOOR_NUMBERS;
  const groups = Array.from({ length: GROUPS }, () => moments(dims, whole.mean));
  const watch = watchRange(subject, data.range);

  const merged = (parts: readonly Moments[]): Fitted => {
    const all = moments(dims, whole.mean);
    parts.forEach((part) => all.merge(part.sums()));
    return all.result();
  };

  const judged = (): number => groups.reduce((total, group) => total + group.sums().n, 0);
  let known: { readonly n: number; readonly values: readonly number[] } | undefined;
  const leftOut = (): readonly number[] | undefined => {
    const n = judged();
    if (dims > INTERVAL_DIMS || n <= dims + GROUPS || n < 4 * GROUPS) return undefined;
    if (known?.n !== n)
      known = { n, values: groups.map((_, g) => frechetDistance(whole, merged(groups.filter((__, other) => other !== g)))) };
    return known.values;
  };

  return {
    leftOut: async () => leftOut(),
    add: async (rows) => {
      await readImages(watch, rows);
      const features = rows.features ?? (await extractor.features(rows.images));
      if (features.shape[1] !== dims) {
        throw tweedieError({
          subject,
          problem: 'these are features of another extractor',
          got: features.shape[1],
          expected: `${dims}, as ${extractor.id}`,
        });
      }
      const values = await features.data();
      if (features !== rows.features) features.dispose();
      for (let row = 0; row * dims < values.length; row++) {
        groups[(rows.first + row) % GROUPS]!.add(values.subarray(row * dims, (row + 1) * dims));
      }
    },
    state: () => {
      const sums = groups.map((group) => group.sums());
      const join = (part: 'shift' | 'first' | 'second'): Float64Array => Float64Array.from(sums.flatMap((s) => [...s[part]]));
      return encodeSafetensors({
        tensors: {
          n: { shape: [GROUPS], data: Float64Array.from(sums, ({ n }) => n) },
          shift: { shape: [GROUPS, dims], data: join('shift') },
          first: { shape: [GROUPS, dims], data: join('first') },
          second: { shape: [GROUPS, dims, dims], data: join('second') },
          watch: { shape: [4], data: watch.sums() },
        },
        metadata: { kind: subject, extractor: extractor.id },
      });
    },
    merge: (state) => {
      const { tensors, metadata } = decodeSafetensors(state, `${subject} state`);
      const { n, shift, first, second, watch: seen } = tensors;
      if (metadata['extractor'] !== extractor.id || !n || !shift || !first || !second || !seen) {
        throw tweedieError({
          subject,
          problem: 'this state is of another metric or extractor',
          got: metadata['extractor'] ?? 'no name',
          expected: extractor.id,
        });
      }
      const part = (from: typeof first, g: number, width: number): Float64Array =>
        Float64Array.from((from.data as Float64Array).subarray(g * width, (g + 1) * width));
      groups.forEach((group, g) =>
        group.merge({ n: n.data[g]!, shift: part(shift, g, dims), first: part(first, g, dims), second: part(second, g, dims * dims) }),
      );
      watch.merge(seen.data);
    },
    result: async () => {
      const n = judged();
      if (n < 2) throw tweedieError({ subject, problem: 'too few rows were judged', got: n, expected: '2 or more' });
      const fitted = merged(groups);
      const value = frechetDistance(whole, fitted);
      const warnings = watch.warnings();
      if (n <= dims) warnings.push(`n = ${n} is not above the ${dims} features: the covariance is singular and the distance mostly bias`);
      if (count <= dims) warnings.push(`the reference has ${count} rows for ${dims} features`);
      const left = leftOut();
      const half = left === undefined ? undefined : jackknifed({ value, leftOut: left }).half;
      const floor = kept && n <= count / 2 ? frechetDistance(fit(0, n), fit(n, count)) : undefined;
      return {
        name: distanceName('FD', extractor),
        value,
        n,
        ...(half === undefined ? {} : { interval: [Math.max(0, value - half), value + half] as const }),
        ...(floor === undefined ? {} : { floor }),
        details: {
          extractor: extractor.id,
          features: dims,
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(warnings),
        },
      };
    },
  };
};
