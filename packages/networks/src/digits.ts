// A small U-Net that trains on a CPU: residual blocks of two convolutions with one GroupNorm, FiLM (E. Perez et al., 1709.07871) from noise level and class, no strided convolution.
import { add, matMul, split, tidy, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core';
import { formula, LEVEL, levelRows, type Formula, type Network } from '@tweedie/core';
import { attention } from './attention.ts';
import { checkInputs, requireOption } from './check.ts';
import { convolution } from './convolution.ts';
import { dropout as dropped } from './dropout.ts';
import { sinusoids } from './embedding.ts';
import { groupNorm, groupsOf } from './group-norm.ts';
import { affineParameters, initialise, normParameters, specsOf, weightsOf, xavier, type Parameter } from './init.ts';
import { patched, unpatched } from './patch.ts';
import { double, halve } from './resample.ts';
import { silu } from './silu.ts';

export interface DigitsOptions {
  /** [H, W, C]; H and W divisible by patch · 2^(levels − 1). Default [28, 28, 1]. */
  readonly shape?: readonly [number, number, number];
  /** Number of classes, 0 for unconditional. Default 10. */
  readonly classes?: number;
  /** Squares of patch² pixels become the channels of one. Default 2. */
  readonly patch?: number;
  /** Width of each level, finest first. Default [32, 64]. */
  readonly channels?: readonly number[];
  /** Residual blocks of each level, on the way down and, but for the coarsest, on the way up. Default [1, 2]. */
  readonly blocks?: readonly number[];
  /** Width of the embedding of noise level and class. Default 128. */
  readonly embedding?: number;
  /** Fourier features of c_noise: sines and cosines of so many frequencies. Default 16. */
  readonly features?: number;
  /** Whether the coarsest level attends, once, after its blocks. Default false. */
  readonly attention?: boolean;
  /** Probability in [0, 1), while training. Default 0. */
  readonly dropout?: number;
  /** Mean of all pixels of the data; the network sees centred images. Default −0.7386 (MNIST in [−1, 1]); 0 leaves them as they are. */
  readonly dataMean?: number;
  /** σ_data of the EDM preconditioning around the network; used only to centre, where `dataMean` is not 0. Default 0.6. */
  readonly sigmaData?: number;
}

type Settings = Required<DigitsOptions>;

/**
 * The digits network.
 *
 * Centring happens inside: with D = c_skip y + c_out F and a denoiser D_c of centred data y − m, D = m + D_c(y − m) means
 * F(x) = F_c(x − c_in m) + m σ/(σ_d √(σ² + σ_d²)), where σ = e^{4 c_noise}. So the preconditioner outside stays plain EDM.
 */
export const digits = (options: DigitsOptions = {}): Network => {
  const settings = settingsOf(options);
  const { shape, classes, patch, channels, blocks, features, dataMean, sigmaData } = settings;
  const norms = normsOf(settings);
  const parameters = parametersOf(settings, norms);
  const frequencies = frequenciesOf(features);
  const coarsest = channels.length - 1;
  const scale = hypot(SIGMA, sigmaData); // √(σ² + σ_d²) = 1/c_in

  const apply: Network['apply'] = (weights, x, cNoise, label, train) =>
    tidy(() => {
      checkInputs({ name: NAME, shape, classes }, x, cNoise, label);
      const w = weightsOf(`network ${NAME}`, weights);
      const conv = (input: Tensor4D, name: string): Tensor4D =>
        convolution(input, w<Tensor4D>(`${name}.weight`), w<Tensor1D>(`${name}.bias`));

      // Noise level and class → one vector → scale and shift of every norm, in one product.
      const seen = matMul(sinusoids(cNoise, frequencies), w<Tensor2D>('embed.weight'));
      const noise = add<Tensor2D>(seen, w<Tensor1D>('embed.bias'));
      const embedding = silu(
        label === undefined || classes === 0 ? noise : add<Tensor2D>(noise, matMul(label, w<Tensor2D>('label.weight'))),
      );
      const film = split(
        add<Tensor2D>(matMul(embedding, w<Tensor2D>('film.weight')), w<Tensor1D>('film.bias')),
        norms.flatMap(({ width }) => [width, width]),
        1,
      );
      const place = new Map(norms.map(({ name }, i) => [name, i]));
      const norm = (input: Tensor4D, name: string): Tensor4D => {
        const i = place.get(name)!;
        return groupNorm(input, { groups: groupsOf(input.shape[3]), scale: film[2 * i]!, shift: film[2 * i + 1]!, activate: true });
      };
      const block = (input: Tensor4D, name: string): Tensor4D => {
        const h = norm(convolution(input, w<Tensor4D>(`${name}.conv0.weight`)), name);
        return add(
          input,
          conv(train !== undefined && settings.dropout > 0 ? dropped(h, settings.dropout, train, place.get(name)!) : h, `${name}.conv1`),
        );
      };
      const level = (input: Tensor4D, prefix: string, count: number): Tensor4D =>
        Array.from({ length: count }, (_, i) => `${prefix}.block${i}`).reduce(block, input);

      const skips: Tensor4D[] = [];
      const centred = dataMean === 0 ? x : add(x, column(cNoise, div(-dataMean, scale)));
      let h = conv(patched(centred as Tensor4D, patch), 'stem');
      channels.forEach((_, l) => {
        h = level(h, `enc${l}`, blocks[l]!);
        if (l === coarsest) return;
        skips.push(h);
        h = conv(halve(h, PAIR), `shrink${l}`);
      });
      if (settings.attention) {
        const normed = groupNorm(h, { groups: groupsOf(h.shape[3]), scale: w('attention.norm.weight'), shift: w('attention.norm.bias') });
        h = add<Tensor4D>(
          h,
          conv(attention(normed, w<Tensor4D>('attention.qkv.weight'), w<Tensor1D>('attention.qkv.bias')), 'attention.proj'),
        );
      }
      for (let l = coarsest - 1; l >= 0; l--) {
        h = add<Tensor4D>(double(conv(h, `grow${l}`), PAIR), skips.pop()!);
        h = level(h, `dec${l}`, blocks[l]!);
      }
      const out = unpatched(conv(norm(h, 'out'), 'out'), patch);
      return dataMean === 0 ? out : add(out, column(cNoise, div(mul(dataMean, SIGMA), mul(sigmaData, scale))));
    });

  return Object.freeze<Network>({
    kind: 'network',
    api: 1,
    name: NAME,
    config: Object.freeze({ ...settings }),
    shape,
    classes,
    parameters: specsOf(parameters),
    init: (source) => initialise(parameters, source),
    apply,
    doubleDifferentiable: true,
  });
};

const NAME = 'digits';
const PAIR = { filter: [1, 1], padding: 0 } as const;

const { div, exp, hypot, mul } = formula;

/** σ = e^{4 c_noise}. */
const SIGMA = exp(mul(4, LEVEL));

/** One number a row, in a shape that broadcasts over images. */
const column = (cNoise: Float64Array, f: Formula): Tensor => levelRows(cNoise, f, [1, 1, 1]);

/** From 1 to 32, geometrically: c_noise = ¼ ln σ spans about 2.6. */
const frequenciesOf = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => 32 ** (count === 1 ? 0 : i / (count - 1)));

