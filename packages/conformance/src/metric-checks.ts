import { reshape, slice, tensor, tidy, type Rank, type Tensor2D } from '@tensorflow/tfjs-core';
import {
  createNoise,
  STREAM,
  type Accumulator,
  type Dataset,
  type Extractor,
  type Judged,
  type Metric,
  type MetricContext,
  type MetricResult,
} from '@tweedie/core';
import { expectAlive, expectNoLeak } from './leak.ts';
import { correlated } from './oracle.ts';
import { broken, expectIdentity, expectRefusal, type Check } from './verdict.ts';

export interface MetricSubject {
  /** A new metric at every call. */
  create(): Metric;
  /** What the metric is started with, over the default: 240 images as reference, the flattened image as features, its first three as logits, seed 7. */
  readonly context?: Partial<MetricContext>;
  /** Of an image, for metrics that need larger ones: independent normal values. Default [2, 2, 1], correlated. */
  readonly shape?: readonly number[];
  /** The value of the reference judged against itself. Default 0 to 1e-6; null where there is no such value. */
  readonly expected?: { readonly value: number; readonly tolerance?: number } | null;
}

const ROWS = 240;
const CLASSES = 3;
const shapeOf = ({ shape = correlated.shape }: MetricSubject): readonly number[] => shape;
const dimsOf = (subject: MetricSubject): number => shapeOf(subject).reduce((product, n) => product * n, 1);
const drawn = (subject: MetricSubject, seed: number): Float32Array =>
  subject.shape === undefined
    ? Float32Array.from(correlated.sample(createNoise(seed), ROWS))
    : Float32Array.from(createNoise(seed).hostNormal([ROWS, dimsOf(subject)], { stream: STREAM.data }), (v) => 0.3 * v);
const images = (subject: MetricSubject): Float32Array => drawn(subject, 31);
/** The class of an image is its largest of the first three values: what the default extractor's logits say. */
const classOf = (row: ArrayLike<number>): number => [0, 1, 2].reduce((best, k) => (row[k]! > row[best]! ? k : best), 0);

const reference = (subject: MetricSubject): Dataset => {
  const [all, D] = [images(subject), dimsOf(subject)];
  return {
    id: 'conformance',
    shape: shapeOf(subject),
    classes: CLASSES,
    size: ROWS,
    range: [-1, 1],
    rows: (indices) => {
      const rows = Array.from(indices, (i) => all.subarray(i * D, (i + 1) * D));
      return { images: Float32Array.from(rows.flatMap((row) => [...row])), labels: Int32Array.from(rows, classOf) };
    },
  };
};
const flattening = (dims: number): Extractor => ({
  id: 'flat-00000000',
  dims,
  features: (x) => reshape<Rank.R2>(x, [x.shape[0]!, dims]),
  logits: (x) => tidy(() => slice<Rank.R2, Tensor2D>(reshape<Rank.R2>(x, [x.shape[0]!, dims]), [0, 0], [-1, CLASSES])),
});
const contextOf = (subject: MetricSubject): MetricContext => ({
  reference: reference(subject),
  extractor: flattening(dimsOf(subject)),
  seed: 7n,
  ...subject.context,
});

/** Rows [from, to) of `data` as an accumulator is given them. */
const judged = async (
  subject: MetricSubject,
  data: Float32Array,
  from: number,
  to: number,
  shift = 0,
): Promise<{ rows: Judged; dispose(): void }> => {
  const { extractor } = contextOf(subject);
  const D = dimsOf(subject);
  const part = data.subarray(from * D, to * D);
  const x = tensor(part, [to - from, ...shapeOf(subject)]);
  const features = await extractor!.features(x);
  const logits = extractor!.logits && (await extractor!.logits(x));
  const labels = Int32Array.from({ length: to - from }, (_, i) => (classOf(part.subarray(i * D, (i + 1) * D)) + shift) % CLASSES);
  return {
    rows: { images: x, features, ...(logits ? { logits } : {}), labels, first: from },
    dispose: () => {
      x.dispose();
      features.dispose();
      logits?.dispose();
    },
  };
};
const feed = async (
  subject: MetricSubject,
  to: Accumulator,
  data: Float32Array,
  pieces: readonly (readonly [number, number])[],
  shift = 0,
): Promise<void> => {
  for (const [from, end] of pieces) {
    const { rows, dispose } = await judged(subject, data, from, end, shift);
    await to.add(rows).finally(dispose);
  }
};
const start = (subject: MetricSubject): Promise<Accumulator> => subject.create().start(contextOf(subject));
const judge = async (
  subject: MetricSubject,
  data: Float32Array,
  pieces: readonly (readonly [number, number])[],
  shift = 0,
): Promise<MetricResult> => {
  const accumulator = await start(subject);
  await feed(subject, accumulator, data, pieces, shift);
  return accumulator.result();
};
const WHOLE = [[0, ROWS]] as const;
/** Rows that are not the reference's. */
const others = (subject: MetricSubject): Float32Array => drawn(subject, 32).map((v, i) => 0.8 * v + 0.1 * (i % 2));

