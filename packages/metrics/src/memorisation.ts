import { tweedieError, type Dataset, type Extractor, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { meet, noNeighbours, type Neighbours } from './neighbours.ts';
import { meanRow, pointCloud, type PointCloud } from './point-cloud.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';
import { wilson } from './wilson.ts';

/**
 * How many images lie nearer to a training image than real images that the model has not seen do: the fraction whose distance to
 * the nearest training image is at most the q-quantile of those of m held-out images. Where nothing is memorised it is r/(m + 1) on
 * average, r = ⌊q(m + 1)⌋, whatever the law of the images; copies make it 1.
 *
 * The three-sample comparison of C. Meehan, K. Chaudhuri, S. Dasgupta: A Non-Parametric Test to Detect Data-Copying in Generative
 * Models (2004.05675), at one quantile in place of its rank test, so that few copies among many images show.
 */
const reference = `@inproceedings{meehan2020nonparametric,
  title     = {A Non-Parametric Test to Detect Data-Copying in Generative Models},
  author    = {Meehan, Casey and Chaudhuri, Kamalika and Dasgupta, Sanjoy},
  booktitle = {International Conference on Artificial Intelligence and Statistics},
  year      = {2020},
  eprint    = {2004.05675},
  archivePrefix = {arXiv}
}`;

export const memorisationOptions = z.strictObject({
  quantile: z.number().gt(0).lt(1).default(0.01).describe('Of the distances of held-out images: what counts as too near'),
  space: z.enum(['data', 'features']).default('data').describe('Distances of the images themselves, or of features of the extractor'),
  referenceRows: z.int().min(2).default(2000).describe('Held-out rows, chosen by the seed (all, if there are fewer)'),
});
export type MemorisationOptions = z.input<typeof memorisationOptions>;

/** The nearest-neighbour check: `reference` of the context is held out, `training` is what the model was trained on. The interval is Wilson's at 95 %, the threshold held fixed. */
export const memorisation = (options: MemorisationOptions = {}): Metric => {
  const settled = memorisationOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'memorisation',
    needs: settled.space === 'data' ? 'images' : 'features',
    reference,
    start: (context) => startMemorisation(settled, context),
  });
};

const startMemorisation = async (options: z.output<typeof memorisationOptions>, context: MetricContext): ReturnType<Metric['start']> => {
  const extractor = options.space === 'features' ? extractorOf('memorisation', context) : undefined;
  const space = extractor?.id ?? 'data';
  const subject = `memorisation of ${space}`;
  const data = referenceOf(subject, context);
  const training = trainingOf(subject, context, data);
  const count = Math.min(options.referenceRows, data.size);
  const rank = Math.floor(options.quantile * (count + 1));
  if (rank < 1) {
    throw tweedieError({
      subject,
      problem: `no held-out distance is the quantile ${options.quantile}`,
      got: `${count} held-out rows`,
      expected: `${Math.ceil(1 / options.quantile) - 1} or more`,
    });
  }
  const { width, values: real } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const centre = meanRow(real, width);
  const parts = await trainingParts(subject, training, centre, extractor);
  const nearest = async (what: string, values: Float32Array): Promise<Neighbours> => {
    const cloud = pointCloud(subject, what, values, centre);
    const found = noNeighbours(cloud.n, 1);
    for (let first = 0; first < training.size; first += PART) await meet(subject, found, cloud, parts(first), first);
    return found;
  };
  const held = (await nearest('the held-out rows', real)).squared.sort();
  const threshold = held[rank - 1]!;
  const rows = collectRows(subject, width, data.range);

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    result: async () => {
      const { n, indices, values } = rows.sorted(1);
      const { squared, index } = await nearest('the judged rows', values);
      const near = squared.reduce((sum, each) => sum + (each <= threshold ? 1 : 0), 0);
      const closest = squared.reduce((best, each, row) => (each < squared[best]! ? row : best), 0);
      const warnings = rows.watch.warnings();
      const below = held.filter((each) => each <= threshold).length;
      if (below > rank) warnings.push(`${below} held-out rows, not ${rank}, lie within the threshold: rows are equally near`);
      return {
        name: `memorised-${space}`,
        value: near / n,
        n,
        interval: wilson(near, n),
        floor: below / (count + 1),
        details: {
          quantile: options.quantile,
          threshold: Math.sqrt(threshold),
          copies: squared.reduce((sum, each) => sum + (each === 0 ? 1 : 0), 0),
          closest: `image ${indices[closest]} to training row ${index[closest]}`,
          closestDistance: Math.sqrt(squared[closest]!),
          medianDistance: Math.sqrt(median(squared.slice().sort())),
          heldOutMedianDistance: Math.sqrt(median(held)),
          space,
          training: training.id,
          trainingRows: training.size,
          reference: data.id,
          referenceRows: count,
          seed: context.seed.toString(),
          ...warningDetail(warnings),
        },
      };
    },
  };
};

const trainingOf = (subject: string, { training }: MetricContext, heldOut: Dataset): Dataset => {
  if (training === undefined) {
    throw tweedieError({
      subject,
      problem: 'there are no training data to look for copies of',
      expected: 'the data set that the model was trained on',
      remedy: 'give it as `training` of the context',
    });
  }
  if (training.id === heldOut.id)
    throw tweedieError({
      subject,
      problem: 'the held-out data are the training data',
      got: training.id,
      expected: 'a split that the model has not seen',
    });
  if (training.shape.join() !== heldOut.shape.join())
    throw tweedieError({
      subject,
      problem: 'training and held-out data differ in shape',
      got: [...training.shape],
      expected: `[${heldOut.shape.join(', ')}]`,
    });
  return training;
};

/** Training rows at a time. */
const PART = 4096;

/** The training rows from `first` on, `PART` of them: read anew where they are the data themselves, kept where they are features. */
const trainingParts = async (
  subject: string,
  training: Dataset,
  centre: Float64Array,
  extractor: Extractor | undefined,
): Promise<(first: number) => PointCloud> => {
  const some = (first: number, rows: number): Int32Array =>
    Int32Array.from({ length: Math.min(rows, training.size - first) }, (_, i) => first + i);
  const width = centre.length;
  const features = extractor && (await readReference(training, some(0, training.size), extractor)).values;
  return (first) =>
    pointCloud(
      subject,
      'the training rows',
      features?.subarray(first * width, (first + PART) * width) ?? training.rows(some(first, PART)).images,
      centre,
    );
};

const median = (sorted: Float64Array): number => sorted[sorted.length >> 1]!;
