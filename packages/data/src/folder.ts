/** A folder of pictures as a data set. Subfolders are classes, in the order of their names. */
import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { tweedieError, type Dataset } from '@tweedie/core';
import { byteDataset, md5 } from './byte-dataset.ts';
import { readWhole } from './bytes.ts';

export interface FolderOptions {
  readonly path: string;
  /** Side of the square, or [height, width], that every picture is resized to. Without it all must be equally large. */
  readonly size?: number | readonly [height: number, width: number];
  /** How a picture of another aspect meets `size`: `cover` cuts the middle out (default), `contain` adds margins, `fill` distorts. */
  readonly fit?: 'cover' | 'contain' | 'fill';
  /** 3: sRGB, 1: grey. Default 3. */
  readonly channels?: 1 | 3;
  /** Grey level 0–255 behind transparent pixels and in the margins. Default 255. */
  readonly background?: number;
}

export interface FolderDataset extends Dataset {
  /** Name of class k: the k-th subfolder. Empty without subfolders. */
  readonly classNames: readonly string[];
}

const PICTURES = new Set(['.png', '.jpg', '.jpeg', '.webp', '.avif', '.tif', '.tiff', '.gif']);
/** All pixels are kept in memory, as bytes: at most 4 GiB of them. */
const MAX_BYTES = 2 ** 32;
const AT_ONCE = 8;

/**
 * Reads every picture of a folder (or of its subfolders, one level) into memory, in the order of names. Orientation tags are
 * obeyed, only the first frame of an animation is read, resizing is Lanczos-3. The id carries the MD5 of all pixels, labels and names of classes.
 *
 * Errors: no such folder, no picture, pictures both beside and inside subfolders, a picture that cannot be read whole, unequal sizes, too many bytes.
 */
export const imageFolder = async ({ path, size, fit = 'cover', channels = 3, background = 255 }: FolderOptions): Promise<FolderDataset> => {
  const folder = resolve(path);
  const { files, classNames } = await list(folder);
  const target = size === undefined ? undefined : typeof size === 'number' ? ([size, size] as const) : size;
  if (target && !target.every((side) => Number.isInteger(side) && side >= 1 && side <= 4096))
    throw tweedieError({ subject: folder, problem: 'the size is out of range', got: size, expected: 'integers from 1 to 4096' });

  const decode = await decoder({ target, fit, channels, background });
  const first = await decode(files[0]!.path);
  const [height, width] = first.shape;
  const numel = height * width * channels;
  if (numel * files.length > MAX_BYTES)
    throw tweedieError({
      subject: folder,
      problem: 'the pictures do not fit into memory',
      got: `${String(files.length)} of ${String(height)}×${String(width)}×${String(channels)}`,
      expected: `at most ${String(MAX_BYTES)} bytes`,
      remedy: 'give a smaller size',
    });

  const images = new Uint8Array(numel * files.length);
  const put = async (i: number): Promise<void> => {
    const { shape, pixels } = i === 0 ? first : await decode(files[i]!.path);
    if (shape[0] !== height || shape[1] !== width)
      throw tweedieError({
        subject: files[i]!.path,
        problem: 'the pictures are not equally large',
        got: shape.join('×'),
        expected: `${String(height)}×${String(width)}, as ${basename(files[0]!.path)}`,
        remedy: 'give the option size',
      });
    images.set(pixels, i * numel);
  };
  for (let i = 0; i < files.length; i += AT_ONCE) await Promise.all(files.slice(i, i + AT_ONCE).map((_, j) => put(i + j)));

  const labels = classNames.length > 0 ? Int32Array.from(files, ({ label }) => label) : undefined;
  const hash = md5([height, width, channels].join('×'), images, labels?.join() ?? '', JSON.stringify(classNames)).slice(0, 8);
  const dataset = byteDataset({
    id: `${basename(folder)}@${hash}`,
    subject: folder,
    classes: classNames.length,
    shape: [height, width, channels],
    images,
    ...(labels && { labels }),
  });
  return Object.freeze({ ...dataset, classNames: Object.freeze(classNames) });
};

const list = async (folder: string): Promise<{ files: { path: string; label: number }[]; classNames: string[] }> => {
  const entries = async (path: string): Promise<{ folders: string[]; pictures: string[] }> => {
    const all = await readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      throw tweedieError({
        subject: path,
        problem: cause.code === 'ENOENT' ? 'there is no such folder' : `the folder cannot be read (${cause.code ?? cause.message})`,
        remedy: 'check the path',
        cause,
      });
    });
    const visible = all.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      folders: visible.filter((entry) => entry.isDirectory()).map(({ name }) => name),
      pictures: visible.filter((entry) => !entry.isDirectory() && PICTURES.has(extname(entry.name).toLowerCase())).map(({ name }) => name),
    };
  };
  const { folders, pictures } = await entries(folder);
  const inside = await Promise.all(folders.map(async (name) => ({ name, pictures: (await entries(join(folder, name))).pictures })));
  const classes = inside.filter((each) => each.pictures.length > 0);
  if (pictures.length > 0 && classes.length > 0)
    throw tweedieError({
      subject: folder,
      problem: 'there are pictures both beside and inside subfolders',
      got: `${pictures[0]!} and ${classes[0]!.name}/`,
      expected: 'one subfolder for each class, or no subfolders',
      remedy: 'move the stray pictures',
    });
  if (pictures.length + classes.length === 0)
    throw tweedieError({
      subject: folder,
      problem: 'there are no pictures in the folder',
      expected: [...PICTURES].map((extension) => `*${extension}`).join(', '),
      remedy: 'give a folder of pictures, or of subfolders of pictures',
    });
  return {
    classNames: classes.map(({ name }) => name),
    files:
      classes.length === 0
        ? pictures.map((name) => ({ path: join(folder, name), label: 0 }))
        : classes.flatMap((each, label) => each.pictures.map((name) => ({ path: join(folder, each.name, name), label }))),
  };
};

interface Picture {
  readonly shape: readonly [height: number, width: number];
  readonly pixels: Uint8Array;
}

const decoder = async (options: {
  target: readonly [number, number] | undefined;
  fit: 'cover' | 'contain' | 'fill';
  channels: 1 | 3;
  background: number;
}): Promise<(path: string) => Promise<Picture>> => {
  const { target, fit, channels, background: level } = options;
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw tweedieError({
      subject: '@tweedie/data',
      problem: 'the package sharp, which reads pictures, does not load',
      remedy: 'install it with `npm install sharp`',
      cause,
    });
  });
  const background = { r: level, g: level, b: level };
  return async (path) => {
    const bytes = await readWhole(path);
    try {
      let picture = sharp(bytes, { failOn: 'warning' }).autoOrient().flatten({ background });
      if (target) picture = picture.resize({ height: target[0], width: target[1], fit, background });
      const { data, info } = await picture
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      if (info.channels !== channels) throw new Error(`${String(info.channels)} channels instead of ${String(channels)}`);
      return { shape: [info.height, info.width], pixels: data };
    } catch (cause) {
      throw tweedieError({
        subject: path,
        problem: 'the picture cannot be read',
        got: (cause as Error).message,
        remedy: 'the file is truncated or altered: get it again, or remove it',
        cause,
      });
    }
  };
};
