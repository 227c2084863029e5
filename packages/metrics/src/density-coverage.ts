import type { Metric, MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { GROUPS, jackknifed, type GroupedAccumulator } from './jackknife.ts';
import { eachInside, squaredRadii } from './neighbours.ts';
import { meanRow, pointCloud } from './point-cloud.ts';
import { checkNeighbours } from './precision-recall.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';

/**
 * Density and coverage, with balls about N real samples alone, each as large as the distance to the sample's k-th nearest other.
 * Density is the number of balls that a judged image lies in over k, on average; coverage the fraction of balls that hold one of the
 * M judged images. One real outlier with its large ball moves neither by much.
 *
 * M. F. Naeem et al. (2002.09797), §3. For equal laws, whichever they are, E[density] = 1 and
 * E[coverage] = 1 − ∏_{i=1}^{k} (N − i)/(N + M − i). Every comparison is that of distances in float64.
 */
const reference = `@inproceedings{naeem2020reliable,
  title     = {Reliable Fidelity and Diversity Metrics for Generative Models},
  author    = {Naeem, Muhammad Ferjad and Oh, Seong Joon and Uh, Youngjung and Choi, Yunjey and Yoo, Jaejun},
  booktitle = {International Conference on Machine Learning},
  year      = {2020},
  eprint    = {2002.09797},
  archivePrefix = {arXiv}
}`;

export const densityCoverageOptions = z.strictObject({
  k: z.int().min(1).default(5).describe('A ball reaches to the k-th nearest other real row'),
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
});
export type DensityCoverageOptions = z.input<typeof densityCoverageOptions>;

/**
 * The coverage, with the density in the details; `floor` is the coverage that equal laws have on average at these numbers of rows.
 * The interval is a delete-group jackknife over the judged rows; the reference is held fixed.
 */
export const densityCoverage = (options: DensityCoverageOptions = {}): Metric => {
  const settled = densityCoverageOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'density-coverage',
    needs: 'features',
    reference,
    start: (context) => startDensityCoverage(settled, context),
  });
};

/** E[coverage] where both laws are equal: that among the N − 1 + M points about a real one, the k nearest are not all real. */
export const coverageOfEqualLaws = (real: number, judged: number, k: number): number => {
  let none = 1;
  for (let i = 1; i <= k; i++) none *= (real - i) / (real + judged - i);
  return 1 - none;
};

const startDensityCoverage = async (
  { k, referenceRows }: z.output<typeof densityCoverageOptions>,
  context: MetricContext,
): Promise<GroupedAccumulator> => {
  const extractor = extractorOf('density-coverage', context);
  const subject = `density-coverage of ${extractor.id}`;
  const data = referenceOf(subject, context);
  const { dims } = extractor;
  const count = Math.min(referenceRows ?? data.size, data.size);
  checkNeighbours(subject, count, k);
  const { values } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const centre = meanRow(values, dims);
  const real = pointCloud(subject, 'the real rows', values, centre);
  const radii = await squaredRadii(subject, real, k);
  const rows = collectRows(subject, dims, data.range);

  const measure = async (): Promise<{ density: number; coverage: number; leftOut: readonly number[] }> => {
    const { n, indices, values: features } = rows.sorted(1);
    // Judged rows in each ball, and those of each group.
    const all = new Uint32Array(count);
    const grouped = new Uint32Array(count * GROUPS);
    let pairs = 0;
    await eachInside(subject, pointCloud(subject, 'the judged rows', features, centre), real, radii, (row, ball) => {
      pairs++;
      all[ball]!++;
      grouped[ball * GROUPS + (indices[row]! % GROUPS)]!++;
    });
    const covered = (isCovered: (held: number, ball: number) => boolean): number =>
      all.reduce((sum, held, ball) => sum + (isCovered(held, ball) ? 1 : 0), 0) / count;
    return {
      density: pairs / (k * n),
      coverage: covered((held) => held > 0),
      leftOut: Array.from({ length: GROUPS }, (_, g) => covered((held, ball) => held > grouped[ball * GROUPS + g]!)),
    };
  };
  let known: { readonly n: number; readonly measured: ReturnType<typeof measure> } | undefined;
  const measured = async (): Promise<Awaited<ReturnType<typeof measure>> & { readonly n: number }> => {
    const { n } = rows.sorted(1);
    if (known?.n !== n) known = { n, measured: measure() };
    return { ...(await known.measured), n };
  };

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    leftOut: async () => {
      const { n, leftOut } = await measured();
      return n < 4 * GROUPS ? undefined : leftOut;
    },
    result: async () => {
      const { n, density, coverage: value, leftOut } = await measured();
      const half = n < 4 * GROUPS ? undefined : jackknifed({ value, leftOut }).half;
      return {
        name: `DC-${extractor.id}`,
        value,
        n,
        ...(half === undefined ? {} : { interval: [Math.max(0, value - half), Math.min(1, value + half)] as const }),
        floor: coverageOfEqualLaws(count, n, k),
        details: {
          coverage: value,
          density,
          k,
          extractor: extractor.id,
          features: dims,
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(rows.watch.warnings()),
        },
      };
    },
  };
};
