import { createRequire } from 'node:module';
import { definePlugin, provide, type Plugin } from '@tweedie/core';
import { z } from 'zod';
import { imageFolder } from './folder.ts';
import { npzData } from './npz-data.ts';
import { cifar10, fashionMnist, mnist } from './published.ts';
import { toy, TOY_NAMES, type ToyName } from './toys.ts';

/** Drops keys that are undefined: an absent option and an undefined one are the same. */
const given = <T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

const split = z.enum(['train', 'test']).default('train').describe('which part');

/** Options of `mnist`, and of `cifar10` beside its own. */
export const publishedOptions = z.strictObject({
  split,
  cache: z.string().min(1).optional().describe('the folder of all data sets; default TWEEDIE_CACHE, or the system’s folder for caches'),
  fetch: z.boolean().default(false).describe('let npm fetch what is not there'),
});

/** Options of `cifar10`. */
export const cifar10Options = publishedOptions.extend({
  flip: z.boolean().default(false).describe('whether mirror images belong to the data: twice as many rows'),
});

/** Options of `fashion-mnist`. */
export const fashionMnistOptions = z.strictObject({
  split,
  path: z
    .string()
    .min(1)
    .optional()
    .describe('the folder with the four IDX files (gzipped or not); default fashion-mnist in the cache folder'),
});

/** Options of `folder`. */
export const folderOptions = z.strictObject({
  path: z.string().min(1).describe('a folder of pictures, or of one subfolder for each class'),
  size: z
    .union([z.int().min(1).max(4096), z.tuple([z.int().min(1).max(4096), z.int().min(1).max(4096)])])
    .optional()
    .describe('side, or [height, width], that pictures are resized to; without it all must be equally large'),
  fit: z
    .enum(['cover', 'contain', 'fill'])
    .default('cover')
    .describe('another aspect: cover cuts the middle out, contain adds margins, fill distorts'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .default(3)
    .describe('1 for grey, 3 for colour'),
  background: z.int().min(0).max(255).default(255).describe('grey level behind transparent pixels and in margins'),
});

/** Options of `npz`. */
export const npzOptions = z.strictObject({
  path: z.string().min(1).describe('an .npz file with arr_0 uint8 [N, H, W, C] and, if there are classes, labels [N]'),
  classes: z.int().min(1).optional().describe('number of classes; default the largest label and one'),
});

/** Options of the four toys. */
export const toyOptions = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(2 ** 32)
    .default(2 ** 20)
    .describe('number of points; point i does not depend on it'),
  seed: z.int().default(0).describe('equal seeds, equal points'),
});

const TOYS: Readonly<Record<ToyName, string>> = {
  checkerboard: 'uniform on every other cell of a 4×4 board',
  'swiss-roll': 'a spiral of one and a half turns',
  rings: 'four concentric circles; the circle is the class',
  'eight-gaussians': 'eight Gaussians on a circle; the Gaussian is the class',
};

export const plugin: Plugin = definePlugin({
  name: '@tweedie/data',
  version: (createRequire(import.meta.url)('../package.json') as { version: string }).version,
  provides: [
    provide({
      kind: 'data',
      name: 'mnist',
      summary: 'MNIST digits, 28×28 grey, 60 000 + 10 000',
      options: publishedOptions,
      create: (options) => mnist(given(options)),
    }),
    provide({
      kind: 'data',
      name: 'cifar10',
      summary: 'CIFAR-10 photographs, 32×32 colour, 50 000 + 10 000',
      options: cifar10Options,
      create: (options) => cifar10(given(options)),
    }),
    provide({
      kind: 'data',
      name: 'fashion-mnist',
      summary: 'Fashion-MNIST clothing, 28×28 grey, 60 000 + 10 000, from a folder',
      options: fashionMnistOptions,
      create: (options) => fashionMnist(given(options)),
    }),
    provide({
      kind: 'data',
      name: 'folder',
      summary: 'a folder of pictures; subfolders are classes',
      options: folderOptions,
      create: (options) => imageFolder(given(options)),
    }),
    provide({
      kind: 'data',
      name: 'npz',
      summary: 'images in a NumPy archive',
      options: npzOptions,
      create: (options) => npzData(given(options)),
    }),
    ...TOY_NAMES.map((name) =>
      provide({
        kind: 'data',
        name,
        summary: `points in the plane: ${TOYS[name]}`,
        options: toyOptions,
        create: (options) => toy({ name, ...options }),
      }),
    ),
  ],
});
