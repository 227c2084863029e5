/**
 * Trains mnistnet with our own drain and writes weights/mnistnet.safetensors and, beside it, the log of the run.
 *
 *     npx tsc --build packages/metrics/tsconfig.recipes.json && node packages/metrics/out-tsc/recipes/mnistnet.js
 *
 * Each convolution is followed by batch normalisation over the batch (S. Ioffe, C. Szegedy, 1502.03167, algorithm 1). Instead of
 * running averages, its statistics are measured once at the end, layer by layer, on training images, and folded into the
 * convolutions: w' = w γ/√(v + ε), b' = β − m γ/√(v + ε).
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  add,
  conv2d,
  fill,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  pad,
  relu,
  reshape,
  rsqrt,
  slice,
  square,
  sub,
  sum,
  tensor,
  tidy,
  type Rank,
  type Scalar,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import {
  adam,
  batchesOf,
  createFeed,
  createNoise,
  createParameters,
  encodeSafetensors,
  STREAM,
  toTensors,
  train,
  trapezoid,
  type Dataset,
  type Loss,
  type Noise,
  type ParameterSpec,
  type Weights,
} from '@tweedie/core';
import { MNISTNET, mnistnet, mnistnetLogits, seenByMnistnet } from '@tweedie/metrics';

const EPSILON = 1e-5;
const SHIFT = 2;

const SPECS: readonly ParameterSpec[] = [
  ...MNISTNET.convolutions.flatMap(({ name, from, to }) => [
    { name: `${name}.weight`, shape: [3, 3, from, to] },
    { name: `${name}.gamma`, shape: [to] },
    { name: `${name}.beta`, shape: [to] },
  ]),
  { name: 'linear.weight', shape: [MNISTNET.features, MNISTNET.classes] },
  { name: 'linear.bias', shape: [MNISTNET.classes] },
];

/** He normal for the convolutions (1502.01852, eq. 10), 1/√fan-in for the linear layer, γ = 1, β = 0. */
const initial = (noise: Noise): Record<string, Float32Array> =>
  Object.fromEntries(
    SPECS.map(({ name, shape }, draw) => {
      const count = shape.reduce((product, n) => product * n, 1);
      if (name.endsWith('.gamma')) return [name, new Float32Array(count).fill(1)];
      if (!name.endsWith('.weight')) return [name, new Float32Array(count)];
      const fanIn = count / shape.at(-1)!;
      const sd = Math.sqrt((name.startsWith('conv') ? 2 : 1) / fanIn);
      return [name, Float32Array.from(noise.hostNormal([1, count], { stream: STREAM.initialise, draw }), (z) => sd * z)];
    }),
  );

/** γ (x − m)/√(v + ε) + β with m and v over the batch and the positions; row sums as products, which every engine does fast. */
const normalised = (x: Tensor4D, gamma: Tensor, beta: Tensor): Tensor4D => {
  const flat = reshape(x, [-1, x.shape[3]]) as Tensor2D;
  const centred = sub<Tensor2D>(flat, meanRow(flat));
  const scale = mul(rsqrt(add<Tensor2D>(meanRow(square(centred)), EPSILON)), gamma);
  return reshape(add(mul(centred, scale), beta), x.shape);
};

const meanRow = (x: Tensor2D): Tensor2D => matMul(fill([1, x.shape[0]], 1 / x.shape[0]), x);

const convolved = (weights: Weights, x: Tensor4D, layer: number): Tensor4D => {
  const { name, stride } = MNISTNET.convolutions[layer]!;
  return conv2d(x, weights[`${name}.weight`] as Tensor4D, stride, 1);
};

const affine = (weights: Weights, layer: number): [Tensor, Tensor] => {
  const { name } = MNISTNET.convolutions[layer]!;
  return [weights[`${name}.gamma`]!, weights[`${name}.beta`]!];
};

/** Mean cross-entropy over the batch, every image moved by the same up to two pixels a step. */
const crossEntropy: Loss = (weights, { x0, label, step }, noise) => {
  const [down, right] = noise.hostUniform([1, 2], { stream: STREAM.augment, step }).map((u) => Math.floor(u * (2 * SHIFT + 1)));
  const [rows, height, width, channels] = x0.shape as [number, number, number, number];
  const padded = pad(seenByMnistnet(x0), [
    [0, 0],
    [SHIFT, SHIFT],
    [SHIFT, SHIFT],
    [0, 0],
  ]);
  const moved = slice(padded, [0, down!, right!, 0], [rows, height, width, channels]) as Tensor4D;
  const last = MNISTNET.convolutions.reduce<Tensor4D>(
    (x, _, layer) => relu(normalised(convolved(weights, x, layer), ...affine(weights, layer))),
    moved,
  );
  const logits = mnistnetLogits(weights, mean<Tensor2D>(last, [1, 2]));
  return neg(mean<Scalar>(sum(mul(label!, logSoftmax(logits)), 1)));
};

