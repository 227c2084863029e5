import type { Dataset } from '@tweedie/core';
import { cifar10, mnist } from '@tweedie/data';
import { describe, expect, it } from 'vitest';
import { imageStatistics } from '../src/image-statistics.ts';
import { addRows } from './data.ts';

/** The statistics of real data, as `details` of a judgement has them. */
const statisticsOf = async (data: Dataset, options: Parameters<typeof imageStatistics>[0] = {}) => {
  const accumulator = await imageStatistics(options).start({ reference: data, seed: 1n });
  await addRows(accumulator, data.rows(Array.from({ length: 100 }, (_, i) => i)).images, data.shape);
  return (await accumulator.result()).details as Readonly<Record<string, number>>;
};

const first = (data: Dataset, size: number): Dataset => ({ ...data, id: `${data.id}[0:${size}]`, size });

/**
 * Two sources each: what was published about the data (objectives and data briefs: to its printed digits), and NumPy 2.4 in float64 on
 * all images (np.hanning, fft2, polyfit, corrcoef, cov, eigvalsh).
 */
describe('the training splits have the statistics that were published', () => {
  it('MNIST: slope −3.09, kurtosis 9.7, correlation .810 of the first 20 000; all', async () => {
    const train = await mnist({ split: 'train', fetch: true });
    const some = await statisticsOf(first(train, 20_000));
    expect(some['realSlope']).toBeCloseTo(-3.09, 2);
    expect(some['realKurtosis']).toBeCloseTo(9.7, 1);
    expect(some['realCorrelation']).toBeCloseTo(0.81, 3);
    const all = await statisticsOf(train);
    expect(all['realSlope']).toBeCloseTo(-3.0773401295, 7);
    expect(all['realKurtosis']).toBeCloseTo(9.6352385134, 6);
    expect(all['realCorrelation']).toBeCloseTo(0.8075727281, 8);
    expect(all['realMean']).toBeCloseTo(0.13066, 5);
    expect(all['realDeviation']).toBeCloseTo(0.30811, 5);
  }, 600_000);

  it('CIFAR-10: slope −3.16, kurtosis 6.6, correlation .929', async () => {
    const all = await statisticsOf(await cifar10({ split: 'train', fetch: true }));
    expect(all['realSlope']).toBeCloseTo(-3.1586499435, 7);
    expect(all['realKurtosis']).toBeCloseTo(6.5842243773, 6);
    expect(all['realCorrelation']).toBeCloseTo(0.9289764494, 8);
    expect(all['realMean']).toBeCloseTo(0.473363, 5);
    expect(all['realDeviation']).toBeCloseTo(0.2515689, 6);
  }, 600_000);
});

/** Covariances of all images, 784 × 784 and 3072 × 3072: minutes, for which CI has better uses. By hand. */
describe.skipIf(process.env['CI'] === 'true')('their principal components are those that were published', () => {
  it.each([
    ['MNIST', mnist, 52.725914, [87, 154, 331]],
    ['CIFAR-10', cifar10, 190.404881, [99, 217, 658]],
  ] as const)(
    '%s',
    async (_, data, variance, components) => {
      const all = await statisticsOf(await data({ split: 'train', fetch: true }), { components: true });
      expect(all['realTotalVariance']).toBeCloseTo(variance, 4);
      expect([all['realComponents90'], all['realComponents95'], all['realComponents99']]).toEqual(components);
    },
    3_600_000,
  );
});
