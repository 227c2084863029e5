import { tweedieError, type Metric } from '@tweedie/core';
import type { ReferenceStatistics } from '@tweedie/metrics';
import type { Made } from '../experiment/methods.ts';

/** A metric held against the mean and covariance of real features in place of real data: only the Fréchet distance needs no more. */
export const againstStatistics = async (
  { it, config: { use: _, ...options }, packageName }: Made<'metric'>,
  against: ReferenceStatistics,
): Promise<Metric> => {
  if (packageName === METRICS_PACKAGE && it.name === 'frechet') return (await import('@tweedie/metrics')).frechet({ ...options, against });
  throw tweedieError({
    subject: `metric ${it.name}`,
    problem: 'statistics of features say too little of real data',
    got: against.source,
    expected: 'real data, for every metric but frechet',
    remedy: 'give --against data by name, a folder or a .npz of images',
  });
};

/** Whether a metric may look at what the model was trained on: one of ours does, and a stranger's may. */
export const looksAtTraining = ({ it, packageName }: Made<'metric'>): boolean =>
  packageName !== METRICS_PACKAGE || it.name === 'memorisation';

const METRICS_PACKAGE = '@tweedie/metrics';