type Stored = Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Folds the batch normalisation of layer after layer, its statistics measured on `images` through the layers already folded. */
const folded = async (weights: Weights, images: () => Iterable<Tensor4D>): Promise<Stored> => {
  const host = async (name: string): Promise<Float32Array> => (await weights[name]!.data()) as Float32Array;
  const stored: Record<string, Stored[string]> = {};
  for (const [layer, { name, from, to }] of MNISTNET.convolutions.entries()) {
    const before = MNISTNET.convolutions.slice(0, layer);
    let count = 0;
    const [first, second] = [new Float64Array(to), new Float64Array(to)];
    for (const x of images()) {
      const [m, v] = tidy(() => {
        const input = before.reduce<Tensor4D>((at, { name: done, stride }) => {
          const [kernel, bias] = [stored[`${done}.weight`]!, stored[`${done}.bias`]!];
          return relu(
            add<Tensor4D>(
              conv2d(at, tensor<Rank.R4>(kernel.data, kernel.shape as [number, number, number, number]), stride, 1),
              tensor(bias.data),
            ),
          );
        }, seenByMnistnet(x));
        const flat = reshape(convolved(weights, input, layer), [-1, to]) as Tensor2D;
        const centre = meanRow(flat);
        return [centre, meanRow(square(sub<Tensor2D>(flat, centre)))];
      }) as [Tensor2D, Tensor2D];
      const [means, variances] = [await m.data(), await v.data()];
      for (let c = 0; c < to; c++) {
        first[c]! += x.shape[0] * means[c]!;
        second[c]! += x.shape[0] * (variances[c]! + means[c]! ** 2);
      }
      count += x.shape[0];
      [m, v, x].forEach((used) => used.dispose());
    }
    const [weight, gamma, beta] = [await host(`${name}.weight`), await host(`${name}.gamma`), await host(`${name}.beta`)];
    const m = first.map((total) => total / count);
    const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(second[c]! / count - m[c]! ** 2 + EPSILON));
    stored[`${name}.weight`] = { shape: [3, 3, from, to], data: Float32Array.from(weight, (w, i) => w * scale[i % to]!) };
    stored[`${name}.bias`] = { shape: [to], data: Float32Array.from(beta, (b, c) => b - m[c]! * scale[c]!) };
  }
  stored['linear.weight'] = { shape: [MNISTNET.features, MNISTNET.classes], data: await host('linear.weight') };
  stored['linear.bias'] = { shape: [MNISTNET.classes], data: await host('linear.bias') };
  return stored;
};

/** The part of a file's predictions that agree with the labels. */
const accuracyOf = async (file: Uint8Array, data: Dataset): Promise<number> => {
  const { logits } = await mnistnet(file);
  let right = 0;
  for await (const { images, labels } of batchesOf(data, 500)) {
    const scores = await logits!(images);
    const values = await scores.data();
    scores.dispose();
    labels!.forEach((label, row) => {
      const of = values.subarray(row * MNISTNET.classes, (row + 1) * MNISTNET.classes);
      if (of.indexOf(Math.max(...of)) === label) right++;
    });
  }
  return right / data.size;
};

export interface RecipeOptions {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly peak?: number;
  readonly seed?: bigint;
  /** Training images that the statistics are measured on: the first so many. */
  readonly measured?: number;
  readonly log?: (line: { readonly [key: string]: number | string }) => void;
}

/** Trains, folds, rounds to half precision. Returns the file, and its accuracy on the test split. */
export const trainMnistnet = async (options: RecipeOptions): Promise<{ readonly file: Uint8Array; readonly accuracy: number }> => {
  const { train: data, test, steps = 2814, batchSize = 64, peak = 3e-3, seed = 1n, measured = 10_000, log = () => {} } = options;
  const noise = createNoise(seed);
  const parameters = createParameters(SPECS, initial(noise));
  const run = train({
    parameters,
    loss: crossEntropy,
    feed: createFeed({ dataset: data, batchSize, noise }),
    optimizer: adam({ rate: trapezoid({ peak, warmup: Math.min(100, Math.floor(steps / 10)), steps, decay: 0.7 }), beta2: 0.99 }),
    steps,
    noise,
  });
  const began = performance.now();
  let smooth = NaN;
  let turn = await run.next();
  for (; !turn.done; turn = await run.next()) {
    const { step, loss } = turn.value;
    smooth = Number.isNaN(smooth) ? loss : 0.98 * smooth + 0.02 * loss;
    if (step % 50 === 0 || step === steps)
      log({ step, loss: Number(smooth.toFixed(4)), seconds: Math.round((performance.now() - began) / 1000) });
  }
  const weights = toTensors(SPECS, parameters.values(turn.value.ema));
  parameters.dispose();
  const stored = await folded(weights, function* () {
    const rows = Math.min(measured, data.size);
    for (let first = 0; first < rows; first += 500) {
      const indices = Array.from({ length: Math.min(500, rows - first) }, (_, i) => first + i);
      yield tensor<Rank.R4>(data.rows(indices).images, [indices.length, ...MNISTNET.shape]);
    }
  });
  Object.values(weights).forEach((weight) => weight.dispose());
  const file = encodeSafetensors({
    tensors: Object.fromEntries(Object.entries(stored).map(([name, part]) => [name, { ...part, dtype: 'F16' as const }])),
    metadata: {
      network: 'mnistnet',
      recipe: 'packages/metrics/recipes/mnistnet.ts',
      data: data.id,
      steps: `${steps}`,
      batch: `${batchSize}`,
      seed: `${seed}`,
    },
  });
  const accuracy = await accuracyOf(file, test);
  log({ id: (await mnistnet(file)).id, bytes: file.length, judgedOn: test.id, accuracy });
  return { file, accuracy };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { selectEngine } = await import('@tweedie/backend');
  const { mnist } = await import('@tweedie/data');
  await selectEngine({});
  const steps = Number(process.env['STEPS'] ?? 2814);
  const lines: string[] = [];
  const { file } = await trainMnistnet({
    train: await mnist({ split: 'train', fetch: true }),
    test: await mnist({ split: 'test', fetch: true }),
    steps,
    log: (line) => {
      lines.push(JSON.stringify(line));
      process.stderr.write(`${lines.at(-1)}\n`);
    },
  });
  const folder =
    process.env['OUT'] ?? fileURLToPath(import.meta.resolve('@tweedie/metrics/package.json')).replace(/package\.json$/, 'weights/');
  await writeFile(`${folder}mnistnet.safetensors`, file);
  await writeFile(`${folder}mnistnet.log.jsonl`, `${lines.join('\n')}\n`);
}
