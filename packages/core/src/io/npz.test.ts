import { describe, expect, it } from 'vitest';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from './npz.ts';

describe('npy and npz', () => {
  it('return what was written', () => {
    const arrays = {
      arr_0: { shape: [1, 2, 2, 1], data: Uint8Array.of(0, 1, 2, 255) },
      labels: { shape: [1], data: Int32Array.of(7) },
      mu: { shape: [2], data: Float64Array.of(Math.PI, -1) },
      empty: { shape: [0, 3], data: new Float32Array(0) },
    };
    expect(decodeNpz(encodeNpz(arrays), 'f')).toEqual(arrays);
    expect(decodeNpz(Buffer.from(encodeNpz(arrays)), 'f')).toEqual(arrays); // a Buffer shares a pool
  });

  it('writes what NumPy reads: header of 64 bytes, C order', () => {
    const bytes = encodeNpy({ shape: [3], data: Float32Array.of(1, 2, 3) });
    expect(new TextDecoder('latin1').decode(bytes.subarray(1, 6))).toBe('NUMPY');
    expect((bytes.length - 12) % 64).toBe(0);
    expect(new TextDecoder('latin1').decode(bytes.subarray(10, 70))).toContain("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }");
  });

  it.each([
    ['no npy', (b: Uint8Array) => b.fill(0, 0, 3), /no \.npy array/],
    ['version 3', (b: Uint8Array) => b.fill(3, 6, 7), /npy version is not read: got 3/],
    ['a long header', (b: Uint8Array) => b.fill(255, 8, 10), /claims more bytes/],
    [
      'Fortran order',
      (b: Uint8Array) => Uint8Array.from(b).map((_, i, all) => (i >= 44 && i < 49 ? 'True '.charCodeAt(i - 44) : all[i]!)),
      /Fortran order/,
    ],
    ['a missing byte', (b: Uint8Array) => b.slice(0, -1), /another length than its shape/],
  ])('refuses %s', (_, spoil, message) => {
    const bytes = encodeNpy({ shape: [4], data: Float32Array.of(1, 2, 3, 4) });
    const spoilt = spoil(bytes);
    expect(() => decodeNpy(spoilt, 'f')).toThrow(message);
  });

  it('refuses a header that claims more than could have been packed', () => {
    const bytes = encodeNpz({ a: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 46 < bytes.length; at++) if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 2 ** 31, true); // central directory: unpacked size
    expect(() => decodeNpz(bytes, 'f')).toThrow(/claims 2147483648 bytes of \d+ packed ones/);
  });

  it('refuses what is no archive, and one without arrays', () => {
    expect(() => decodeNpz(Uint8Array.of(1, 2, 3), 'samples.npz')).toThrow(/samples\.npz\] this is no \.npz archive/);
    expect(() => decodeNpz(encodeNpz({}), 'f')).toThrow(/holds no array|no \.npz archive/);
  });
});
