import { tweedieError } from '../contracts/error.ts';

/**
 * The safetensors format: 8 bytes of little-endian header length, a JSON header, raw little-endian values.
 * Offsets count from the end of the header. A reader trusts nothing: lengths, overlaps and ends are checked.
 */

export type Dtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8' | 'BOOL';

/** What can be written: half precision is asked for by name. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
  /** Default: the type of `data`. `F16` rounds a Float32Array to half precision. */
  readonly dtype?: 'F16';
}

/** What was read: half types are widened to float32, I64 to float64 (refused beyond 2⁵³), BOOL to bytes. */
export interface LoadedTensor {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

export interface Safetensors<T> {
  readonly tensors: Readonly<Record<string, T>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of one value. */
export const BYTES: Readonly<Record<Dtype, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 };
const HEADER_LIMIT = 100_000_000;

export const encodeSafetensors = ({
  tensors,
  metadata = {},
}: {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata?: Readonly<Record<string, string>>;
}): Uint8Array => {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  const blobs: Uint8Array[] = [];
  let offset = 0;
  // Widest type first keeps every tensor aligned; names in order make equal contents equal bytes.
  const names = Object.keys(tensors).sort((a, b) => BYTES[dtypeOf(tensors[b]!)] - BYTES[dtypeOf(tensors[a]!)] || (a < b ? -1 : 1));
  for (const name of names) {
    const stored = tensors[name]!;
    const dtype = dtypeOf(stored);
    const count = stored.shape.reduce((product, n) => product * n, 1);
    if (count !== stored.data.length) {
      throw tweedieError({
        subject: `safetensors "${name}"`,
        problem: 'shape and data disagree',
        got: stored.data.length,
        expected: `${count} values for shape [${stored.shape.join(', ')}]`,
      });
    }
    const blob = dtype === 'F16' ? bytesOf(Uint16Array.from(stored.data, halfOf)) : bytesOf(stored.data);
    header[name] = { dtype, shape: stored.shape, data_offsets: [offset, offset + blob.length] };
    blobs.push(blob);
    offset += blob.length;
  }
  let json = new TextEncoder().encode(JSON.stringify(header));
  const padding = (8 - (json.length % 8)) % 8;
  if (padding > 0) json = Uint8Array.of(...json, ...new Uint8Array(padding).fill(0x20));
  const out = new Uint8Array(8 + json.length + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  let at = 8 + json.length;
  for (const blob of blobs) {
    out.set(blob, at);
    at += blob.length;
  }
  return out;
};

/** Reads a whole file. `subject` names it in errors. The arrays are copies: the bytes may be reused. */
export const decodeSafetensors = (bytes: Uint8Array, subject: string): Safetensors<LoadedTensor> => {
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject, problem, got, expected, remedy: 'the file is damaged or no safetensors file; fetch or make it again' });
  };
  if (bytes.length < 8) refuse('too short for a safetensors header', `${bytes.length} bytes`, 'at least 8');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > HEADER_LIMIT || length > bytes.length - 8)
    refuse('the header claims more bytes than there are', length, `at most ${Math.min(HEADER_LIMIT, bytes.length - 8)}`);
  const header = parseHeader(bytes.subarray(8, 8 + length), refuse);
  const body = bytes.subarray(8 + length);

  const metadata: Record<string, string> = {};
  const tensors: Record<string, LoadedTensor> = Object.create(null) as Record<string, LoadedTensor>;
  const spans: { name: string; from: number; to: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) refuse('its metadata are no object', typeof entry, 'strings by name');
      for (const [key, value] of Object.entries(entry as object))
        metadata[key] = typeof value === 'string' ? value : (refuse(`metadata "${key}" is no string`, typeof value, 'a string') as never);
      continue;
    }
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = (isRecord(entry) ? entry : {}) as { dtype?: Dtype; shape?: unknown; data_offsets?: unknown };
    if (dtype === undefined || !Object.hasOwn(BYTES, dtype))
      return refuse(`tensor "${name}" has a type that is not read`, dtype ?? 'none', Object.keys(BYTES).join(', '));
    if (!isWholeList(shape)) return refuse(`tensor "${name}" has no proper shape`, shape, 'integers ≥ 0');
    if (!isWholeList(offsets) || offsets.length !== 2) return refuse(`tensor "${name}" has no proper offsets`, offsets, '[begin, end]');
    const [from, to] = offsets as [number, number];
    const count = shape.reduce((product, n) => product * n, 1);
    if (from > to || to > body.length)
      refuse(`tensor "${name}" lies beyond the end of the file`, [from, to], `offsets within ${body.length} bytes`);
    if (to - from !== count * BYTES[dtype])
      refuse(`tensor "${name}" has a lying length`, `${to - from} bytes`, `${count * BYTES[dtype]} for ${dtype} [${shape.join(', ')}]`);
    spans.push({ name, from, to });
    tensors[name] = { dtype, shape, data: valuesOf(new Uint8Array(body.subarray(from, to)), dtype, count, name, refuse) };
  }
  spans.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of spans) {
    if (from !== end)
      refuse(from < end ? `tensor "${name}" overlaps another` : `there is a gap before tensor "${name}"`, from, `offset ${end}`);
    end = to;
  }
  if (end !== body.length) refuse('there are bytes after the last tensor', `${body.length - end} bytes`, 'none');
  return { tensors, metadata };
};

