import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, floatOfHalf, halfOf } from './safetensors.ts';

const file = (header: unknown, body: Uint8Array, length?: number): Uint8Array => {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + body.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  out.set(json, 8);
  out.set(body, 8 + json.length);
  return out;
};

describe('safetensors', () => {
  it('returns what was written, and equal contents make equal bytes', () => {
    const tensors = {
      b: { shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 1e-30) },
      a: { shape: [], data: Float64Array.of(Math.PI) },
      n: { shape: [3], data: Uint8Array.of(0, 1, 255) },
    };
    const bytes = encodeSafetensors({ tensors, metadata: { format: 'x' } });
    expect(encodeSafetensors({ tensors: { n: tensors.n, a: tensors.a, b: tensors.b }, metadata: { format: 'x' } })).toEqual(bytes);
    const read = decodeSafetensors(bytes, 'f');
    expect(read.metadata).toEqual({ format: 'x' });
    expect({ ...read.tensors }).toEqual({
      b: { dtype: 'F32', ...tensors.b },
      a: { dtype: 'F64', ...tensors.a },
      n: { dtype: 'U8', ...tensors.n },
    });
  });

  it('reads bfloat16 and 64-bit integers', () => {
    const body = new Uint8Array(12);
    new DataView(body.buffer).setBigInt64(0, -7n, true);
    new DataView(body.buffer).setUint16(8, 0x3f80, true); // 1
    new DataView(body.buffer).setUint16(10, 0xc000, true); // −2
    const { tensors } = decodeSafetensors(
      file({ i: { dtype: 'I64', shape: [1], data_offsets: [0, 8] }, h: { dtype: 'BF16', shape: [2], data_offsets: [8, 12] } }, body),
      'f',
    );
    expect([...tensors['i']!.data]).toEqual([-7]);
    expect([...tensors['h']!.data]).toEqual([1, -2]);
  });

  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const body = new Uint8Array(8);
  it.each([
    ['a file of three bytes', new Uint8Array(3), /too short/],
    ['a header longer than the file', file({ a: entry }, body, 1e6), /claims more bytes than there are/],
    ['a header of 2⁶³ bytes', file({ a: entry }, body, 2 ** 62), /claims more bytes than there are/],
    ['no JSON', file('{"a":', body), /no JSON/],
    ['a list', file([], new Uint8Array(0)), /no object/],
    ['an unknown type', file({ a: { ...entry, dtype: 'F8' } }, body), /type that is not read: got F8/],
    ['a name of the prototype as type', file({ a: { ...entry, dtype: 'toString' } }, body), /type that is not read/],
    ['a negative shape', file({ a: { ...entry, shape: [-2] } }, body), /no proper shape/],
    ['an end beyond the file', file({ a: { ...entry, data_offsets: [0, 16] } }, body), /beyond the end/],
    ['a length that lies', file({ a: { ...entry, shape: [1] } }, body), /lying length: got 8 bytes, expected 4/],
    ['a shape whose product overflows', file({ a: { ...entry, shape: [2 ** 30, 2 ** 30, 2 ** 30] } }, body), /lying length/],
    ['overlapping tensors', file({ a: entry, b: { ...entry, data_offsets: [4, 12] } }, new Uint8Array(12)), /overlaps another/],
    ['a gap', file({ a: entry, b: { ...entry, data_offsets: [12, 20] } }, new Uint8Array(20)), /gap before/],
    ['bytes after the end', file({ a: entry }, new Uint8Array(9)), /after the last tensor: got 1 bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'weights.safetensors')).toThrow(message);
  });

  it('never answers a truncated file', () => {
    const whole = encodeSafetensors({ tensors: { a: { shape: [5], data: Float32Array.of(1, 2, 3, 4, 5) } } });
    for (let length = 0; length < whole.length; length++) expect(() => decodeSafetensors(whole.slice(0, length), 'f')).toThrow();
  });
});

describe('half precision', () => {
  it('every finite half is its own rounding', () => {
    for (let half = 0; half < 0x7c00; half++) expect(halfOf(floatOfHalf(half))).toBe(half);
    expect(halfOf(-0)).toBe(0x8000);
    expect(halfOf(Infinity)).toBe(0x7c00);
    expect(floatOfHalf(halfOf(NaN))).toBeNaN();
  });

  it('rounds to the nearest, ties to even, and overflows at 65520', () => {
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (x) => {
        const half = halfOf(x) & 0x7fff;
        if (Math.abs(x) >= 65520) {
          expect(half).toBe(0x7c00);
          return;
        }
        const error = (bits: number): number => Math.abs(floatOfHalf(bits) - Math.abs(x));
        if (half > 0) expect(error(half)).toBeLessThanOrEqual(error(half - 1));
        if (half < 0x7bff) expect(error(half)).toBeLessThanOrEqual(error(half + 1));
      }),
    );
    expect(halfOf(1 + 2 ** -11)).toBe(0x3c00); // halfway between 1 and the next: to the even one
    expect(halfOf(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(halfOf(2 ** -25)).toBe(0); // half of the least subnormal
  });
});
