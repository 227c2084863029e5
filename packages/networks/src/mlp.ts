// A multilayer perceptron for points: random Fourier features of the coordinates (M. Tancik et al., 2006.10739), residual SiLU blocks, noise level and class in every block.
import { add, concat, cos, matMul, mul, reshape, sin, split, tidy, type Rank, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Network } from '@tweedie/core';
import { checkInputs, requireOption } from './check.ts';
import { sinusoids } from './embedding.ts';
import { affineParameters, initialise, normal, specsOf, weightsOf, xavier, type Parameter } from './init.ts';
import { silu } from './silu.ts';

export interface MlpOptions {
  /** Shape of a point, [d]; other shapes are read as one long vector. */
  readonly shape: readonly number[];
  /** Number of classes; 0, the default, is unconditional. */
  readonly classes?: number;
  /** Width of the hidden layers. Default 128. */
  readonly width?: number;
  /** Number of residual blocks. Default 3. */
  readonly depth?: number;
  /** Random Fourier features of the coordinates: sines and cosines of so many directions; 0 for the coordinates alone. Default 16. */
  readonly features?: number;
  /** Standard deviation of their frequencies, in periods per unit of the network's (normalised) input. Default 0.5. */
  readonly frequency?: number;
  /** Frequencies at which c_noise is seen. Default 16. */
  readonly noiseFeatures?: number;
}

/** The multilayer perceptron. */
export const mlp = (options: MlpOptions): Network => {
  const settings = settingsOf(options);
  const { shape, classes, depth, features, noiseFeatures } = settings;
  const parameters = parametersOf(settings);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const frequencies = Array.from({ length: noiseFeatures }, (_, i) => 32 ** (noiseFeatures === 1 ? 0 : i / (noiseFeatures - 1)));

  const apply: Network['apply'] = (weights, x, cNoise, label) =>
    tidy(() => {
      checkInputs({ name: NAME, shape, classes }, x, cNoise, label);
      const w = weightsOf(`network ${NAME}`, weights);
      const linear = (input: Tensor2D, name: string): Tensor2D =>
        add<Tensor2D>(matMul(input, w<Tensor2D>(`${name}.weight`)), w<Tensor1D>(`${name}.bias`));

      const point = reshape<Rank.R2>(x, [-1, size]);
      const seen = linear(sinusoids(cNoise, frequencies), 'embed');
      const embedding = silu(label === undefined || classes === 0 ? seen : add<Tensor2D>(seen, matMul(label, w<Tensor2D>('label.weight'))));
      const condition = linear(embedding, 'condition');
      const conditions = depth === 1 ? [condition] : split(condition, depth, 1);

      let h = linear(features === 0 ? point : fourierFeatures(point, w<Tensor2D>('frequencies')), 'in');
      conditions.forEach((own, i) => {
        const inner = silu(add<Tensor2D>(matMul(h, w<Tensor2D>(`block${i}.in.weight`)), own));
        h = add<Tensor2D>(h, linear(inner, `block${i}.out`));
      });
      return reshape(linear(silu(h), 'out'), x.shape);
    });

  return Object.freeze<Network>({
    kind: 'network',
    api: 1,
    name: NAME,
    config: Object.freeze({ ...settings }),
    shape,
    classes,
    parameters: specsOf(parameters),
    init: (noise) => initialise(parameters, noise),
    apply,
    doubleDifferentiable: true,
  });
};

const NAME = 'mlp';

type Settings = Required<MlpOptions>;

/** [x | sin 2πxF | cos 2πxF]. */
const fourierFeatures = (x: Tensor2D, frequencies: Tensor2D): Tensor2D => {
  const angles = matMul<Tensor2D>(x, mul(frequencies, 2 * Math.PI));
  return concat([x, sin(angles), cos(angles)], 1);
};

const parametersOf = ({ shape, classes, width, depth, features, frequency, noiseFeatures }: Settings): readonly Parameter[] => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return [
    ...(features > 0 ? [{ name: 'frequencies', shape: [size, features], trainable: false, start: normal(frequency) }] : []),
    ...affineParameters('embed', [2 * noiseFeatures, width]),
    ...(classes > 0 ? [{ name: 'label.weight', shape: [classes, width], start: xavier() }] : []),
    ...affineParameters('condition', [width, depth * width]),
    ...affineParameters('in', [size + 2 * features, width]),
    ...Array.from({ length: depth }, (_, i) => [
      { name: `block${i}.in.weight`, shape: [width, width], start: xavier() },
      ...affineParameters(`block${i}.out`, [width, width]),
    ]).flat(),
    ...affineParameters('out', [width, size], 1e-2),
  ];
};

const settingsOf = (options: MlpOptions): Settings => {
  const settings: Settings = {
    shape: [...options.shape],
    classes: options.classes ?? 0,
    width: options.width ?? 128,
    depth: options.depth ?? 3,
    features: options.features ?? 16,
    frequency: options.frequency ?? 0.5,
    noiseFeatures: options.noiseFeatures ?? 16,
  };
  const must = (holds: boolean, problem: string, got: unknown, expected: string): void =>
    requireOption(`network ${NAME}`, holds, problem, got, expected);
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  must(
    settings.shape.length > 0 && settings.shape.every((extent) => whole(extent, 1)),
    '`shape` is no shape',
    settings.shape,
    'whole numbers ≥ 1, such as [2]',
  );
  must(whole(settings.classes, 0), '`classes` is no count', settings.classes, 'a whole number ≥ 0');
  must(whole(settings.width, 1), '`width` is no width', settings.width, 'a whole number ≥ 1');
  must(whole(settings.depth, 1), '`depth` is no count', settings.depth, 'a whole number ≥ 1');
  must(whole(settings.features, 0), '`features` is no count', settings.features, 'a whole number ≥ 0');
  must(whole(settings.noiseFeatures, 1), '`noiseFeatures` is no count', settings.noiseFeatures, 'a whole number ≥ 1');
  must(settings.frequency > 0, '`frequency` is no standard deviation', settings.frequency, 'a number > 0');
  return settings;
};