const dtypeOf = ({ data, dtype }: StoredTensor): Dtype =>
  dtype ?? (data instanceof Float64Array ? 'F64' : data instanceof Float32Array ? 'F32' : data instanceof Int32Array ? 'I32' : 'U8');

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isWholeList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

const parseHeader = (json: Uint8Array, refuse: (problem: string, got: unknown, expected: string) => never): Record<string, unknown> => {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    return refuse('the header is no JSON', cause instanceof Error ? cause.message : cause, 'a JSON object');
  }
  return isRecord(header) ? header : refuse('the header is no object', typeof header, 'a JSON object');
};

/** Little-endian bytes, a fresh copy, as the values that {@link LoadedTensor} promises. */
export const valuesOf = (
  bytes: Uint8Array,
  dtype: Dtype,
  count: number,
  name: string,
  refuse: (problem: string, got: unknown, expected: string) => never,
): LoadedTensor['data'] => {
  const { buffer } = bytes; // a fresh, aligned copy (Buffer's slice would not be one)
  switch (dtype) {
    case 'F64':
      return new Float64Array(buffer, 0, count);
    case 'F32':
      return new Float32Array(buffer, 0, count);
    case 'I32':
      return new Int32Array(buffer, 0, count);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer, 0, count), floatOfHalf);
    case 'BF16': {
      const bits = Uint32Array.from(new Uint16Array(buffer, 0, count), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case 'I64':
      return Float64Array.from(new BigInt64Array(buffer, 0, count), (value) => {
        const number = Number(value);
        return Number.isSafeInteger(number)
          ? number
          : (refuse(`tensor "${name}" holds an integer that is not exact as a double`, String(value), '|n| < 2⁵³') as never);
      });
    case 'U8':
    case 'BOOL':
      return bytes;
  }
};

/** The half-precision number nearest to x, ties to even, as its 16 bits. */
export const halfOf = (x: number): number => {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // One unit in the last place is 2^(exponent − 10); subnormals share the least exponent.
  for (const e of [exponent, exponent + 1]) {
    const units = roundHalfEven(magnitude / 2 ** (e - 10));
    if (units < 2048) return sign | (units < 1024 ? units : ((e + 15) << 10) | (units - 1024));
  }
  return sign | 0x7c00;
};

const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};

/** The number that 16 bits of half precision mean. */
export const floatOfHalf = (half: number): number => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};
