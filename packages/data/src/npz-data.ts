/** Images in a NumPy archive: `arr_0` uint8 [N, H, W, C] and, if there are classes, `labels` [N]. Sample files of this and other projects have this form. */
import { basename, resolve } from 'node:path';
import { decodeNpz, tweedieError, type Dataset, type NpyArray } from '@tweedie/core';
import { byteDataset, md5 } from './byte-dataset.ts';
import { readWhole } from './bytes.ts';

export interface NpzOptions {
  readonly path: string;
  /** How many classes `labels` count. Default: the largest label and one. */
  readonly classes?: number;
}

/** Reads the archive into memory. The id carries the MD5 of pixels and labels. Errors: no such arrays, another type or shape, a label that is no class. */
export const npzData = async ({ path, classes }: NpzOptions): Promise<Dataset> => {
  const file = resolve(path);
  const arrays = decodeNpz(await readWhole(file), file);
  const images = arrays['arr_0'];
  if (!images)
    throw tweedieError({
      subject: file,
      problem: 'the archive has no images',
      got: Object.keys(arrays).join(', '),
      expected: 'an array arr_0',
      remedy: 'save it with numpy.savez(FILE, images, labels=labels)',
    });
  const [, height, width, channels] = images.shape;
  if (
    !(images.data instanceof Uint8Array) ||
    images.shape.length !== 4 ||
    height === undefined ||
    width === undefined ||
    (channels !== 1 && channels !== 3)
  )
    throw tweedieError({
      subject: `${file}: arr_0`,
      problem: 'the array is no set of images',
      got: `${images.data.constructor.name.replace('Array', '').toLowerCase()} [${images.shape.join(', ')}]`,
      expected: 'uint8 [N, H, W, 1 or 3]',
      remedy: 'convert it with numpy: 0 is black, 255 is white',
    });
  const labels = arrays['labels'] && labelsOf(arrays['labels'], `${file}: labels`);
  const hash = md5(images.shape.join('×'), images.data, labels?.join() ?? '').slice(0, 8);
  return byteDataset({
    id: `${basename(file)}@${hash}`,
    subject: file,
    classes: classes ?? (labels ? labels.reduce((most, label) => Math.max(most, label), 0) + 1 : 0),
    shape: [height, width, channels],
    images: images.data,
    ...(labels && { labels }),
  });
};

const labelsOf = ({ shape, data }: NpyArray, subject: string): Int32Array => {
  const labels = Float64Array.from(data as ArrayLike<number | bigint>, Number);
  const stray = labels.findIndex((label) => !Number.isInteger(label) || label < 0 || label > 0xffff);
  if (shape.length !== 1)
    throw tweedieError({
      subject,
      problem: 'the labels are no list',
      got: shape,
      expected: '[N]',
      remedy: 'give class indices, not one-hot rows',
    });
  if (stray >= 0)
    throw tweedieError({
      subject,
      problem: `label ${String(stray)} is no class`,
      got: labels[stray],
      expected: 'an integer from 0 to 65535',
    });
  return Int32Array.from(labels);
};
