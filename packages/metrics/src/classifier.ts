import {
  add,
  clipByValue,
  conv2d,
  div,
  matMul,
  mean,
  mul,
  relu,
  round,
  sub,
  tensor,
  tensor1d,
  tidy,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { decodeSafetensors, tweedieError, type Extractor, type LoadedTensor, type Weights } from '@tweedie/core';
import { hashOf } from './sha256.ts';

/** A 3×3 convolution with padding 1, a bias and ReLU. Its weights are `<name>.weight` [3, 3, from, to] and `<name>.bias` [to]. */
export interface Convolution {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

/**
 * A small classifier whose features images are judged by: convolutions, the mean over the positions → features, and a linear layer
 * (`linear.weight` [features, classes], `linear.bias`) → logits. Batch normalisation of the training is folded into the convolutions.
 */
export interface ClassifierSpec {
  /** First part of the extractor's id. */
  readonly name: string;
  /** What it judges, for people: "MNIST digits". */
  readonly judges: string;
  /** [height, width, channels] of the images. */
  readonly shape: readonly [number, number, number];
  readonly convolutions: readonly Convolution[];
  readonly features: number;
  readonly classes: number;
  /** Per channel, of images in [0, 1]: what is taken off and divided by before the first convolution. */
  readonly normalisation?: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
}

/**
 * Images in [−1, 1] → what the classifier sees: the 256 levels that a file would hold, black = 0, white = 1, normalised if the
 * classifier asks for it. Rounding first makes a score that of the saved picture. The result is the caller's.
 */
export const seenBy = ({ normalisation }: ClassifierSpec, images: Tensor): Tensor4D =>
  tidy(() => {
    const levels = mul<Tensor4D>(round(mul(add(clipByValue(images, -1, 1), 1), 127.5)), 1 / 255);
    if (normalisation === undefined) return levels;
    return div(sub<Tensor4D>(levels, tensor1d([...normalisation.mean])), tensor1d([...normalisation.deviation]));
  });

/** [B, …shape] as {@link seenBy} gives it → features [B, features]. A pure function of the weights. The result is the caller's. */
export const featuresOf = ({ convolutions }: ClassifierSpec, weights: Weights, seen: Tensor4D): Tensor2D =>
  tidy(() => {
    const last = convolutions.reduce<Tensor4D>(
      (x, { name, stride }) => relu(add<Tensor4D>(conv2d(x, weights[`${name}.weight`] as Tensor4D, stride, 1), weights[`${name}.bias`]!)),
      seen,
    );
    return mean<Tensor2D>(last, [1, 2]);
  });

/** Features [B, features] → logits [B, classes]. The result is the caller's. */
export const logitsOf = (weights: Weights, features: Tensor2D): Tensor2D =>
  tidy(() => add(matMul(features, weights['linear.weight'] as Tensor2D), weights['linear.bias']!));

/**
 * The extractor of a weights file. Its id is the classifier's name and the first 8 hex digits of the file's SHA-256: other weights,
 * other numbers, another name. Holds no tensors between calls. @throws where the file is not of this network.
 */
export const classifier = async (spec: ClassifierSpec, file: Uint8Array): Promise<Extractor> => {
  const { tensors } = decodeSafetensors(file, `${spec.name} weights`);
  const shapes = checkedShapes(spec, tensors);
  const onEngine = (): Weights =>
    Object.fromEntries(shapes.map(([name, shape]) => [name, tensor(tensors[name]!.data as Float32Array, [...shape], 'float32')]));
  return Object.freeze<Extractor>({
    id: `${spec.name}-${await hashOf(file)}`,
    dims: spec.features,
    features: (images) => tidy(() => featuresOf(spec, onEngine(), seenBy(spec, checkedImages(spec, images)))),
    logits: (images) =>
      tidy(() => {
        const weights = onEngine();
        return logitsOf(weights, featuresOf(spec, weights, seenBy(spec, checkedImages(spec, images))));
      }),
  });
};

/** Name and shape of every weight tensor, all found in the file. */
const checkedShapes = (
  { name: subject, convolutions, features, classes }: ClassifierSpec,
  tensors: Readonly<Record<string, LoadedTensor>>,
): readonly (readonly [string, readonly number[]])[] => {
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ...convolutions.flatMap(({ name, from, to }) => [[`${name}.weight`, [3, 3, from, to]] as const, [`${name}.bias`, [to]] as const]),
    ['linear.weight', [features, classes]],
    ['linear.bias', [classes]],
  ];
  for (const [name, shape] of shapes) {
    const got = tensors[name]?.shape;
    if (got?.join() !== shape.join()) {
      throw tweedieError({
        subject: `${subject} weights`,
        problem: `"${name}" is not of this network`,
        got: got ?? 'nothing',
        expected: `[${shape.join(', ')}]`,
        remedy: 'use the weights that come with @tweedie/metrics, or those of its recipe',
      });
    }
  }
  return shapes;
};

const checkedImages = ({ name, judges, shape }: ClassifierSpec, images: Tensor): Tensor => {
  const [, ...got] = images.shape;
  if (got.join() === shape.join()) return images;
  throw tweedieError({
    subject: name,
    problem: `the images are no ${judges}`,
    got,
    expected: `[${shape.join(', ')}], ${shape[2] === 1 ? 'grey' : 'colour'}`,
    remedy: 'use an extractor made for these images',
  });
};
