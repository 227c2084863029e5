import { unzipSync, zipSync } from 'fflate';
import { tweedieError } from '../contracts/error.ts';

/** NumPy's .npy (format 1.0 and 2.0, C order, little-endian) and .npz (a zip of them, stored or deflated). */

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;
}

const DESCR = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '|u1': Uint8Array,
  '|b1': Uint8Array,
  '<i8': BigInt64Array,
} as const;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Nothing larger is unpacked: 4 GiB. */
const SIZE_LIMIT = 2 ** 32;
/** Deflate packs at most so many bytes into one: a header that claims more lies. */
const DEFLATE_LIMIT = 1032;

export const encodeNpy = ({ shape, data }: NpyArray): Uint8Array => {
  const descr =
    data instanceof Float32Array
      ? '<f4'
      : data instanceof Float64Array
        ? '<f8'
        : data instanceof Int32Array
          ? '<i4'
          : data instanceof BigInt64Array
            ? '<i8'
            : '|u1';
  const count = shape.reduce((product, n) => product * n, 1);
  if (count !== data.length)
    throw tweedieError({
      subject: 'npy',
      problem: 'shape and data disagree',
      got: data.length,
      expected: `${count} values for [${shape.join(', ')}]`,
    });
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const padded = dict + ' '.repeat((64 - ((10 + dict.length + 1) % 64)) % 64) + '\n';
  const out = new Uint8Array(10 + padded.length + data.byteLength);
  out.set([...MAGIC, 1, 0, padded.length & 0xff, padded.length >> 8]);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + padded.length);
  return out;
};

export const decodeNpy = (bytes: Uint8Array, subject: string): NpyArray => {
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject, problem, got, expected, remedy: 'save it with numpy.save or numpy.savez in C order' });
  };
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte))
    return refuse('this is no .npy array', `${bytes.length} bytes`, "the magic '\\x93NUMPY'");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version !== 1 && version !== 2) return refuse('its npy version is not read', version, '1 or 2');
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length)
    return refuse('its header claims more bytes than there are', length, `at most ${bytes.length - start}`);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined)
    return refuse('its header cannot be read', header.slice(0, 80), "{'descr', 'fortran_order', 'shape'}");
  if (order === 'True') return refuse('it is in Fortran order', 'fortran_order: True', 'C order');
  if (!Object.hasOwn(DESCR, descr)) return refuse('its type is not read', descr, Object.keys(DESCR).join(', '));
  const shape = dims
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map(Number);
  const Type = DESCR[descr as keyof typeof DESCR];
  const count = shape.reduce((product, n) => product * n, 1);
  const body = new Uint8Array(bytes.subarray(start + length)); // an aligned copy
  if (!Number.isSafeInteger(count) || body.length !== count * Type.BYTES_PER_ELEMENT) {
    return refuse(
      'its data have another length than its shape',
      `${body.length} bytes`,
      `${count * Type.BYTES_PER_ELEMENT} for ${descr} [${shape.join(', ')}]`,
    );
  }
  return { shape, data: new Type(body.buffer, 0, count) };
};

export const encodeNpz = (arrays: Readonly<Record<string, NpyArray>>): Uint8Array =>
  // A fixed date keeps equal contents equal bytes.
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)])), {
    level: 6,
    mtime: '1980-01-02T00:00:00',
  });

export const decodeNpz = (bytes: Uint8Array, subject: string): Record<string, NpyArray> => {
  let files: Record<string, Uint8Array>;
  let total = 0;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, size, originalSize }) => {
        total += originalSize;
        if (originalSize > DEFLATE_LIMIT * size + 64 || size > bytes.length)
          throw new Error(`${name} claims ${originalSize} bytes of ${size} packed ones`);
        if (total > SIZE_LIMIT) throw new Error(`more than ${SIZE_LIMIT} bytes unpacked`);
        return name.endsWith('.npy');
      },
    });
  } catch (cause) {
    throw tweedieError({
      subject,
      problem: 'this is no .npz archive',
      got: cause instanceof Error ? cause.message : cause,
      expected: 'a zip of .npy arrays',
      remedy: 'save it with numpy.savez',
      cause,
    });
  }
  const arrays = Object.entries(files).map(([name, file]) => [name.slice(0, -4), decodeNpy(file, `${subject}: ${name}`)] as const);
  if (arrays.length === 0) throw tweedieError({ subject, problem: 'the archive holds no array', expected: 'at least one .npy file' });
  return Object.fromEntries(arrays);
};
