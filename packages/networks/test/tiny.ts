import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { createNoise, type Network } from '@tweedie/core';
import { digits } from '../src/digits.ts';
import { mlp } from '../src/mlp.ts';
import { ddpmpp, ncsnpp, songUnet, type SongUNetOptions } from '../src/song-unet.ts';

const small = {
  shape: [8, 8, 2],
  modelChannels: 4,
  channelMult: [1, 2],
  numBlocks: 1,
  attentionAt: [8],
} as const satisfies SongUNetOptions;

/** One small network of each kind: every setting of the family is in one of them. */
export const tinyNetworks: Readonly<Record<string, () => Network>> = {
  'ddpmpp, conditional': () => ddpmpp({ ...small, classes: 3, dropout: 0.2 }),
  ncsnpp: () => ncsnpp(small),
  'skip encoder and decoder, Fourier, smooth filter': () =>
    songUnet({
      ...small,
      embedding: 'fourier',
      encoder: 'skip',
      decoder: 'skip',
      channelMult: [1, 2, 2],
      resampleFilter: [1, 3, 3, 1],
      classes: 2,
    }),
  'residual encoder, skip decoder, patches, not square': () =>
    songUnet({ ...small, shape: [16, 8, 1], encoder: 'residual', decoder: 'skip', patch: 2, numBlocks: 2 }),
  digits: () => digits({ shape: [8, 8, 1], channels: [4, 8], blocks: [1, 1], embedding: 8, features: 4, dropout: 0.2 }),
  'digits with attention, unconditional, three levels': () =>
    digits({
      shape: [8, 4, 2],
      classes: 0,
      patch: 1,
      channels: [4, 4, 8],
      blocks: [0, 1, 1],
      embedding: 8,
      features: 4,
      attention: true,
      dataMean: 0,
    }),
  mlp: () => mlp({ shape: [2], classes: 3, width: 8, depth: 2, features: 4, noiseFeatures: 4 }),
  'mlp of the coordinates alone': () => mlp({ shape: [3], width: 8, depth: 1, features: 0 }),
};

/** Weights with nothing near zero, so that every path matters. */
export const busyWeights = (network: Network): Record<string, Tensor> => {
  const start = network.init(createNoise(3));
  return Object.fromEntries(
    network.parameters.map(({ name, shape, trainable }, i) => {
      const size = start[name]!.length;
      const width = Math.max(1, size / shape.at(-1)!);
      const stir = createNoise(5).hostNormal([1, size], { stream: 1024, step: i });
      const stirred =
        trainable === false
          ? start[name]!
          : start[name]!.map((value, j) => value + (0.3 * stir[j]!) / Math.sqrt(shape.length === 1 ? 4 : width / 4));
      return [name, tensor(Float32Array.from(stirred), [...shape])];
    }),
  );
};
