import { definePlugin, provide, type Plugin } from '@tweedie/core';
import { z } from 'zod';
import { digits } from './digits.ts';
import { mlp } from './mlp.ts';
import { ddpmpp, ncsnpp } from './song-unet.ts';

const count = z.int().min(1);
const counts = z.array(count).min(1);
const imageShape = z.tuple([count, count, count]).describe('[height, width, channels] of an image; filled in from the data set');
const classes = z.int().min(0).default(0).describe('number of classes, 0 for unconditional; filled in from the data set');

const songOptions = (own: {
  embedding: 'positional' | 'fourier';
  encoder: 'standard' | 'residual' | 'skip';
  channelMultNoise: number;
  resampleFilter: number[];
}) =>
  z.strictObject({
    shape: imageShape,
    classes,
    embedding: z.enum(['positional', 'fourier']).default(own.embedding).describe('how the noise level is embedded'),
    encoder: z
      .enum(['standard', 'residual', 'skip'])
      .default(own.encoder)
      .describe('second path down from the input: none, convolved, or the image itself'),
    decoder: z
      .enum(['standard', 'skip'])
      .default('standard')
      .describe('whether every level adds to the output (skip), or the finest alone'),
    channelMultNoise: count.default(own.channelMultNoise).describe('width of the noise embedding over modelChannels'),
    resampleFilter: z
      .array(z.number())
      .min(2)
      .default(own.resampleFilter)
      .describe('filter of up- and down-sampling in one direction: [1,1] or [1,3,3,1]'),
    modelChannels: count.default(128).describe('width C of the network'),
    channelMult: counts.default([2, 2, 2]).describe('width of each level over modelChannels, finest first'),
    numBlocks: count.default(4).describe('blocks of a level on the way down; one more on the way up'),
    attentionAt: z.array(count).default([16]).describe('heights at which blocks attend; the coarsest level attends once in any case'),
    dropout: z.number().min(0).lt(1).default(0.13).describe('probability of dropout while training'),
    augmentDim: z.int().min(0).default(0).describe('width of augmentation labels, 0 for none; 9 in EDM’s public CIFAR-10 checkpoints'),
    patch: count.default(1).describe('squares of patch² pixels enter as the channels of one'),
  });

/** Options of `ddpmpp`. */
export const ddpmppOptions = songOptions({ embedding: 'positional', encoder: 'standard', channelMultNoise: 1, resampleFilter: [1, 1] });
/** Options of `ncsnpp`. */
export const ncsnppOptions = songOptions({ embedding: 'fourier', encoder: 'residual', channelMultNoise: 2, resampleFilter: [1, 3, 3, 1] });

/** Options of `digits`. */
export const digitsOptions = z.strictObject({
  shape: imageShape.default([28, 28, 1]),
  classes: classes.default(10),
  patch: count.default(2).describe('squares of patch² pixels become the channels of one'),
  channels: counts.default([32, 64]).describe('width of each level, finest first'),
  blocks: z.array(z.int().min(0)).min(1).default([1, 2]).describe('residual blocks of each level'),
  embedding: count.default(128).describe('width of the embedding of noise level and class'),
  features: count.default(16).describe('frequencies at which the noise level is seen'),
  attention: z.boolean().default(false).describe('whether the coarsest level attends'),
  dropout: z.number().min(0).lt(1).default(0).describe('probability of dropout while training'),
  dataMean: z.number().default(-0.7386).describe('mean of all pixels of the data; the network sees centred images'),
  sigmaData: z.number().positive().default(0.6).describe('σ_data of the EDM preconditioning, for centring'),
});

/** Options of `mlp`. */
export const mlpOptions = z.strictObject({
  shape: counts.describe('shape of a point, such as [2]; filled in from the data set'),
  classes,
  width: count.default(128).describe('width of the hidden layers'),
  depth: count.default(3).describe('number of residual blocks'),
  features: z.int().min(0).default(16).describe('random Fourier features of the coordinates, 0 for the coordinates alone'),
  frequency: z.number().positive().default(0.5).describe('standard deviation of their frequencies, in periods per unit of the input'),
  noiseFeatures: count.default(16).describe('frequencies at which the noise level is seen'),
});

/** The networks of this package, by name. */
const plugin: Plugin = definePlugin({
  name: '@tweedie/networks',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'network',
      name: 'ddpmpp',
      summary: 'DDPM++, the U-Net of Song et al. 2021 with the settings of Karras et al. 2022',
      options: ddpmppOptions,
      create: ddpmpp,
    }),
    provide({
      kind: 'network',
      name: 'ncsnpp',
      summary: 'NCSN++, its sibling with Fourier embedding, residual input pyramid and smoothing filters',
      options: ncsnppOptions,
      create: ncsnpp,
    }),
    provide({
      kind: 'network',
      name: 'digits',
      summary: 'a small U-Net with FiLM that trains on a CPU in minutes',
      options: digitsOptions,
      create: digits,
    }),
    provide({
      kind: 'network',
      name: 'mlp',
      summary: 'a residual perceptron with Fourier features, for points',
      options: mlpOptions,
      create: mlp,
    }),
  ],
});

export default plugin;
