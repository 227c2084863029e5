import { decodeSafetensors, tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { collectJudged, collectRows, type CollectedRows } from './collected-rows.ts';
import { GROUPS, jackknifed, type GroupedAccumulator } from './jackknife.ts';
import { warningDetail } from './range-watch.ts';
import { chooseRows } from './reference.ts';

/**
 * The Inception Score of a classifier p(y|x): how sure it is of each image, and how many classes it is sure of,
 *
 *     IS = exp( mean_x KL(p(y|x) ‖ p(y)) ),  p(y) = mean_x p(y|x),
 *
 * natural logarithms, from 1 to the number of classes. T. Salimans et al.: Improved Techniques for Training GANs (1606.03498), §4.
 * It looks at no real image. Biased: no split of n rows scores above n, so compare equal n and splits alone.
 */
const reference = `@inproceedings{salimans2016improved,
  title     = {Improved Techniques for Training {GANs}},
  author    = {Salimans, Tim and Goodfellow, Ian and Zaremba, Wojciech and Cheung, Vicki and Radford, Alec and Chen, Xi},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {29},
  year      = {2016},
  eprint    = {1606.03498},
  archivePrefix = {arXiv}
}`;

export const inceptionScoreOptions = z.strictObject({
  splits: z.int().min(1).default(1).describe('Equal parts, shuffled by the seed, whose scores are averaged; papers often take 10'),
});
export type InceptionScoreOptions = z.input<typeof inceptionScoreOptions>;

/** The Inception Score as a metric. Labels are not looked at. The interval is a delete-group jackknife over the judged rows. */
export const inceptionScore = (options: InceptionScoreOptions = {}): Metric => {
  const { splits } = inceptionScoreOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'inception-score',
    needs: 'labels',
    reference,
    start: (context) => Promise.resolve(startInceptionScore(splits, context)),
  });
};

const startInceptionScore = (splits: number, { extractor, reference: data, seed }: MetricContext): GroupedAccumulator => {
  if (extractor?.logits === undefined) {
    throw tweedieError({
      subject: 'inception-score',
      problem: 'there is no classifier',
      got: extractor?.id ?? 'no extractor',
      expected: 'an extractor with logits',
      remedy: 'for digits use mnistnet',
    });
  }
  const { id, logits: classify } = extractor;
  const subject = `inception-score of ${id}`;
  let rows: CollectedRows | undefined;
  /** The number of classes is known with the first logits. */
  const collected = (classes: number): CollectedRows => (rows ??= collectRows(subject, classes, data?.range));

  /** The score of each split, then without the rows of each group. */
  const scores = (): {
    readonly n: number;
    readonly classes: number;
    readonly whole: readonly number[];
    readonly without: readonly number[][];
  } => {
    const least = 2 * splits;
    if (rows === undefined) throw tweedieError({ subject, problem: 'too few rows were judged', got: 0, expected: `${least} or more` });
    const { n, indices, values } = rows.sorted(least);
    const classes = values.length / n;
    const order = splits === 1 ? indices.map((_, i) => i) : chooseRows(n, n, seed);
    const parts = Array.from({ length: splits }, (_, s) =>
      order.subarray(Math.floor((s * n) / splits), Math.floor(((s + 1) * n) / splits)),
    );
    const sums = parts.map((part) => entropySums(values, classes, part, (row) => indices[row]! % GROUPS));
    return {
      n,
      classes,
      whole: sums.map((groups) => score(groups)),
      without: Array.from({ length: GROUPS }, (_, g) => sums.map((groups) => score(groups.filter((__, other) => other !== g)))),
    };
  };
  const leftOut = ({ n, without }: ReturnType<typeof scores>): readonly number[] | undefined =>
    n < 4 * GROUPS * splits ? undefined : without.map(mean);

  return {
    add: async (judged) => {
      const logits = judged.logits ?? (await classify(judged.images));
      try {
        await collectJudged(collected(logits.shape[1]), judged, { given: logits, of: classify });
      } finally {
        if (logits !== judged.logits) logits.dispose();
      }
    },
    state: () => (rows ?? collectRows(subject, 0)).state(),
    merge: (state) => {
      const classes = decodeSafetensors(state, `${subject} state`).tensors['values']?.shape[1] ?? 1;
      if (classes === 0) collectRows(subject, 0).merge(state);
      else collected(classes).merge(state);
    },
    leftOut: () => Promise.resolve(leftOut(scores())),
    // eslint-disable-next-line @typescript-eslint/require-await -- what is wrong is a rejection
    result: async () => {
      const found = scores();
      const { n, classes, whole } = found;
      const value = mean(whole);
      const left = leftOut(found);
      const half = left === undefined ? undefined : jackknifed({ value, leftOut: left }).half;
      const warnings = rows!.watch.warnings();
      const least = Math.floor(n / splits);
      if (least <= 10 * classes) warnings.push(`${least} rows a split for ${classes} classes: the score is biased`);
      return {
        name: `IS-${id}`,
        value,
        n,
        ...(half === undefined ? {} : { interval: [value - half, value + half] as const }),
        details: {
          extractor: id,
          classes,
          splits,
          ...(splits === 1 ? {} : { splitDeviation: Math.sqrt(mean(whole.map((each) => (each - value) ** 2))), seed: seed.toString() }),
          ...warningDetail(warnings),
        },
      };
    },
  };
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sums over the rows of a group: their number, Σ_x Σ_y p(y|x) log p(y|x), and Σ_x p(y|x). */
interface Sums {
  n: number;
  negentropy: number;
  readonly marginal: Float64Array;
}

/** Of each group; log-softmax in float64. */
const entropySums = (logits: Float32Array, classes: number, rows: Int32Array, groupOf: (row: number) => number): readonly Sums[] => {
  const groups = Array.from({ length: GROUPS }, (): Sums => ({ n: 0, negentropy: 0, marginal: new Float64Array(classes) }));
  for (const row of rows) {
    const z = logits.subarray(row * classes, (row + 1) * classes);
    const top = z.reduce((most, each) => Math.max(most, each), -Infinity);
    let total = 0;
    for (const each of z) total += Math.exp(each - top);
    const log = Math.log(total);
    const group = groups[groupOf(row)]!;
    group.n++;
    for (let y = 0; y < classes; y++) {
      const logp = z[y]! - top - log;
      const p = Math.exp(logp);
      group.negentropy += p * logp;
      group.marginal[y]! += p;
    }
  }
  return groups;
};

/** exp( mean_x Σ_y p(y|x) log p(y|x) − Σ_y p(y) log p(y) ), with 0 log 0 = 0. */
const score = (groups: readonly Sums[]): number => {
  const n = groups.reduce((sum, group) => sum + group.n, 0);
  let exponent = groups.reduce((sum, group) => sum + group.negentropy, 0) / n;
  for (let y = 0; y < groups[0]!.marginal.length; y++) {
    const p = groups.reduce((sum, { marginal }) => sum + marginal[y]!, 0) / n;
    if (p > 0) exponent -= p * Math.log(p);
  }
  return Math.exp(exponent);
};
