// The DDPM++ / NCSN++ family. Y. Song et al. (2011.13456), appendix H, in the form of T. Karras et al. (2206.00364), appendix C and table 8 (networks F).
import { add, concat, matMul, mul, tidy, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core';
import type { Network, Noise } from '@tweedie/core';
import { tweedieError } from '@tweedie/core';
import { attention } from './attention.ts';
import { checkInputs, requireOption } from './check.ts';
import { convolution } from './convolution.ts';
import { dropout as dropped } from './dropout.ts';
import { fourierEmbedding, positionalFrequencies, sinusoids } from './embedding.ts';
import { groupNorm, groupsOf } from './group-norm.ts';
import { affineParameters, initialise, normal, normParameters, specsOf, weightsOf, xavier, type Parameter } from './init.ts';
import { patched, unpatched } from './patch.ts';
import { double, halve, isResamplingFilter, outer, type Resampling } from './resample.ts';
import { silu } from './silu.ts';

export interface SongUNetOptions {
  /** [H, W, C] of an image. H and W are divisible by patch · 2^(levels − 1). */
  readonly shape: readonly [number, number, number];
  /** Number of classes; 0, the default, is unconditional. */
  readonly classes?: number;
  /** How c_noise is embedded. Default `positional`. */
  readonly embedding?: 'positional' | 'fourier';
  /** What a second path carries down from the input: nothing, 3×3 convolutions added to every level, or the image itself. Default `standard`. */
  readonly encoder?: 'standard' | 'residual' | 'skip';
  /** Whether every level adds to the output image, or only the finest. Default `standard`. */
  readonly decoder?: 'standard' | 'skip';
  /** Width of the noise embedding over `modelChannels`. Default 1. */
  readonly channelMultNoise?: number;
  /** Filter of up- and down-sampling, in one direction. Default [1, 1]. */
  readonly resampleFilter?: readonly number[];
  /** C. Default 128. */
  readonly modelChannels?: number;
  /** Width of each level over C, finest first. Default [2, 2, 2]. */
  readonly channelMult?: readonly number[];
  /** Blocks of a level on the way down; one more on the way up. Default 4. */
  readonly numBlocks?: number;
  /** Resolutions (heights) at which blocks attend. Default [16]. */
  readonly attentionAt?: readonly number[];
  /** Probability in [0, 1), while training. Default 0.13. */
  readonly dropout?: number;
  /** Width of augmentation labels; 0, the default, for none. */
  readonly augmentDim?: number;
  /** Squares of patch² pixels enter as the channels of one. Default 1, as the papers. */
  readonly patch?: number;
}

/** A network of the family: `apply` takes augmentation labels [B, augmentDim] as well. */
export interface SongUNet extends Network {
  apply(
    weights: Readonly<Record<string, Tensor>>,
    x: Tensor,
    cNoise: Float64Array,
    label?: Tensor2D,
    train?: { readonly noise: Noise; readonly step: number },
    augment?: Tensor2D,
  ): Tensor;
}

/** DDPM++ (Song et al. 2021) with the settings of Karras et al. 2022; any of them can be changed. */
export const ddpmpp = (options: SongUNetOptions): SongUNet => named('ddpmpp', options);

/** NCSN++ (Song et al. 2021) with the settings of Karras et al. 2022; any of them can be changed. */
export const ncsnpp = (options: SongUNetOptions): SongUNet =>
  named('ncsnpp', {
    ...options,
    embedding: options.embedding ?? 'fourier',
    encoder: options.encoder ?? 'residual',
    channelMultNoise: options.channelMultNoise ?? 2,
    resampleFilter: options.resampleFilter ?? [1, 3, 3, 1],
  });

/** Any network of the family. Its name is `ddpmpp`, which makes it again of its config. */
export const songUnet = (options: SongUNetOptions): SongUNet => named('ddpmpp', options);

type Settings = Required<SongUNetOptions>;

/** One layer of the encoder or the decoder, in the order in which they run. */
type Layer =
  | { readonly kind: 'conv' | 'aux-skip' | 'aux-residual' | 'aux-conv'; readonly name: string; readonly from: number; readonly to: number }
  | { readonly kind: 'aux-down' | 'aux-up'; readonly name: string }
  | { readonly kind: 'aux-norm'; readonly name: string; readonly to: number }
  | Block;
interface Block {
  readonly kind: 'block';
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly resample: 'up' | 'down' | 'none';
  readonly attends: boolean;
  /** Joined with the last output of the encoder that is not used yet. */
  readonly joins: boolean;
  /** Place among all blocks: the draw of its dropout. */
  readonly place: number;
}

const named = (name: string, options: SongUNetOptions): SongUNet => {
  const settings = settingsOf(name, options);
  const { shape, classes, patch, resampleFilter } = settings;
  const layers = layersOf(settings);
  checkGroups(name, layers);
  const parameters = parametersOf(settings, layers);
  const sampling: Resampling = { filter: resampleFilter, padding: Math.floor((resampleFilter.length - 1) / 2) };

  const apply: SongUNet['apply'] = (weights, x, cNoise, label, train, augment) =>
    tidy(() => {
      checkInputs({ name, shape, classes }, x, cNoise, label);
      checkAugment(name, settings.augmentDim, x.shape[0], augment);
      const w = weightsOf(`network ${name}`, weights);
      const run = runner(settings, w, sampling, embed(settings, w, cNoise, label, augment), train);
      return unpatched(run(layers, patched(x as Tensor4D, patch)), patch);
    });

  return Object.freeze<SongUNet>({
    kind: 'network',
    api: 1,
    name,
    config: Object.freeze({ ...settings }),
    shape: settings.shape,
    classes,
    parameters: specsOf(parameters),
    init: (noise) => initialise(parameters, noise),
    apply,
    doubleDifferentiable: true,
  });
};

const settingsOf = (name: string, options: SongUNetOptions): Settings => {
  const settings: Settings = {
    shape: [...options.shape],
    classes: options.classes ?? 0,
    embedding: options.embedding ?? 'positional',
    encoder: options.encoder ?? 'standard',
    decoder: options.decoder ?? 'standard',
    channelMultNoise: options.channelMultNoise ?? 1,
    resampleFilter: [...(options.resampleFilter ?? [1, 1])],
    modelChannels: options.modelChannels ?? 128,
    channelMult: [...(options.channelMult ?? [2, 2, 2])],
    numBlocks: options.numBlocks ?? 4,
    attentionAt: [...(options.attentionAt ?? [16])],
    dropout: options.dropout ?? 0.13,
    augmentDim: options.augmentDim ?? 0,
    patch: options.patch ?? 1,
  };
  const { shape, channelMult, patch, modelChannels, channelMultNoise, numBlocks, dropout, resampleFilter } = settings;
  const subject = `network ${name}`;
  const must = (holds: boolean, problem: string, got: unknown, expected: string): void =>
    requireOption(subject, holds, problem, got, expected);
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  must(
    shape.length === 3 && shape.every((extent) => whole(extent, 1)),
    '`shape` is no shape of images',
    shape,
    '[height, width, channels]',
  );
  must(whole(settings.classes, 0), '`classes` is no count', settings.classes, 'a whole number ≥ 0');
  must(whole(settings.augmentDim, 0), '`augmentDim` is no count', settings.augmentDim, 'a whole number ≥ 0');
  must(whole(modelChannels, 1), '`modelChannels` is no width', modelChannels, 'a whole number ≥ 1');
  must(whole(patch, 1), '`patch` is no size', patch, 'a whole number ≥ 1');
  must(
    channelMult.length > 0 && channelMult.every((mult) => whole(mult, 1)),
    '`channelMult` does not give the width of each level',
    channelMult,
    'whole numbers ≥ 1, finest level first',
  );
  must(whole(numBlocks, 1), '`numBlocks` is no count', numBlocks, 'a whole number ≥ 1');
  must(dropout >= 0 && dropout < 1, '`dropout` is no probability', dropout, 'a number in [0, 1)');
  must(
    isResamplingFilter(resampleFilter),
    '`resampleFilter` cannot halve and double',
    resampleFilter,
    'an even number of symmetric taps, [1, 1] or [1, 3, 3, 1]',
  );
  const embedding = modelChannels * channelMultNoise;
  must(
    whole(embedding / 2, 1),
    'the noise embedding cannot be split into sines and cosines',
    embedding,
    'an even modelChannels · channelMultNoise',
  );
  const step = patch * 2 ** (channelMult.length - 1);
  must(
    shape[0] % step === 0 && shape[1] % step === 0,
    `images cannot be halved ${channelMult.length - 1} times${patch > 1 ? ` after patches of ${patch}` : ''}`,
    shape,
    `height and width divisible by ${step}`,
  );
  return settings;
};

/** Every norm must fall into whole groups: concatenated widths too. */
const checkGroups = (name: string, layers: readonly Layer[]): void => {
  const widths = layers.flatMap((layer) => (layer.kind === 'block' ? [layer.from, layer.to] : 'to' in layer ? [layer.to] : []));
  const bad = widths.find((width) => width % groupsOf(width) !== 0);
  requireOption(
    `network ${name}`,
    bad === undefined,
    `${bad} channels do not fall into ${groupsOf(bad ?? 0)} groups`,
    bad,
    'a `modelChannels` divisible by 4, best by 32',
  );
};

const layersOf = ({ shape, patch, channelMult, modelChannels, numBlocks, attentionAt, encoder, decoder }: Settings): readonly Layer[] => {
  const [height, width, depth] = [shape[0] / patch, shape[1] / patch, shape[2] * patch * patch];
  const at = (level: number): string => `${height >> level}x${width >> level}`;
  const attendsAt = (level: number): boolean => attentionAt.includes(height >> level);
  const layers: Layer[] = [];
  const skips: number[] = [];
  let place = 0;
  let channels = modelChannels;
  let aux = depth;
  const block = (
    name: string,
    to: number,
    { resample = 'none', attends = false, joined = 0 }: { resample?: Block['resample']; attends?: boolean; joined?: number } = {},
  ): void => {
    layers.push({ kind: 'block', name, from: channels + joined, to, resample, attends, joins: joined > 0, place: place++ });
    channels = to;
  };

  channelMult.forEach((mult, level) => {
    if (level === 0) {
      layers.push({ kind: 'conv', name: `enc.${at(0)}_conv`, from: depth, to: channels });
      skips.push(channels);
    } else {
      block(`enc.${at(level)}_down`, channels, { resample: 'down' });
      skips.push(channels);
      if (encoder === 'skip') {
        layers.push(
          { kind: 'aux-down', name: `enc.${at(level)}_aux_down` },
          { kind: 'aux-skip', name: `enc.${at(level)}_aux_skip`, from: aux, to: channels },
        );
      }
      if (encoder === 'residual') {
        layers.push({ kind: 'aux-residual', name: `enc.${at(level)}_aux_residual`, from: aux, to: channels });
        aux = channels;
      }
    }
    for (let i = 0; i < numBlocks; i++) {
      block(`enc.${at(level)}_block${i}`, modelChannels * mult, { attends: attendsAt(level) });
      skips.push(channels);
    }
  });

  const coarsest = channelMult.length - 1;
  for (let level = coarsest; level >= 0; level--) {
    if (level === coarsest) {
      block(`dec.${at(level)}_in0`, channels, { attends: true });
      block(`dec.${at(level)}_in1`, channels);
    } else block(`dec.${at(level)}_up`, channels, { resample: 'up' });
    for (let i = 0; i <= numBlocks; i++) {
      block(`dec.${at(level)}_block${i}`, modelChannels * channelMult[level]!, {
        attends: i === numBlocks && attendsAt(level),
        joined: skips.pop()!,
      });
    }
    if (decoder === 'skip' && level < coarsest) layers.push({ kind: 'aux-up', name: `dec.${at(level)}_aux_up` });
    if (decoder === 'skip' || level === 0) {
      layers.push(
        { kind: 'aux-norm', name: `dec.${at(level)}_aux_norm`, to: channels },
        { kind: 'aux-conv', name: `dec.${at(level)}_aux_conv`, from: channels, to: depth },
      );
    }
  }
  return layers;
};

/** Gain of what a block adds to its input at the start: nearly nothing. */
const NEARLY_ZERO = 1e-5;

const parametersOf = (
  { modelChannels, channelMultNoise, classes, augmentDim, embedding, resampleFilter }: Settings,
  layers: readonly Layer[],
): readonly Parameter[] => {
  const noiseWidth = modelChannels * channelMultNoise;
  const width = 4 * modelChannels;
  const conv = (name: string, size: number, from: number, to: number, gain = 1): Parameter[] =>
    affineParameters(name, [size, size, from, to], gain);
  const filter = (name: string): Parameter => {
    const taps = resampleFilter.length;
    return {
      name: `${name}.resample_filter`,
      shape: [taps, taps, 1, 1],
      trainable: false,
      start: { kind: 'values', values: outer(resampleFilter) },
    };
  };
  const ofBlock = ({ name, from, to, resample, attends }: Block): Parameter[] => [
    ...normParameters(`${name}.norm0`, from),
    ...conv(`${name}.conv0`, 3, from, to),
    ...(resample === 'none' ? [] : [filter(`${name}.conv0`)]),
    ...affineParameters(`${name}.affine`, [width, to]),
    ...normParameters(`${name}.norm1`, to),
    ...conv(`${name}.conv1`, 3, to, to, NEARLY_ZERO),
    ...(hasSkip({ from, to, resample }) ? conv(`${name}.skip`, 1, from, to) : []),
    ...(resample === 'none' ? [] : [filter(`${name}.skip`)]),
    ...(attends
      ? [
          ...normParameters(`${name}.norm2`, to),
          ...conv(`${name}.qkv`, 1, to, 3 * to, Math.sqrt(0.2)),
          ...conv(`${name}.proj`, 1, to, to, NEARLY_ZERO),
        ]
      : []),
  ];
  const ofLayer = (layer: Layer): Parameter[] => {
    switch (layer.kind) {
      case 'conv':
        return conv(layer.name, 3, layer.from, layer.to);
      case 'aux-skip':
        return conv(layer.name, 1, layer.from, layer.to);
      case 'aux-residual':
        return [...conv(layer.name, 3, layer.from, layer.to), filter(layer.name)];
      case 'aux-conv':
        return conv(layer.name, 3, layer.from, layer.to, NEARLY_ZERO);
      case 'aux-down':
      case 'aux-up':
        return [filter(layer.name)];
      case 'aux-norm':
        return normParameters(layer.name, layer.to);
      case 'block':
        return ofBlock(layer);
    }
  };
  return [
    ...(embedding === 'fourier' ? [{ name: 'map_noise.freqs', shape: [noiseWidth / 2], trainable: false, start: normal(16) }] : []),
    ...(classes > 0 ? affineParameters('map_label', [classes, noiseWidth]) : []),
    ...(augmentDim > 0 ? [{ name: 'map_augment.weight', shape: [augmentDim, noiseWidth], start: xavier() }] : []),
    ...affineParameters('map_layer0', [noiseWidth, width]),
    ...affineParameters('map_layer1', [width, width]),
    ...layers.flatMap(ofLayer),
  ];
};

const hasSkip = ({ from, to, resample }: Pick<Block, 'from' | 'to' | 'resample'>): boolean => from !== to || resample !== 'none';

type Lookup = ReturnType<typeof weightsOf>;

/** c_noise, class and augmentation → the embedding that every block sees, [B, 4C]. */
const embed = (
  { embedding, modelChannels, channelMultNoise, classes }: Settings,
  w: Lookup,
  cNoise: Float64Array,
  label?: Tensor2D,
  augment?: Tensor2D,
): Tensor2D => {
  const linear = (x: Tensor2D, name: string): Tensor2D => add(matMul(x, w<Tensor2D>(`${name}.weight`)), w<Tensor1D>(`${name}.bias`));
  let c =
    embedding === 'fourier'
      ? fourierEmbedding(cNoise, w<Tensor1D>('map_noise.freqs'))
      : sinusoids(cNoise, positionalFrequencies(modelChannels * channelMultNoise));
  if (classes > 0) c = add(c, label === undefined ? w<Tensor1D>('map_label.bias') : linear(mul(label, Math.sqrt(classes)), 'map_label'));
  if (augment !== undefined) c = add(c, matMul(augment, w<Tensor2D>('map_augment.weight')));
  return silu(linear(silu(linear(c, 'map_layer0')), 'map_layer1'));
};

const runner = (
  settings: Settings,
  w: Lookup,
  sampling: Resampling,
  embedding: Tensor2D,
  train?: { readonly noise: Noise; readonly step: number },
) => {
  const filterOf = (name: string): Tensor4D => w<Tensor4D>(`${name}.weight`);
  const biasOf = (name: string): Tensor1D => w<Tensor1D>(`${name}.bias`);
  const conv = (x: Tensor4D, name: string, padding?: number): Tensor4D => convolution(x, filterOf(name), biasOf(name), padding);
  const norm = (x: Tensor4D, name: string, activate: boolean, offset?: Tensor): Tensor4D =>
    groupNorm(x, {
      groups: groupsOf(x.shape[3]),
      scale: w(`${name}.weight`),
      shift: w(`${name}.bias`),
      activate,
      ...(offset === undefined ? {} : { offset }),
    });
  const resampled = (x: Tensor4D, { resample }: Block): Tensor4D =>
    resample === 'up' ? double(x, sampling) : resample === 'down' ? halve(x, sampling) : x;

  const runBlock = (x: Tensor4D, block: Block): Tensor4D => {
    const { name, attends, place } = block;
    // The bias of conv0 and the embedding are one offset of the second norm.
    const h = convolution(resampled(norm(x, `${name}.norm0`, true), block), filterOf(`${name}.conv0`));
    const offset = add(add(matMul(embedding, w<Tensor2D>(`${name}.affine.weight`)), biasOf(`${name}.affine`)), biasOf(`${name}.conv0`));
    const g = norm(h, `${name}.norm1`, true, offset);
    const residue = conv(train !== undefined && settings.dropout > 0 ? dropped(g, settings.dropout, train, place) : g, `${name}.conv1`);
    const y = mul<Tensor4D>(add(residue, hasSkip(block) ? conv(resampled(x, block), `${name}.skip`) : x), Math.SQRT1_2);
    if (!attends) return y;
    const a = attention(norm(y, `${name}.norm2`, false), filterOf(`${name}.qkv`), biasOf(`${name}.qkv`));
    return mul<Tensor4D>(add(conv(a, `${name}.proj`), y), Math.SQRT1_2);
  };

  return (layers: readonly Layer[], input: Tensor4D): Tensor4D => {
    const skips: Tensor4D[] = [];
    let x = input;
    let aux = input;
    let normed: Tensor4D | undefined;
    let output: Tensor4D | undefined;
    for (const layer of layers) {
      switch (layer.kind) {
        case 'conv':
          skips.push((x = conv(x, layer.name)));
          break;
        case 'block':
          x = runBlock(layer.joins ? concat([x, skips.pop()!], 3) : x, layer);
          if (layer.name.startsWith('enc.')) skips.push(x);
          break;
        case 'aux-down':
          aux = halve(aux, sampling);
          break;
        case 'aux-skip':
          skips[skips.length - 1] = x = add<Tensor4D>(x, conv(aux, layer.name));
          break;
        case 'aux-residual':
          // One convolution with room for the filter, which then needs no padding of its own.
          aux = halve(conv(aux, layer.name, 1 + sampling.padding), { ...sampling, padding: 0 });
          skips[skips.length - 1] = x = aux = mul<Tensor4D>(add(x, aux), Math.SQRT1_2);
          break;
        case 'aux-up':
          output = double(output!, sampling);
          break;
        case 'aux-norm':
          normed = norm(x, layer.name, true);
          break;
        case 'aux-conv': {
          const added = conv(normed!, layer.name);
          output = output === undefined ? added : add<Tensor4D>(output, added);
          break;
        }
      }
    }
    return output!;
  };
};

const checkAugment = (name: string, width: number, rows: number, augment?: Tensor2D): void => {
  if (augment === undefined) return;
  if (augment.rank !== 2 || augment.shape[0] !== rows || augment.shape[1] !== width) {
    throw tweedieError({
      subject: `network ${name}`,
      problem: 'the augmentation labels have another shape',
      got: augment.shape,
      expected: width === 0 ? 'none' : `[${rows}, ${width}]`,
      remedy: 'make the network with `augmentDim`',
    });
  }
};
