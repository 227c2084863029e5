/** Images first … first + count − 1. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/**
 * Deals images out in equal batches of at most `batchSize`: as many as the workers can share evenly. None has a single image, where
 * that can be avoided: engines multiply one matrix by another kernel than several, which rounds differently.
 */
export const rangesOf = ({
  count,
  first = 0,
  batchSize,
  workers,
}: {
  readonly count: number;
  readonly first?: number;
  readonly batchSize: number;
  readonly workers: number;
}): readonly Range[] => {
  const needed = Math.ceil(count / batchSize);
  const shared = workers * Math.ceil(needed / workers);
  const batches = Math.max(needed, Math.min(shared, Math.floor(count / 2)));
  const start = (i: number): number => Math.floor((i * count) / batches);
  return Array.from({ length: batches }, (_, i) => ({ first: first + start(i), count: start(i + 1) - start(i) }));
};