const expectEqual = (who: string, what: string, got: MetricResult, expected: MetricResult): void => {
  const gap = Math.abs(got.value - expected.value);
  if (!(gap <= 1e-10 * Math.max(1, Math.abs(expected.value))))
    broken(who, what, got.value, `${expected.value} to 1e-10`, 'collect in float64, and put rows in order by their index');
  if (got.n !== expected.n) broken(who, `${what}: n`, got.n, String(expected.n));
};

/** Kind, api, name, need and citation are there. */
export const checkMetricIdentity: Check<MetricSubject> = async (subject) => {
  const metric = subject.create();
  expectIdentity(metric, 'metric');
  if (!['images', 'features', 'labels', 'model'].includes(metric.needs))
    broken(metric.name, 'needs is not stated', metric.needs, 'images, features, labels or model');
};

/** A finite value with its n, a name that is not FID, and details that print. */
export const checkMetricResult: Check<MetricSubject> = async (subject) => {
  const metric = subject.create();
  const result = await judge(subject, others(subject), WHOLE);
  if (!Number.isFinite(result.value)) broken(metric.name, 'the value is not finite', result.value);
  if (result.n !== ROWS) broken(metric.name, 'n is not the number of rows judged', result.n, String(ROWS));
  if (typeof result.name !== 'string' || result.name === '') broken(metric.name, 'the result has no name', result.name);
  if (/(^|[^a-z])fid($|[^a-z])/i.test(result.name))
    broken(
      metric.name,
      'the result calls itself FID',
      result.name,
      'FD-<extractor>',
      'only the Inception graph of 2015-12-05 gives an FID',
    );
  if (result.interval && !(result.interval[0] <= result.interval[1])) broken(metric.name, 'the interval is not in order', result.interval);
  for (const [key, value] of Object.entries(result.details ?? {}))
    if (typeof value !== 'string' && !(typeof value === 'number' && Number.isFinite(value)))
      broken(metric.name, `details.${key} does not print`, value, 'a finite number or a string');
  if (result.details === undefined) broken(metric.name, 'the result has no details', undefined, 'everything that the value depends on');
};

/** Equal rows give equal bits. */
export const checkMetricDeterminism: Check<MetricSubject> = async (subject) => {
  const [a, b] = [await judge(subject, others(subject), WHOLE), await judge(subject, others(subject), WHOLE)];
  if (a.value !== b.value)
    broken(
      subject.create().name,
      'two judgements of the same rows differ',
      [a.value, b.value],
      'equal bits',
      'draw from the seed of the context',
    );
};

/** The value does not depend on the order or the split in which rows arrived; shards merge to the whole. */
export const checkMetricOrder: Check<MetricSubject> = async (subject) => {
  const { name } = subject.create();
  const data = others(subject);
  const whole = await judge(subject, data, WHOLE);
  const pieces = [
    [0, 50],
    [50, 51],
    [51, 130],
    [130, ROWS],
  ] as const;
  expectEqual(name, 'the value depends on how the rows are split', await judge(subject, data, pieces), whole);
  expectEqual(name, 'the value depends on the order of the rows', await judge(subject, data, [...pieces].reverse()), whole);
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const shards = [await start(subject), await start(subject)];
    await feed(subject, shards[0]!, data, pieces.slice(0, 2));
    await feed(subject, shards[1]!, data, pieces.slice(2));
    shards[order[0]]!.merge(shards[order[1]]!.state());
    expectEqual(name, `shards merged in order ${order.join(', ')} are not the whole`, await shards[order[0]]!.result(), whole);
  }
};

