import { tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectFeatures, collectRows } from './collected-rows.ts';
import { eachInside, squaredRadii } from './neighbours.ts';
import { meanRow, pointCloud, type PointCloud } from './point-cloud.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows, extractorOf, readReference, referenceOf } from './reference.ts';
import { wilson } from './wilson.ts';

/**
 * Improved precision and recall: the support of a law is estimated by balls about its samples, each as large as the distance to the
 * sample's k-th nearest other. Precision is the fraction of judged images in a ball of a real one, recall the fraction of real
 * images in a ball of a judged one.
 *
 * T. Kynkäänniemi et al. (1904.06991), eqs. 1 and 2; balls are closed. Every comparison is that of distances in float64: the
 * engine's float32 decides those alone that its rounding cannot turn.
 */
const reference = `@inproceedings{kynkaanniemi2019improved,
  title     = {Improved Precision and Recall Metric for Assessing Generative Models},
  author    = {Kynk{\\"a}{\\"a}nniemi, Tuomas and Karras, Tero and Laine, Samuli and Lehtinen, Jaakko and Aila, Timo},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {32},
  year      = {2019},
  eprint    = {1904.06991},
  archivePrefix = {arXiv}
}`;

export const precisionRecallOptions = z.strictObject({
  k: z.int().min(1).default(3).describe('A ball reaches to the k-th nearest other row'),
  referenceRows: z.int().min(2).optional().describe('Real rows to compare with, chosen by the seed; without it all'),
  floor: z.boolean().default(true).describe('Measure real rows against others at the same n as well'),
});
export type PrecisionRecallOptions = z.input<typeof precisionRecallOptions>;

/**
 * The harmonic mean of precision and recall, which is 0 where either is; both are in the details, with Wilson's 95 % interval of
 * precision, the reference held fixed. Recall depends on the balls of all judged images, and has none.
 */
export const precisionRecall = (options: PrecisionRecallOptions = {}): Metric => {
  const settled = precisionRecallOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'precision-recall',
    needs: 'features',
    reference,
    start: (context) => startPrecisionRecall(settled, context),
  });
};

const startPrecisionRecall = async (
  { k, ...options }: z.output<typeof precisionRecallOptions>,
  context: MetricContext,
): ReturnType<Metric['start']> => {
  const extractor = extractorOf('precision-recall', context);
  const subject = `precision-recall of ${extractor.id}`;
  const data = referenceOf(subject, context);
  const { dims } = extractor;
  const count = Math.min(options.referenceRows ?? data.size, data.size);
  checkNeighbours(subject, count, k);
  const { values } = await readReference(data, chooseRows(data.size, count, context.seed), extractor);
  const centre = meanRow(values, dims);
  const real = pointCloud(subject, 'the real rows', values, centre);
  const rows = collectRows(subject, dims, data.range);
  const part = (from: number, to: number): PointCloud =>
    pointCloud(subject, 'the real rows', values.subarray(from * dims, to * dims), centre);

  return {
    add: (judged) => collectFeatures(rows, judged, extractor),
    state: rows.state,
    merge: rows.merge,
    result: async () => {
      const { n, values: features } = rows.sorted(k + 1);
      const { precision, recall } = await supports(subject, real, pointCloud(subject, 'the judged rows', features, centre), k);
      const comparable = options.floor && n <= count / 2 && count - n > k;
      const floor = comparable ? harmonic(await supports(subject, part(n, count), part(0, n), k)) : undefined;
      const [precisionLow, precisionHigh] = wilson(Math.round(precision * n), n);
      const warnings = rows.watch.warnings();
      if (Math.max(n, count) > 2 * Math.min(n, count))
        warnings.push(`${n} images against ${count} real rows: both fractions depend on both numbers, take about as many`);
      return {
        name: `PR-${extractor.id}`,
        value: harmonic({ precision, recall }),
        n,
        ...(floor === undefined ? {} : { floor }),
        details: {
          precision,
          precisionLow,
          precisionHigh,
          recall,
          k,
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

/** @throws where there are not enough real rows for a k-th nearest other. */
export const checkNeighbours = (subject: string, rows: number, k: number): void => {
  if (rows > k) return;
  throw tweedieError({ subject, problem: 'there are too few real rows', got: rows, expected: `more than k = ${k}` });
};

interface Supports {
  readonly precision: number;
  readonly recall: number;
}

const harmonic = ({ precision: p, recall: r }: Supports): number => (p + r === 0 ? 0 : (2 * p * r) / (p + r));

const supports = async (subject: string, real: PointCloud, judged: PointCloud, k: number): Promise<Supports> => {
  const fraction = async (of: PointCloud, inBallsOf: PointCloud): Promise<number> => {
    const inside = new Uint8Array(of.n);
    await eachInside(subject, of, inBallsOf, await squaredRadii(subject, inBallsOf, k), (row) => (inside[row] = 1));
    return inside.reduce((sum, each) => sum + each, 0) / of.n;
  };
  return { precision: await fraction(judged, real), recall: await fraction(real, judged) };
};
