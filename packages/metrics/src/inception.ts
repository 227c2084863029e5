import {
  avgPool,
  concat,
  fused,
  matMul,
  maxPool,
  mean,
  relu,
  tensor,
  tensor2d,
  tensor4d,
  tidy,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { tweedieError, type Extractor, type Weights } from '@tweedie/core';
import { INCEPTION, INCEPTION_FEATURES, INCEPTION_SIZE, type Pool, type Step } from './inception-graph.ts';
import { FID_WEIGHTS, readInception, type HostWeights } from './inception-weights.ts';
import { resizer, type Resize } from './resize.ts';
import { sha256 } from './sha256.ts';

/**
 * The Inception graph of 2015-12-05, the only network whose Fréchet distance is an FID, from the state dict that pytorch-fid and
 * torch-fidelity share. What it sees of an image in [−1, 1]:
 *
 * 1. the byte ⌊127.5 x + 128⌋, clipped to 0 … 255, that a file would hold (T. Karras et al., 2206.00364, released code); grey thrice;
 * 2. 299 × 299 by {@link Resize};
 * 3. (byte − 128)/128, as the graph itself does.
 *
 * pytorch-fid itself does otherwise: bilinear with half-pixel centres, then 2·byte/255 − 1. Its numbers differ a little for that reason; the
 * papers' are of the graph, and so are these.
 */

export interface InceptionOptions {
  /** Default `tf1`. The extractor's id ends in `-clean` otherwise: these are other features. */
  readonly resize?: Resize;
}

/** Images on the engine at once: a picture is 5.5 MB wide at the widest place, and a convolution has two and some buffers. */
const CHUNK = 8;

/** [B, 299, 299, 3], values (byte − 128)/128 → features [B, 2048]: the mean over the positions of Mixed_7c. The result is the caller's. */
export const inceptionFeatures = (weights: Weights, seen: Tensor4D): Tensor2D =>
  tidy(() => mean<Tensor2D>(run(INCEPTION, weights, seen), [1, 2]));

/**
 * Features [B, 2048] → logits [B, 1008]. The result is the caller's.
 *
 * Without the bias: so they are taken for the Inception Score since T. Salimans et al. (1606.03498), and by torch-fidelity.
 */
export const inceptionLogits = (weights: Weights, features: Tensor2D): Tensor2D =>
  matMul(features, weights['fc.weight'] as Tensor2D, false, true);

/**
 * The extractor of a `.pth`. Its id is `fid-inception-6726825d` only where the SHA-256 of the file is {@link FID_WEIGHTS}, else
 * `inception-` and the first 8 hex digits; the name is computed, and cannot be asked for. Holds no tensors between calls; takes images
 * [B, H, W, 1 | 3] of any size, a few at a time. @throws where the file is not of this network: by the first tensor that is missing.
 */
export const inception = async (file: Uint8Array, { resize = 'tf1' }: InceptionOptions = {}): Promise<Extractor> => {
  resizer(resize, [1, 1, 1], 1);
  const weights = readInception(file);
  const id = inceptionId(await sha256(file), resize);

  /** Of images met before as well: a judge asks for features and for logits of the same ones, and a picture takes about a second. */
  const known = new WeakMap<Tensor, Promise<Float32Array>>();
  const featuresOf = (images: Tensor): Promise<Float32Array> => {
    const met = known.get(images) ?? extract(images, resize, weights);
    known.set(images, met);
    return met;
  };
  return Object.freeze<Extractor>({
    id,
    dims: INCEPTION_FEATURES,
    features: async (images) => tensor2d(await featuresOf(images), [images.shape[0]!, INCEPTION_FEATURES]),
    logits: async (images) => {
      const features = await featuresOf(images);
      return tidy(() => inceptionLogits(onEngine(weights, ['fc.weight']), tensor2d(features, [images.shape[0]!, INCEPTION_FEATURES])));
    },
  });
};

/** The name of the features that weights of this SHA-256 give. Eight digits alone make no FID. */
export const inceptionId = (hash: string, resize: Resize): string =>
  `${hash === FID_WEIGHTS.sha256 ? 'fid-inception' : 'inception'}-${hash.slice(0, 8)}${resize === 'tf1' ? '' : `-${resize}`}`;

const onEngine = (weights: HostWeights, names = Object.keys(weights)): Weights =>
  Object.fromEntries(names.map((name) => [name, tensor(weights[name]!.data, [...weights[name]!.shape])]));

/** Features on the host, a few images at a time. */
const extract = async (images: Tensor, resize: Resize, host: HostWeights): Promise<Float32Array> => {
  const see = seenBy(images.shape, resize);
  const values = await images.data<'float32'>();
  const [count = 0] = images.shape;
  const out = new Float32Array(count * INCEPTION_FEATURES);
  const weights = onEngine(host);
  try {
    for (let from = 0; from < count; from += CHUNK) {
      const rows = Math.min(CHUNK, count - from);
      const features = tidy(() => inceptionFeatures(weights, tensor4d(see(values, from, rows), [rows, INCEPTION_SIZE, INCEPTION_SIZE, 3])));
      out.set(await features.data(), from * INCEPTION_FEATURES);
      features.dispose();
    }
    return out;
  } finally {
    Object.values(weights).forEach((used) => used.dispose());
  }
};

const POOLS: Readonly<Record<Pool, (x: Tensor4D) => Tensor4D>> = {
  mean: (x) => avgPool(x, 3, 1, 'same'), // TensorFlow leaves padding out of the mean
  max: (x) => maxPool(x, 3, 1, 'same'),
  halve: (x) => maxPool(x, 3, 2, 'valid'),
};

/** Frees what it has done with at once: a batch is hundreds of MB wide. `x` is lent. */
const run = (steps: readonly Step[], weights: Weights, x: Tensor4D): Tensor4D =>
  steps.reduce<Tensor4D>((from, step) => {
    const to = apply(step, weights, from);
    if (from !== x) from.dispose();
    return to;
  }, x);

const apply = (step: Step, weights: Weights, x: Tensor4D): Tensor4D => {
  if (typeof step === 'string') return POOLS[step](x);
  if ('branches' in step)
    return tidy(() =>
      concat(
        step.branches.map((branch) => run(branch, weights, x)),
        3,
      ),
    );
  const { name, stride, pad } = step;
  const [filter, bias] = [weights[`${name}.weight`] as Tensor4D, weights[`${name}.bias`] as Tensor1D];
  return tidy(() => relu(fused.conv2d({ x, filter, strides: stride, pad, bias })));
};

/** Rows `from` … of images of this shape as the network sees them. */
const seenBy = (shape: readonly number[], resize: Resize): ((values: Float32Array, from: number, rows: number) => Float32Array) => {
  const [, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4 || height < 1 || width < 1 || (channels !== 1 && channels !== 3))
    throw tweedieError({
      subject: 'inception',
      problem: 'these are no pictures',
      got: shape,
      expected: '[B, H, W, 1] or [B, H, W, 3] in [−1, 1]',
    });
  const large = resizer(resize, [height, width, channels], INCEPTION_SIZE);
  const numbers = height * width * channels;
  const pixels = INCEPTION_SIZE ** 2 * 3;
  return (values, from, rows) => {
    const out = new Float32Array(rows * pixels);
    for (let row = 0; row < rows; row++) {
      const resized = large(Uint8ClampedArray.from(values.subarray((from + row) * numbers, (from + row + 1) * numbers), byteOf));
      for (let i = 0; i < pixels; i++) out[row * pixels + i] = Math.fround(resized[channels === 3 ? i : Math.floor(i / 3)]! - 128) / 128;
    }
    return out;
  };
};

/** x in [−1, 1] → the byte of a file. */
const byteOf = (x: number): number => Math.floor(x * 127.5 + 128);
