import { decodeSafetensors, encodeSafetensors, tweedieError, type Metric, type MetricContext } from '@tweedie/core';
import { z } from 'zod';
import { readImages } from './collected-rows.ts';
import { warningDetail, watchRange } from './range-watch.ts';
import { wilson } from './wilson.ts';

/**
 * How many images are what was asked for: a classifier is confident of one class (its probability exceeds the threshold), and it is
 * the class of the label.
 *
 * The accuracy of a classifier on conditional samples, as S. Ravuri, O. Vinyals: Classification Accuracy Score (1905.10887) turned
 * round: trained on real images, judging generated ones, and counting only what it is sure of.
 */
const reference = `@inproceedings{ravuri2019classification,
  title     = {Classification Accuracy Score for Conditional Generative Models},
  author    = {Ravuri, Suman and Vinyals, Oriol},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {32},
  year      = {2019},
  eprint    = {1905.10887},
  archivePrefix = {arXiv}
}`;

export const classMatchOptions = z.strictObject({
  threshold: z.number().min(0).max(1).default(0.9).describe('Least probability at which the classifier counts as confident'),
});
export type ClassMatchOptions = z.input<typeof classMatchOptions>;

/**
 * The fraction of labelled images of which the classifier is confident, and right; `confident`, whatever the label, is in the
 * details. The interval is Wilson's at 95 %. A negative label (unconditional) counts for `confident` alone.
 */
export const classMatch = (options: ClassMatchOptions = {}): Metric => {
  const { threshold } = classMatchOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'class-match',
    needs: 'labels',
    reference,
    start: (context) => Promise.resolve(startClassMatch(threshold, context)),
  });
};

const startClassMatch = (threshold: number, { extractor, reference: data }: MetricContext): Awaited<ReturnType<Metric['start']>> => {
  const subject = 'class-match';
  if (extractor?.logits === undefined) {
    throw tweedieError({
      subject,
      problem: 'there is no classifier',
      got: extractor?.id ?? 'no extractor',
      expected: 'an extractor with logits',
      remedy: 'for MNIST use mnistnet, for CIFAR-10 cifarnet',
    });
  }
  const { logits: classify } = extractor;
  const watch = watchRange(subject, data?.range);
  // n, confident, asked, matched
  const counts = new Float64Array(4);
  return {
    add: async (rows) => {
      await readImages(watch, rows);
      const { labels } = rows;
      if (labels === undefined) {
        throw tweedieError({
          subject,
          problem: 'the images have no labels',
          expected: 'the class that each was asked to be',
          remedy: 'draw from a class-conditional model',
        });
      }
      const logits = rows.logits ?? (await classify(rows.images));
      const [n, classes] = logits.shape;
      const values = await logits.data();
      if (logits !== rows.logits) logits.dispose();
      for (let row = 0; row < n; row++) {
        const { best, probability } = surest(subject, values.subarray(row * classes, (row + 1) * classes), rows.first + row);
        const sure = probability > threshold;
        counts[0]!++;
        if (sure) counts[1]!++;
        if (labels[row]! >= 0) {
          counts[2]!++;
          if (sure && best === labels[row]) counts[3]!++;
        }
      }
    },
    state: () =>
      encodeSafetensors({
        tensors: { counts: { shape: [4], data: counts }, watch: { shape: [4], data: watch.sums() } },
        metadata: { kind: subject, extractor: extractor.id, threshold: `${threshold}` },
      }),
    merge: (state) => {
      const { tensors, metadata } = decodeSafetensors(state, `${subject} state`);
      const { counts: more, watch: seen } = tensors;
      if (metadata['extractor'] !== extractor.id || metadata['threshold'] !== `${threshold}` || !more || !seen) {
        throw tweedieError({
          subject,
          problem: 'this state is of another metric, classifier or threshold',
          got: metadata['extractor'] ?? 'no name',
          expected: `${extractor.id} at ${threshold}`,
        });
      }
      for (let i = 0; i < 4; i++) counts[i]! += more.data[i]!;
      watch.merge(seen.data);
    },
    result: () => {
      const [n, confident, asked, matched] = counts as unknown as [number, number, number, number];
      if (asked === 0)
        return Promise.reject(
          tweedieError({ subject, problem: 'no image was asked to be of a class', got: `${n} images`, expected: 'labels ≥ 0' }),
        );
      return Promise.resolve({
        name: `match-${extractor.id}`,
        value: matched / asked,
        n,
        interval: wilson(matched, asked),
        details: { confident: confident / n, asked, threshold, extractor: extractor.id, ...warningDetail(watch.warnings()) },
      });
    },
  };
};

/** The most probable class and its softmax probability, in float64. */
const surest = (subject: string, logits: ArrayLike<number>, image: number): { best: number; probability: number } => {
  let best = 0;
  for (let k = 0; k < logits.length; k++) {
    if (!Number.isFinite(logits[k]!)) throw tweedieError({ subject, problem: `a logit of image ${image} is not finite`, got: logits[k] });
    if (logits[k]! > logits[best]!) best = k;
  }
  let sum = 0;
  for (let k = 0; k < logits.length; k++) sum += Math.exp(logits[k]! - logits[best]!);
  return { best, probability: 1 / sum };
};
