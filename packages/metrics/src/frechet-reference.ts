import { tweedieError, type MetricContext } from '@tweedie/core';
import type { FeatureStatistics } from './frechet-distance.ts';
import { groupedMoments, type GroupedMoments } from './grouped-moments.ts';
import { fittedReference, type ReferenceStatistics } from './reference-statistics.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';

/** Real features kept for the floor, in numbers. */
const FLOOR_NUMBERS = 2 ** 25;

/** The real side of a Fréchet distance. */
export interface FrechetReference {
  readonly statistics: ReferenceStatistics;
  readonly range?: readonly [number, number];
  /** The distance of n real rows, in so many groups, from the others; undefined where there are too few, or none are kept. */
  floor(n: number, groups: number, distance: (from: FeatureStatistics, to: GroupedMoments) => number): number | undefined;
}

/** Given statistics, or those of a context's real data. @throws where statistics are of another extractor, and where there are no data. */
export const frechetReference = async (
  subject: string,
  options: { readonly against?: ReferenceStatistics; readonly referenceRows?: number | undefined; readonly floor: boolean },
  context: MetricContext,
): Promise<FrechetReference> => {
  const extractor = extractorOf(subject, context);
  const { dims } = extractor;
  const { against } = options;
  if (against !== undefined) {
    if (against.mean.length !== dims || (against.extractor !== undefined && against.extractor !== extractor.id))
      throw tweedieError({
        subject,
        problem: 'the statistics are of another extractor',
        got: `${against.extractor ?? 'one without a name'}, ${against.mean.length} features, from ${against.source}`,
        expected: `${extractor.id}, ${dims} features`,
        remedy: 'take statistics that were made with the extractor that judges',
      });
    const range = context.reference?.range;
    return { statistics: against, ...(range === undefined ? {} : { range }), floor: () => undefined };
  }
  const data = referenceOf(subject, context);
  const count = Math.min(options.referenceRows ?? data.size, data.size);
  const chosen = chooseRows(data.size, count, context.seed);
  const read = async (): Promise<Float32Array> => (await readReference(data, chosen, extractor, context.cache)).values;
  const real = options.floor && count * dims <= FLOOR_NUMBERS ? await read() : undefined;
  const statistics = await fittedReference(data, extractor, chosen, context.cache, async () => real ?? read());
  return {
    statistics,
    ...(data.range === undefined ? {} : { range: data.range }),
    floor: (n, groups, distance) => {
      if (real === undefined || n > count / 2) return undefined;
      const part = (from: number, to: number): GroupedMoments => {
        const collected = groupedMoments(subject, dims, groups, statistics.mean);
        collected.add(real.subarray(from * dims, to * dims), 0);
        return collected;
      };
      return distance(part(n, count).fitted(), part(0, n));
    },
  };
};
