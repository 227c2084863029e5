import {
  add,
  clipByValue,
  conv2d,
  matMul,
  mean,
  mul,
  relu,
  round,
  tensor,
  tidy,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { decodeSafetensors, tweedieError, type Extractor, type Weights } from '@tweedie/core';
import { sha256 } from './sha256.ts';

/**
 * mnistnet: the digit classifier whose features our Fréchet distance of digits is measured on. 61 k parameters.
 *
 * Four 3×3 convolutions with ReLU (16, 32 and 64 and 64 channels, the last three with stride 2, padding 1), the mean over the
 * positions → 64 features, and a linear layer → 10 logits. Batch normalisation of the training is folded into the convolutions.
 * Its weights are our own (recipes/mnistnet.ts), so nothing measured on it can be compared with a published FID.
 */
export const MNISTNET = Object.freeze({
  shape: Object.freeze([28, 28, 1] as const),
  features: 64,
  classes: 10,
  convolutions: Object.freeze([
    Object.freeze({ name: 'conv0', from: 1, to: 16, stride: 1 }),
    Object.freeze({ name: 'conv1', from: 16, to: 32, stride: 2 }),
    Object.freeze({ name: 'conv2', from: 32, to: 64, stride: 2 }),
    Object.freeze({ name: 'conv3', from: 64, to: 64, stride: 2 }),
  ] as const),
});

/**
 * Images in [−1, 1] → what the classifier sees: the 256 grey levels that a file would hold, black = 0, white = 1.
 *
 * Rounding first makes a score that of the saved picture; the zero padding of the convolutions is background.
 */
export const seenByMnistnet = (images: Tensor): Tensor4D =>
  tidy(() => mul<Tensor4D>(round(mul(add(clipByValue(images, -1, 1), 1), 127.5)), 1 / 255));

/** [B, 28, 28, 1] as {@link seenByMnistnet} gives it → features [B, 64]. A pure function of the weights. The result is the caller's. */
export const mnistnetFeatures = (weights: Weights, seen: Tensor4D): Tensor2D =>
  tidy(() => {
    const last = MNISTNET.convolutions.reduce<Tensor4D>(
      (x, { name, stride }) => relu(add<Tensor4D>(conv2d(x, weights[`${name}.weight`] as Tensor4D, stride, 1), weights[`${name}.bias`]!)),
      seen,
    );
    return mean<Tensor2D>(last, [1, 2]);
  });

/** Features [B, 64] → logits [B, 10]. The result is the caller's. */
export const mnistnetLogits = (weights: Weights, features: Tensor2D): Tensor2D =>
  tidy(() => add(matMul(features, weights['linear.weight'] as Tensor2D), weights['linear.bias']!));

/** Name → shape of every weight tensor, as the file must hold them. */
const SHAPES: Readonly<Record<string, readonly number[]>> = Object.freeze({
  ...Object.fromEntries(
    MNISTNET.convolutions.flatMap(({ name, from, to }) => [
      [`${name}.weight`, [3, 3, from, to]],
      [`${name}.bias`, [to]],
    ]),
  ),
  'linear.weight': [MNISTNET.features, MNISTNET.classes],
  'linear.bias': [MNISTNET.classes],
});

/**
 * The extractor of a weights file. Its id is `mnistnet-` and the first 8 hex digits of the file's SHA-256: other weights, other
 * numbers, another name. Holds no tensors between calls. @throws where the file is not of this network.
 */
export const mnistnet = async (file: Uint8Array): Promise<Extractor> => {
  const subject = 'mnistnet weights';
  const { tensors } = decodeSafetensors(file, subject);
  for (const [name, shape] of Object.entries(SHAPES)) {
    const got = tensors[name]?.shape;
    if (got?.join() !== shape.join()) {
      throw tweedieError({
        subject,
        problem: `"${name}" is not of this network`,
        got: got ?? 'nothing',
        expected: `[${shape.join(', ')}]`,
        remedy: 'use the weights that come with @tweedie/metrics, or those of its recipe',
      });
    }
  }
  const onEngine = (): Weights =>
    Object.fromEntries(
      Object.entries(SHAPES).map(([name, shape]) => [name, tensor(tensors[name]!.data as Float32Array, [...shape], 'float32')]),
    );
  return Object.freeze<Extractor>({
    id: `mnistnet-${(await sha256(file)).slice(0, 8)}`,
    dims: MNISTNET.features,
    features: (images) => tidy(() => mnistnetFeatures(onEngine(), seenByMnistnet(checked(images)))),
    logits: (images) =>
      tidy(() => {
        const weights = onEngine();
        return mnistnetLogits(weights, mnistnetFeatures(weights, seenByMnistnet(checked(images))));
      }),
  });
};

const checked = (images: Tensor): Tensor => {
  const [, ...shape] = images.shape;
  if (shape.join() === MNISTNET.shape.join()) return images;
  throw tweedieError({
    subject: 'mnistnet',
    problem: 'the images are no MNIST digits',
    got: shape,
    expected: `[${MNISTNET.shape.join(', ')}], grey`,
    remedy: 'use an extractor made for these images',
  });
};
