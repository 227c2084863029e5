import { logSoftmax, mean, mul, neg, sum, tensor, type Rank, type Scalar } from '@tensorflow/tfjs-core';
import {
  adam,
  batchesOf,
  createFeed,
  createNoise,
  createParameters,
  encodeSafetensors,
  toTensors,
  train,
  trapezoid,
  type Dataset,
  type Loss,
  type TrainState,
} from '@tweedie/core';
import { classifier, logitsOf, seenBy, type ClassifierSpec } from '@tweedie/metrics';
import type { Augment } from './augment.ts';
import { folded, initialValues, trainedFeatures, trainedParameters } from './batch-norm.ts';

/** How a classifier is trained, by default. */
export interface Recipe {
  readonly spec: ClassifierSpec;
  readonly augment: Augment;
  readonly steps: number;
  readonly batchSize: number;
  /** Highest rate of Adam: reached in `warmup` steps, falling to 0 over the last `decay` part of the run. */
  readonly peak: number;
  readonly warmup: number;
  readonly decay: number;
  /** Greatest decay of the moving average of the weights, which is what is kept. */
  readonly emaDecay: number;
}

export interface RecipeOptions extends Partial<Pick<Recipe, 'steps' | 'batchSize' | 'peak'>> {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly seed?: bigint;
  /** Training images that the statistics are measured on: the first so many. Default 10 000. */
  readonly measured?: number;
  readonly log?: (line: { readonly [key: string]: number | string }) => void;
  /** Where to go on from. */
  readonly state?: TrainState;
  /** Takes the state every so many steps. */
  readonly save?: { readonly every: number; readonly to: (state: TrainState) => Promise<void> };
}

export interface Trained {
  readonly file: Uint8Array;
  /** On the test split, of the file. */
  readonly accuracy: number;
}

/** Trains, folds, rounds to half precision. Returns the file, and its accuracy on the test split. */
export const trainClassifier = async (recipe: Recipe, options: RecipeOptions): Promise<Trained> => {
  const { spec, augment, warmup, decay, emaDecay } = recipe;
  const { steps, batchSize, peak } = { ...recipe, ...options };
  const { train: data, test, seed = 1n, measured = 10_000, log = () => {}, state, save } = options;
  const noise = createNoise(seed);
  const specs = trainedParameters(spec);
  const parameters = createParameters(specs, initialValues(specs, noise));
  /** Mean cross-entropy over the batch. */
  const loss: Loss = (weights, { x0, label, step }, rows) => {
    const logits = logitsOf(weights, trainedFeatures(spec, weights, augment(seenBy(spec, x0), rows, step)));
    return neg(mean<Scalar>(sum(mul(label!, logSoftmax(logits)), 1)));
  };
  const run = train({
    parameters,
    loss,
    feed: createFeed({ dataset: data, batchSize, noise }),
    optimizer: adam({ rate: trapezoid({ peak, warmup: Math.min(warmup, Math.floor(steps / 8)), steps, decay }), beta2: 0.99 }),
    steps,
    noise,
    emaDecay,
    ...(state === undefined ? {} : { state }),
  });
  const began = performance.now();
  let smooth = NaN;
  let turn = await run.next();
  for (; !turn.done; turn = await run.next()) {
    const { step, loss: value } = turn.value;
    smooth = Number.isNaN(smooth) ? value : 0.98 * smooth + 0.02 * value;
    if (step % 50 === 0 || step === steps)
      log({ step, loss: Number(smooth.toFixed(4)), seconds: Math.round((performance.now() - began) / 1000) });
    if (save !== undefined && step % save.every === 0) await save.to(await turn.value.state());
  }
  const weights = toTensors(specs, parameters.values(turn.value.ema));
  parameters.dispose();
  const stored = await folded(spec, weights, function* () {
    const rows = Math.min(measured, data.size);
    for (let first = 0; first < rows; first += 500) {
      const indices = Array.from({ length: Math.min(500, rows - first) }, (_, i) => first + i);
      yield tensor<Rank.R4>(data.rows(indices).images, [indices.length, ...spec.shape]);
    }
  });
  Object.values(weights).forEach((weight) => weight.dispose());
  const file = encodeSafetensors({
    tensors: Object.fromEntries(Object.entries(stored).map(([name, part]) => [name, { ...part, dtype: 'F16' as const }])),
    metadata: {
      network: spec.name,
      recipe: `packages/metrics/recipes/${spec.name}.ts`,
      data: data.id,
      steps: `${steps}`,
      batch: `${batchSize}`,
      seed: `${seed}`,
    },
  });
  const accuracy = await accuracyOf(spec, file, test);
  log({ id: (await classifier(spec, file)).id, bytes: file.length, judgedOn: test.id, accuracy });
  return { file, accuracy };
};

/** The part of a file's predictions that agree with the labels. */
export const accuracyOf = async (spec: ClassifierSpec, file: Uint8Array, data: Dataset): Promise<number> => {
  const { logits } = await classifier(spec, file);
  let right = 0;
  for await (const { images, labels } of batchesOf(data, 500)) {
    const scores = await logits!(images);
    const values = await scores.data();
    scores.dispose();
    labels!.forEach((label, row) => {
      const of = values.subarray(row * spec.classes, (row + 1) * spec.classes);
      if (of.indexOf(Math.max(...of)) === label) right++;
    });
  }
  return right / data.size;
};
