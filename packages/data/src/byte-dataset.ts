import { createHash } from 'node:crypto';
import { tweedieError, type Dataset } from '@tweedie/core';
import { gatherLabels, gatherRows } from './gather.ts';

/** Images as bytes, [N, H, W, C] row-major, with one class index an image. */
export interface ByteImages {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly images: Uint8Array;
  readonly labels?: Uint8Array | Int32Array;
}

/** x/127.5 − 1, in float64 before it is rounded to float32. */
const SCALED = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/**
 * A {@link Dataset} over bytes: the bytes are kept, rows are converted when they are read, 0 ↦ −1 and 255 ↦ 1.
 * `id` must already say what the content is. Errors: a label that is no class, lengths that do not agree.
 */
export const byteDataset = ({
  id,
  subject,
  classes,
  shape,
  images,
  labels,
}: ByteImages & { id: string; subject: string; classes: number }): Dataset => {
  const numel = shape[0] * shape[1] * shape[2];
  const size = images.length / numel;
  if (numel === 0 || size === 0)
    throw tweedieError({ subject, problem: 'there are no images', remedy: 'give a data set with at least one image' });
  if (!Number.isInteger(size))
    throw tweedieError({
      subject,
      problem: 'the bytes are no whole number of images',
      got: images.length,
      expected: `a multiple of ${String(numel)}`,
    });
  if (labels && labels.length !== size)
    throw tweedieError({
      subject,
      problem: 'images and labels are not equally many',
      got: `${String(labels.length)} labels`,
      expected: `${String(size)}, one an image`,
      remedy: 'check that the two files belong together',
    });
  const stray = labels?.findIndex((label) => label < 0 || label >= classes) ?? -1;
  if (labels && stray >= 0)
    throw tweedieError({
      subject,
      problem: `label ${String(stray)} is no class`,
      got: labels[stray],
      expected: `0 to ${String(classes - 1)}`,
      remedy: 'the file is truncated or altered: get it again',
    });
  return Object.freeze({
    id,
    shape: Object.freeze([...shape]),
    classes: labels ? classes : 0,
    size,
    range: Object.freeze([-1, 1] as const),
    rows: (indices: ArrayLike<number>) =>
      Object.freeze({
        images: gatherRows(id, indices, size, numel, (row, out, at) => {
          const from = row * numel;
          for (let i = 0; i < numel; i++) out[at + i] = SCALED[images[from + i]!]!;
        }),
        ...(labels && { labels: gatherLabels(indices, labels) }),
      }),
  });
};

/** MD5 of the parts, one after the other, in hexadecimal. */
export const md5 = (...parts: readonly (Uint8Array | string)[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
