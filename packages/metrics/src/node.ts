import { readFile } from 'node:fs/promises';
import type { Extractor } from '@tweedie/core';
import { cifarnet } from './cifarnet.ts';
import { mnistnet } from './mnistnet.ts';

/** mnistnet with the weights that come with this package (99.02 % of the MNIST test split; recipes/mnistnet.ts). */
export const loadMnistnet = async (): Promise<Extractor> =>
  mnistnet(await readFile(new URL('../weights/mnistnet.safetensors', import.meta.url)));

/** cifarnet with the weights that come with this package (recipes/cifarnet.ts). */
export const loadCifarnet = async (): Promise<Extractor> =>
  cifarnet(await readFile(new URL('../weights/cifarnet.safetensors', import.meta.url)));
