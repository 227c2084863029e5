import { createRequire } from 'node:module';
import { tensor, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { createNoise, type Network } from '@tweedie/core';
import { ddpmpp, digits, mlp, ncsnpp, songUnet } from '@tweedie/networks';

const small = { shape: [8, 8, 2], modelChannels: 8, channelMult: [1, 2], numBlocks: 1, attentionAt: [8] } as const;

/** Small networks of every kind and with every setting that changes what is computed. */
export const networks: readonly (readonly [string, () => Network])[] = [
  ['digits', () => digits({ channels: [8, 16], embedding: 32 })],
  [
    'digits with attention, unconditional, not square',
    () => digits({ shape: [8, 4, 2], classes: 0, patch: 1, channels: [4, 4, 8], blocks: [0, 1, 1], attention: true, dataMean: 0 }),
  ],
  ['ddpmpp, conditional', () => ddpmpp({ ...small, classes: 3 })],
  ['ncsnpp', () => ncsnpp(small)],
  [
    'skip encoder and decoder, Fourier, smooth filter',
    () =>
      songUnet({ ...small, embedding: 'fourier', encoder: 'skip', decoder: 'skip', channelMult: [1, 2, 2], resampleFilter: [1, 3, 3, 1] }),
  ],
  [
    'residual encoder, skip decoder, patches, not square',
    () => songUnet({ ...small, shape: [16, 8, 1], encoder: 'residual', decoder: 'skip', patch: 2, numBlocks: 2 }),
  ],
  ['mlp', () => mlp({ shape: [2], classes: 4, width: 32 })],
  ['mlp of the coordinates alone', () => mlp({ shape: [3], width: 16, depth: 1, features: 0 })],
];

/** Weights with nothing near zero, so that every path matters. */
export const stirred = (network: Network): Record<string, Tensor> => {
  const start = network.init(createNoise(3));
  return Object.fromEntries(
    network.parameters.map(({ name, shape, trainable }, i) => {
      const values = start[name]!;
      const fan = Math.max(4, values.length / shape.at(-1)!);
      const stir = createNoise(5).hostNormal([1, values.length], { stream: 1024, step: i });
      return [name, tensor(trainable === false ? values : values.map((x, j) => x + (0.5 * stir[j]!) / Math.sqrt(fan)), [...shape])];
    }),
  );
};

/** Noisy points of a standard deviation that belongs to ρ. */
export const noisy = ({ shape }: Network, rows: number, rho: number): Tensor =>
  tensor(
    Float32Array.from(createNoise(7).hostNormal([rows, ...shape], { stream: 1 }), (z) => z * Math.hypot(0.6, rho)),
    [rows, ...shape],
  );

/** Classes 0, 1, … and a last row without one. */
export const labels = ({ classes }: Network, rows: number): Tensor2D | undefined =>
  classes === 0
    ? undefined
    : (tensor(
        Float32Array.from({ length: rows * classes }, (_, i) =>
          Number(i % classes === Math.floor(i / classes) % classes && i < (rows - 1) * classes),
        ),
        [rows, classes],
      ) as Tensor2D);

/** Why tests of ONNX Runtime cannot run here; undefined where they can. */
export const withoutRuntime = ((): string | undefined => {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return undefined;
  } catch {
    return 'onnxruntime-node is not installed';
  }
})();

export const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0) : Infinity;
