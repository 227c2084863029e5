/**
 * Does the Fréchet distance on cifarnet's features behave? Prints a table of distances between 2000 images of the CIFAR-10 test split
 * and 2000 others, clean and distorted, and their ratios to the clean one (the floor).
 *
 *     npx tsc --build packages/metrics/tsconfig.recipes.json && node packages/metrics/out-tsc/recipes/distances.js
 */
import { fileURLToPath } from 'node:url';
import { tensor } from '@tensorflow/tfjs-core';
import { moments } from '@tweedie/analytic';
import { createNoise, STREAM, type Dataset, type Extractor } from '@tweedie/core';
import { frechetDistance } from '@tweedie/metrics';
import { blended, blurred, noisy, shuffledBlocks, type Distort } from './distortions.ts';

export interface DistanceRow {
  readonly change: string;
  readonly distance: number;
  /** Distance over that of the unchanged images. */
  readonly ratio: number;
}

const same: Distort = (images) => images;
const CHANGES: Readonly<Record<string, Distort>> = {
  none: same,
  'noise σ = .02': noisy(0.02),
  'noise σ = .05': noisy(0.05),
  'noise σ = .1': noisy(0.1),
  'noise σ = .2': noisy(0.2),
  'blur σ = ½ pixel': blurred(0.5),
  'blur σ = 1 pixel': blurred(1),
  'blur σ = 2 pixels': blurred(2),
  '8 × 8 blocks shuffled': shuffledBlocks(8),
  'half the classes missing': same,
  'blends of two images': blended,
};

/** `n` images of a data set of squares (at least 4n), and `n` others with each change. */
export const distances = async (extractor: Extractor, dataset: Dataset, n = 2000): Promise<readonly DistanceRow[]> => {
  const { shape, size, classes } = dataset;
  const u = createNoise(0).hostUniform([1, size], { stream: STREAM.metric });
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => u[a]! - u[b]!);
  const others = order.slice(n);
  const { labels } = dataset.rows(others);
  const fit = async (values: Float32Array): Promise<Parameters<typeof frechetDistance>[0]> => {
    const collected = moments(extractor.dims);
    const width = values.length / n;
    for (let from = 0; from < n; from += 250) {
      const part = values.subarray(from * width, (from + 250) * width);
      const images = tensor(part, [part.length / width, ...shape]);
      const features = await extractor.features(images);
      collected.add((await features.data()) as Float32Array);
      [images, features].forEach((used) => used.dispose());
    }
    return collected.result();
  };
  const real = await fit(dataset.rows(order.slice(0, n)).images);
  const rows: DistanceRow[] = [];
  for (const [change, distort] of Object.entries(CHANGES)) {
    const from = change === 'half the classes missing' ? others.filter((_, i) => labels![i]! < classes / 2) : others;
    const images = distort(dataset.rows(from.slice(0, n)).images, shape[0]!, shape[2]!);
    const distance = frechetDistance(real, await fit(images));
    rows.push({ change, distance, ratio: distance / (rows[0]?.distance ?? distance) });
  }
  return rows;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { selectEngine } = await import('@tweedie/backend');
  const { cifar10 } = await import('@tweedie/data');
  const { loadCifarnet } = await import('@tweedie/metrics/node');
  await selectEngine({});
  const extractor = await loadCifarnet();
  process.stdout.write(`FD-${extractor.id}, n = 2000\n\n| change to the second set | distance | ratio |\n| --- | --- | --- |\n`);
  for (const { change, distance, ratio } of await distances(extractor, await cifar10({ split: 'test', fetch: true })))
    process.stdout.write(`| ${change} | ${distance.toPrecision(3)} | × ${ratio.toPrecision(3)} |\n`);
}
