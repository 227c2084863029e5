import { readFile } from 'node:fs/promises';
import type { Extractor } from '@tweedie/core';
import { readBytes } from '@tweedie/core/node';
import { cifarnet } from './cifarnet.ts';
import { FID_WEIGHTS } from './inception-weights.ts';
import { inception, type InceptionOptions } from './inception.ts';
import { mnistnet } from './mnistnet.ts';

/** mnistnet with the weights that come with this package (99.02 % of the MNIST test split; recipes/mnistnet.ts). */
export const loadMnistnet = async (): Promise<Extractor> =>
  mnistnet(await readFile(new URL('../weights/mnistnet.safetensors', import.meta.url)));

/** cifarnet with the weights that come with this package (82.64 % of the CIFAR-10 test split; recipes/cifarnet.ts). */
export const loadCifarnet = async (): Promise<Extractor> =>
  cifarnet(await readFile(new URL('../weights/cifarnet.safetensors', import.meta.url)));

/** {@link inception} of a file. The real FID's is `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid: the user fetches it (README). */
export const loadInception = async (path: string, options: InceptionOptions = {}): Promise<Extractor> =>
  inception(await readBytes(path, `give the path of a .pth of ${FID_WEIGHTS.bytes} bytes`), options);