interface Norm {
  readonly name: string;
  readonly width: number;
}

/** Every norm with FiLM, in the order in which they run. */
const normsOf = ({ channels, blocks }: Settings): readonly Norm[] => {
  const level = (prefix: string, l: number): Norm[] =>
    Array.from({ length: blocks[l]! }, (_, i) => ({ name: `${prefix}${l}.block${i}`, width: channels[l]! }));
  return [
    ...channels.flatMap((_, l) => level('enc', l)),
    ...channels.slice(0, -1).flatMap((_, l) => level('dec', channels.length - 2 - l)),
    { name: 'out', width: channels[0]! },
  ];
};

const parametersOf = (
  { shape, classes, patch, channels, embedding, features, attention: attends }: Settings,
  norms: readonly Norm[],
): readonly Parameter[] => {
  const depth = shape[2] * patch * patch;
  const conv = (name: string, size: number, from: number, to: number, gain = 1): Parameter[] =>
    affineParameters(name, [size, size, from, to], gain);
  const films = norms.reduce((total, { width }) => total + 2 * width, 0);
  const unit = Float32Array.from(norms.flatMap(({ width }) => [...new Array<number>(width).fill(1), ...new Array<number>(width).fill(0)]));
  const last = channels.at(-1)!;
  return [
    ...affineParameters('embed', [2 * features, embedding]),
    ...(classes > 0 ? [{ name: 'label.weight', shape: [classes, embedding], start: xavier() }] : []),
    { name: 'film.weight', shape: [embedding, films], start: xavier() },
    { name: 'film.bias', shape: [films], start: { kind: 'values', values: unit } },
    ...conv('stem', 3, depth, channels[0]!),
    ...norms
      .filter(({ name }) => name !== 'out')
      .flatMap(({ name, width }) => [
        { name: `${name}.conv0.weight`, shape: [3, 3, width, width], start: xavier() },
        ...conv(`${name}.conv1`, 3, width, width, NEARLY_ZERO),
      ]),
    ...channels
      .slice(1)
      .flatMap((width, l) => [...conv(`shrink${l}`, 1, channels[l]!, width), ...conv(`grow${l}`, 1, width, channels[l]!)]),
    ...(attends
      ? [
          ...normParameters('attention.norm', last),
          ...conv('attention.qkv', 1, last, 3 * last, Math.sqrt(0.2)),
          ...conv('attention.proj', 1, last, last, NEARLY_ZERO),
        ]
      : []),
    ...conv('out', 3, channels[0]!, depth, HALF),
  ];
};

