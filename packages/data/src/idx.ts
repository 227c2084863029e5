/**
 * IDX, the format of MNIST and Fashion-MNIST (LeCun, Cortes, Burges: "The MNIST database of handwritten digits"):
 * two zero bytes, a type code, the number of dimensions d, d sizes as big-endian uint32, then the values, last index fastest.
 */
import { tweedieError, type Dataset } from '@tweedie/core';
import { byteDataset, md5 } from './byte-dataset.ts';
import { ALTERED, gunzipHead, gunzipUpTo, isGzip, readWhole } from './bytes.ts';

export interface Idx {
  /** Sizes, slowest first: [N, H, W] for grey images, [N] for labels. */
  readonly shape: readonly number[];
  /** The values: a view into the bytes that were given. */
  readonly data: Uint8Array;
}

const UINT8 = 0x08;
/** No array of more dimensions, or of more bytes, is read. */
const MAX_DIMS = 4;
const MAX_BYTES = 2 ** 31;

const refuse = (subject: string, problem: string, got: unknown, expected: string): never => {
  throw tweedieError({ subject, problem, got, expected, remedy: ALTERED });
};

/** The header alone: sizes, and where the values start. */
const parseHeader = (bytes: Uint8Array, subject: string): { shape: number[]; offset: number; length: number } => {
  if (bytes.length < 4) refuse(subject, 'this is no IDX file', `${String(bytes.length)} bytes`, 'at least the 4 of its magic number');
  const [zero0, zero1, type, dims] = bytes as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0)
    refuse(subject, 'this is no IDX file', `first bytes ${hex(bytes)}`, '00 00 08 and the number of dimensions');
  if (type !== UINT8)
    refuse(subject, 'the values have a type that is not read', `0x${type.toString(16).padStart(2, '0')}`, '0x08 (unsigned byte)');
  if (dims < 1 || dims > MAX_DIMS) refuse(subject, 'the number of dimensions is out of range', dims, `1 to ${String(MAX_DIMS)}`);
  const offset = 4 + 4 * dims;
  if (bytes.length < offset) refuse(subject, 'the header is cut short', `${String(bytes.length)} bytes`, String(offset));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dims }, (_, i) => view.getUint32(4 + 4 * i));
  const values = shape.reduce((product, size) => product * size, 1);
  if (values === 0 || values > MAX_BYTES)
    refuse(subject, 'the sizes in the header are impossible', shape, `sizes ≥ 1 whose product is at most ${String(MAX_BYTES)}`);
  return { shape, offset, length: offset + values };
};

/**
 * Reads IDX bytes, gzipped or not. The length is checked exactly against the header before anything is allocated.
 * Errors (subject = `subject`, the file): wrong magic number, another type than unsigned byte, impossible sizes, any other length.
 */
export const parseIdx = (bytes: Uint8Array, subject: string): Idx => {
  if (isGzip(bytes)) return parseIdx(gunzipUpTo(bytes, parseHeader(gunzipHead(bytes, subject), subject).length, subject), subject);
  const { shape, offset, length } = parseHeader(bytes, subject);
  if (bytes.length !== length)
    refuse(
      subject,
      `the file is ${bytes.length < length ? 'shorter' : 'longer'} than its header says`,
      `${String(bytes.length)} bytes`,
      `${String(length)} for ${shape.join('×')}`,
    );
  return Object.freeze({ shape: Object.freeze(shape), data: bytes.subarray(offset) });
};

/** {@link parseIdx} of a file. */
export const readIdx = async (path: string): Promise<Idx> => parseIdx(await readWhole(path), path);

/** Grey images [N, H, W] and their labels [N] as a data set of shape [H, W, 1]. `subject` names the images' file in errors. */
export const idxDataset = ({
  id,
  subject,
  images,
  labels,
  classes,
}: {
  id: string;
  subject: string;
  images: Idx;
  labels?: Idx;
  classes: number;
}): Dataset => {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || count === undefined || height === undefined || width === undefined)
    throw tweedieError({
      subject,
      problem: 'these are no grey images',
      got: images.shape,
      expected: '[N, H, W]',
      remedy: 'give the images’ file here, and the labels’ file as labels',
    });
  if (labels && labels.shape.length !== 1)
    throw tweedieError({
      subject,
      problem: 'the labels are no list',
      got: labels.shape,
      expected: '[N]',
      remedy: 'give the labels’ file as labels',
    });
  return byteDataset({ id, subject, classes, shape: [height, width, 1], images: images.data, ...(labels && { labels: labels.data }) });
};

/** A data set from two IDX files (gzipped or not). Its id carries the content: `NAME@` and 8 digits of the MD5 of images and labels. */
export const idxData = async (options: { images: string; labels?: string; name?: string; classes?: number }): Promise<Dataset> => {
  const images = await readIdx(options.images);
  const labels = options.labels === undefined ? undefined : await readIdx(options.labels);
  const classes = options.classes ?? (labels ? labels.data.reduce((most, label) => Math.max(most, label), 0) + 1 : 0);
  const hash = md5(images.shape.join('×'), images.data, labels?.data ?? '').slice(0, 8);
  return idxDataset({ id: `${options.name ?? 'idx'}@${hash}`, subject: options.images, images, classes, ...(labels && { labels }) });
};

const hex = (bytes: Uint8Array): string => [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
