/**
 * The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky: "Learning Multiple Layers of Features from Tiny Images", 2009).
 *
 * A file is a row of records without any header: the label (CIFAR-100: coarse label, then fine label), then 1024 red, 1024 green
 * and 1024 blue bytes, each plane row by row. Here the planes become interleaved: [N, 32, 32, 3].
 */
import { tweedieError } from '@tweedie/core';
import { ALTERED } from './bytes.ts';
import type { ByteImages } from './byte-dataset.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;

export interface CifarImages extends ByteImages {
  readonly labels: Uint8Array;
  /** CIFAR-100 only: which of 20 superclasses. */
  readonly coarse?: Uint8Array;
}

/** `cifar-10`: 10 classes, one label byte. `cifar-100`: 100 fine classes in 20 coarse ones, two label bytes. */
export type CifarVariant = 'cifar-10' | 'cifar-100';

/**
 * Reads the records of one or several files, in order. Errors (subject = the file): a length that is no whole number of
 * records (a cut file, or the other variant), a label that is no class.
 */
export const parseCifar = (
  files: readonly { readonly bytes: Uint8Array; readonly subject: string }[],
  variant: CifarVariant = 'cifar-10',
): CifarImages => {
  const labelBytes = variant === 'cifar-10' ? 1 : 2;
  const classes = variant === 'cifar-10' ? 10 : 100;
  const record = labelBytes + PIXELS;
  for (const { bytes, subject } of files)
    if (bytes.length === 0 || bytes.length % record !== 0)
      throw tweedieError({
        subject,
        problem: `the file is no whole number of ${variant} records`,
        got: `${String(bytes.length)} bytes`,
        expected: `a multiple of ${String(record)}`,
        remedy: ALTERED,
      });

  const count = files.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const coarse = new Uint8Array(variant === 'cifar-10' ? 0 : count);
  let row = 0;
  for (const { bytes, subject } of files)
    for (let at = 0; at < bytes.length; at += record, row++) {
      labels[row] = label(bytes[at + labelBytes - 1]!, classes, at / record, subject);
      if (labelBytes === 2) coarse[row] = label(bytes[at]!, 20, at / record, subject);
      const planes = at + labelBytes;
      for (let pixel = 0, out = row * PIXELS; pixel < PLANE; pixel++) {
        images[out++] = bytes[planes + pixel]!;
        images[out++] = bytes[planes + PLANE + pixel]!;
        images[out++] = bytes[planes + 2 * PLANE + pixel]!;
      }
    }
  return Object.freeze({ shape: Object.freeze([SIDE, SIDE, 3] as const), images, labels, ...(variant === 'cifar-100' && { coarse }) });
};

const label = (value: number, classes: number, record: number, subject: string): number => {
  if (value >= classes)
    throw tweedieError({
      subject,
      problem: `the label of record ${String(record)} is no class`,
      got: value,
      expected: `0 to ${String(classes - 1)}`,
      remedy: ALTERED,
    });
  return value;
};

/** One record from interleaved pixels: what {@link parseCifar} reads back. Writes `3073` bytes into `out` at `at`. */
export const writeCifar10Record = (out: Uint8Array, at: number, labelOf: number, pixels: Uint8Array, from: number): void => {
  out[at] = labelOf;
  for (let pixel = 0; pixel < PLANE; pixel++)
    for (let channel = 0; channel < 3; channel++) out[at + 1 + channel * PLANE + pixel] = pixels[from + 3 * pixel + channel]!;
};