/** What is collected survives as bytes; bytes that are no state are refused. */
export const checkMetricState: Check<MetricSubject> = async (subject) => {
  const { name } = subject.create();
  const data = others(subject);
  const accumulator = await start(subject);
  await feed(subject, accumulator, data, [[0, 100]]);
  const bytes = accumulator.state();
  if (!(bytes instanceof Uint8Array)) broken(name, 'state() is not bytes', typeof bytes, 'Uint8Array');
  const fresh = await start(subject);
  fresh.merge(Uint8Array.from(bytes));
  expectEqual(name, 'a state merged into a fresh accumulator is not what was collected', await fresh.result(), await accumulator.result());
  await feed(subject, fresh, data, [[100, ROWS]]);
  expectEqual(name, 'collection does not go on after a merge', await fresh.result(), await judge(subject, data, WHOLE));
  for (const [what, wrong] of [
    ['a state of three bytes', Uint8Array.of(1, 2, 3)],
    ['a state cut short', bytes.slice(0, Math.floor(bytes.length / 2))],
  ] as const)
    await expectRefusal(name, what, async () => (await start(subject)).merge(wrong));
};

/** The reference judged against itself gives the declared value. */
export const checkMetricIdentical: Check<MetricSubject> = async (subject) => {
  if (subject.expected === null) return;
  const { value, tolerance = 1e-6 } = subject.expected ?? { value: 0 };
  const result = await judge(subject, images(subject), WHOLE);
  if (!(Math.abs(result.value - value) <= tolerance))
    broken(subject.create().name, 'the reference against itself has another value', result.value, `${value} ± ${tolerance}`);
};

/** Other rows give another value: what is measured is what was added. */
export const checkMetricSensitive: Check<MetricSubject> = async (subject) => {
  const D = dimsOf(subject);
  const [same, far] = [
    await judge(subject, images(subject), WHOLE),
    await judge(
      subject,
      images(subject).map((v, i) => (i % D === 0 ? 2 * v + 1.5 : -v)),
      WHOLE,
      1,
    ),
  ];
  if (same.value === far.value)
    broken(subject.create().name, 'quite different rows have the same value', same.value, 'a value that depends on the rows');
};

/** No tensor stays behind; the rows are not disposed. */
export const checkMetricLeaks: Check<MetricSubject> = async (subject) => {
  const { name } = subject.create();
  await expectNoLeak(
    name,
    'from start to result',
    async () =>
      void (await judge(subject, others(subject), [
        [0, 100],
        [100, ROWS],
      ])),
  );
  const accumulator = await start(subject);
  const { rows, dispose } = await judged(subject, others(subject), 0, 20);
  await accumulator.add(rows);
  expectAlive(name, 'in add', rows.images, rows.features, rows.logits);
  dispose();
};

/** NaN is refused when it arrives or at the end, and so is a judgement of nothing. */
export const checkMetricRefusals: Check<MetricSubject> = async (subject) => {
  const { name } = subject.create();
  await expectRefusal(name, 'a judgement of no row', async () => (await start(subject)).result());
  const data = others(subject);
  const D = dimsOf(subject);
  data.fill(NaN, 5 * D, 6 * D);
  await expectRefusal(name, 'a row of NaN', () => judge(subject, data, WHOLE));
  await expectNoLeak(name, 'when NaN is refused', async () => void (await judge(subject, data, WHOLE)), { throws: true });
};

/** Every check of a metric by the sentence that it proves. */
export const metricChecks: Readonly<Record<string, Check<MetricSubject>>> = Object.freeze({
  'says what it is, and cites its source': checkMetricIdentity,
  'gives a value with its n and a right name': checkMetricResult,
  'is a function of the rows and the seed': checkMetricDeterminism,
  'does not depend on order or split': checkMetricOrder,
  'can be carried as bytes': checkMetricState,
  'has its declared value on the reference itself': checkMetricIdentical,
  'tells other rows apart': checkMetricSensitive,
  'leaks no tensor': checkMetricLeaks,
  'refuses NaN and nothing': checkMetricRefusals,
});
