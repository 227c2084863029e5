/**
 * A classifier while it is trained: each convolution without a bias, followed by batch normalisation over the batch (S. Ioffe,
 * C. Szegedy, 1502.03167, algorithm 1). Instead of running averages, its statistics are measured once at the end, layer by layer, on
 * training images, and folded into the convolutions: w' = w γ/√(v + ε), b' = β − m γ/√(v + ε).
 */
import {
  add,
  conv2d,
  fill,
  matMul,
  mean,
  mul,
  relu,
  reshape,
  rsqrt,
  square,
  sub,
  tensor,
  tidy,
  type Rank,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { STREAM, type Noise, type ParameterSpec, type Weights } from '@tweedie/core';
import { seenBy, type ClassifierSpec, type Convolution } from '@tweedie/metrics';

const EPSILON = 1e-5;

/** What is trained: `<conv>.weight`, `.gamma` and `.beta`, and the linear layer. */
export const trainedParameters = ({ convolutions, features, classes }: ClassifierSpec): readonly ParameterSpec[] => [
  ...convolutions.flatMap(({ name, from, to }) => [
    { name: `${name}.weight`, shape: [3, 3, from, to] },
    { name: `${name}.gamma`, shape: [to] },
    { name: `${name}.beta`, shape: [to] },
  ]),
  { name: 'linear.weight', shape: [features, classes] },
  { name: 'linear.bias', shape: [classes] },
];

/** He normal for the convolutions (1502.01852, eq. 10), 1/√fan-in for the linear layer, γ = 1, β = 0. */
export const initialValues = (specs: readonly ParameterSpec[], noise: Noise): Record<string, Float32Array> =>
  Object.fromEntries(
    specs.map(({ name, shape }, draw) => {
      const count = shape.reduce((product, n) => product * n, 1);
      if (name.endsWith('.gamma')) return [name, new Float32Array(count).fill(1)];
      if (!name.endsWith('.weight')) return [name, new Float32Array(count)];
      const fanIn = count / shape.at(-1)!;
      const sd = Math.sqrt((name.startsWith('conv') ? 2 : 1) / fanIn);
      return [name, Float32Array.from(noise.hostNormal([1, count], { stream: STREAM.initialise, draw }), (z) => sd * z)];
    }),
  );

/** Features [B, features] of images as {@link seenBy} gives them, each layer normalised over this very batch. */
export const trainedFeatures = ({ convolutions }: ClassifierSpec, weights: Weights, seen: Tensor4D): Tensor2D => {
  const last = convolutions.reduce<Tensor4D>(
    (x, layer) => relu(normalised(convolved(weights, x, layer), weights[`${layer.name}.gamma`]!, weights[`${layer.name}.beta`]!)),
    seen,
  );
  return mean<Tensor2D>(last, [1, 2]);
};

/** γ (x − m)/√(v + ε) + β with m and v over the batch and the positions; row sums as products, which every engine does fast. */
const normalised = (x: Tensor4D, gamma: Tensor, beta: Tensor): Tensor4D => {
  const flat = reshape(x, [-1, x.shape[3]]) as Tensor2D;
  const centred = sub<Tensor2D>(flat, meanRow(flat));
  const scale = mul(rsqrt(add<Tensor2D>(meanRow(square(centred)), EPSILON)), gamma);
  return reshape(add(mul(centred, scale), beta), x.shape);
};

const meanRow = (x: Tensor2D): Tensor2D => matMul(fill([1, x.shape[0]], 1 / x.shape[0]), x);

const convolved = (weights: Weights, x: Tensor4D, { name, stride }: Convolution): Tensor4D =>
  conv2d(x, weights[`${name}.weight`] as Tensor4D, stride, 1);

export type Stored = Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Folds the batch normalisation of layer after layer, its statistics measured on `images` through the layers already folded. */
export const folded = async (spec: ClassifierSpec, weights: Weights, images: () => Iterable<Tensor4D>): Promise<Stored> => {
  const host = async (name: string): Promise<Float32Array> => (await weights[name]!.data()) as Float32Array;
  const stored: Stored = {};
  for (const [index, layer] of spec.convolutions.entries()) {
    const { name, from, to } = layer;
    const before = spec.convolutions.slice(0, index);
    let count = 0;
    const [first, second] = [new Float64Array(to), new Float64Array(to)];
    for (const x of images()) {
      const [m, v] = tidy(() => {
        const input = before.reduce<Tensor4D>((at, done) => through(stored, at, done), seenBy(spec, x));
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
  stored['linear.weight'] = { shape: [spec.features, spec.classes], data: await host('linear.weight') };
  stored['linear.bias'] = { shape: [spec.classes], data: await host('linear.bias') };
  return stored;
};

const through = (stored: Stored, x: Tensor4D, { name, stride }: Convolution): Tensor4D => {
  const [kernel, bias] = [stored[`${name}.weight`]!, stored[`${name}.bias`]!];
  const weight = tensor<Rank.R4>(kernel.data, kernel.shape as [number, number, number, number]);
  return relu(add<Tensor4D>(conv2d(x, weight, stride, 1), tensor(bias.data)));
};