/**
 * Gain of what the residual blocks and the output begin with. Nearly nothing is the habit of long trainings; a run of a few
 * hundred steps has no time to grow out of it.
 */
const HALF = 0.5;

/** Gain of what is added to a path at the start: nearly nothing. */
const NEARLY_ZERO = 1e-5;

const settingsOf = (options: DigitsOptions): Settings => {
  const settings: Settings = {
    shape: [...(options.shape ?? ([28, 28, 1] as const))],
    classes: options.classes ?? 10,
    patch: options.patch ?? 2,
    channels: [...(options.channels ?? [32, 64])],
    blocks: [...(options.blocks ?? [1, 2])],
    embedding: options.embedding ?? 128,
    features: options.features ?? 16,
    attention: options.attention ?? false,
    dropout: options.dropout ?? 0,
    dataMean: options.dataMean ?? -0.7386,
    sigmaData: options.sigmaData ?? 0.6,
  };
  const { shape, classes, patch, channels, blocks, embedding, features, dropout, dataMean, sigmaData } = settings;
  const must = (holds: boolean, problem: string, got: unknown, expected: string): void =>
    requireOption(`network ${NAME}`, holds, problem, got, expected);
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  must(
    shape.length === 3 && shape.every((extent) => whole(extent, 1)),
    '`shape` is no shape of images',
    shape,
    '[height, width, channels]',
  );
  must(whole(classes, 0), '`classes` is no count', classes, 'a whole number ≥ 0');
  must(whole(patch, 1), '`patch` is no size', patch, 'a whole number ≥ 1');
  must(
    channels.length > 0 && channels.every((width) => whole(width, 1) && width % groupsOf(width) === 0),
    '`channels` does not give the width of each level',
    channels,
    'whole numbers, finest level first, multiples of 4 up to 128, of 32 above',
  );
  must(
    blocks.length === channels.length && blocks.every((count) => whole(count, 0)),
    '`blocks` does not give the blocks of each level',
    blocks,
    `${channels.length} whole numbers ≥ 0`,
  );
  must(whole(embedding, 1), '`embedding` is no width', embedding, 'a whole number ≥ 1');
  must(whole(features, 1), '`features` is no count', features, 'a whole number ≥ 1');
  must(dropout >= 0 && dropout < 1, '`dropout` is no probability', dropout, 'a number in [0, 1)');
  must(Number.isFinite(dataMean), '`dataMean` is no number', dataMean, 'a finite number');
  must(sigmaData > 0, '`sigmaData` is no standard deviation', sigmaData, 'a number > 0');
  const step = patch * 2 ** (channels.length - 1);
  must(
    shape[0] % step === 0 && shape[1] % step === 0,
    `images cannot be halved ${channels.length - 1} times after patches of ${patch}`,
    shape,
    `height and width divisible by ${step}`,
  );
  return settings;
};
