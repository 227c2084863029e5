import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { decodeNpz, tweedieError, type Dataset, type NpyArray } from '@tweedie/core';
import { readBytes } from '@tweedie/core/node';
import { imageFolder } from '@tweedie/data';
import { checkValues } from './check-values.ts';

/** Pictures of a folder (subfolders are classes). Where every one is grey, so is the set: [height, width, 1]. */
export const picturesOf = async (path: string): Promise<Dataset> => {
  const found = await imageFolder({ path });
  return isGrey(found) ? oneChannel(found) : found;
};

/** `arr_0` of an archive, bytes or floats in [−1, 1] (points as they are), and `labels`, −1 for none. Refuses other ranges, NaN, and labels of another number. */
export const samplesOf = async (path: string, subject: string): Promise<Dataset> =>
  samplesIn(decodeNpz(await readBytes(path, 'check the path'), subject), subject);

export const samplesIn = ({ arr_0: array, labels: classes }: Readonly<Record<string, NpyArray>>, subject: string): Dataset => {
  const [count, ...shape] = array?.shape ?? [];
  const type = array?.data;
  if (array === undefined || count === undefined || shape.length === 0 || count === 0)
    throw tweedieError({
      subject,
      problem: 'the archive holds no samples',
      got: array === undefined ? 'no arr_0' : `arr_0 of [${array.shape.join(', ')}]`,
      expected: 'arr_0 of [N, H, W, C], or [N, d] for points',
      remedy: 'save it with numpy.savez(FILE, images, labels=labels)',
    });
  if (shape.length !== 1 && shape.length !== 3)
    throw tweedieError({
      subject,
      problem: 'arr_0 is neither pictures nor points',
      got: `[${array.shape.join(', ')}]`,
      expected: '[N, H, W, C], or [N, d] for points',
      remedy: 'grey pictures have one channel: images[..., None] in numpy',
    });
  if (!(type instanceof Uint8Array || type instanceof Float32Array || type instanceof Float64Array))
    throw tweedieError({
      subject,
      problem: 'arr_0 is of a type that no images have',
      got: array.data.constructor.name.replace('Array', '').toLowerCase(),
      expected: 'uint8 from 0 to 255, or floats in [−1, 1]',
      remedy: 'convert it with numpy: 0 is black, 255 is white',
    });
  const labels = classes === undefined ? undefined : labelsOf(classes, count, subject);
  checkValues(subject, type, shape);
  const size = shape.reduce((product, n) => product * n, 1);
  const image = shape.length === 3;
  const value = type instanceof Uint8Array ? (v: number): number => v / 127.5 - 1 : image ? clipped : (v: number): number => v;
  const hash = createHash('sha256')
    .update(array.shape.join('×'))
    .update(new Uint8Array(type.buffer, type.byteOffset, type.byteLength))
    .update(labels?.join() ?? '')
    .digest('hex');
  return Object.freeze<Dataset>({
    id: `${basename(subject)}@${hash.slice(0, 8)}`,
    shape: Object.freeze(shape),
    classes: labels === undefined ? 0 : labels.reduce((most, label) => Math.max(most, label), -1) + 1,
    size: count,
    ...(image ? { range: [-1, 1] as const } : {}),
    rows: (indices) => {
      const images = new Float32Array(indices.length * size);
      for (let i = 0; i < indices.length; i++) for (let k = 0; k < size; k++) images[i * size + k] = value(type[indices[i]! * size + k]!);
      return { images, ...(labels === undefined ? {} : { labels: Int32Array.from(indices, (row) => labels[row]!) }) };
    },
  });
};

/** As a saved picture would hold it. */
const clipped = (v: number): number => Math.min(1, Math.max(-1, v));

const labelsOf = ({ data, shape }: NpyArray, count: number, subject: string): Int32Array => {
  if (shape.length !== 1 || shape[0] !== count)
    throw tweedieError({
      subject,
      problem: 'images and labels are not equally many',
      got: `labels of [${shape.join(', ')}]`,
      expected: `[${count}], one an image`,
      remedy: 'give class indices, one an image, or leave them out',
    });
  const labels = Float64Array.from(data as ArrayLike<number | bigint>, Number);
  const stray = labels.findIndex((label) => !Number.isInteger(label) || label < -1 || label > 0xffff);
  if (stray >= 0)
    throw tweedieError({
      subject,
      problem: `label ${stray} is no class`,
      got: labels[stray],
      expected: 'an integer from 0 to 65535, or −1 for none',
    });
  return Int32Array.from(labels);
};

const ROWS = 256;

const isGrey = (data: Dataset): boolean => {
  if (data.shape[2] !== 3) return false;
  for (let first = 0; first < data.size; first += ROWS) {
    const { images } = data.rows(Int32Array.from({ length: Math.min(ROWS, data.size - first) }, (_, i) => first + i));
    for (let i = 0; i < images.length; i += 3) if (images[i] !== images[i + 1] || images[i] !== images[i + 2]) return false;
  }
  return true;
};

const oneChannel = (data: Dataset): Dataset =>
  Object.freeze<Dataset>({
    ...data,
    id: `${data.id}/grey`,
    shape: [data.shape[0]!, data.shape[1]!, 1],
    rows: (indices) => {
      const { images, ...rest } = data.rows(indices);
      return { ...rest, images: Float32Array.from({ length: images.length / 3 }, (_, i) => images[3 * i]!) };
    },
  });
