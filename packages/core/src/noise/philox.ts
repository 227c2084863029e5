/**
 * Philox 4×32-10, a counter-based generator: ten rounds of a keyed bijection of a 128-bit counter.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: Parallel Random Numbers: As Easy as 1, 2, 3. SC '11, §3.3 and table 2.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9; // golden ratio
const W1 = 0xbb67ae85; // √3 − 1

/** The high 32 bits of the product of two unsigned 32-bit integers. */
const mulHigh = (a: number, b: number): number => {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16); // < 2³²
  const carry = (middle & 0xffff) + a0 * b1; // < 2³²
  return (a1 * b1 + (middle >>> 16) + (carry >>> 16)) >>> 0;
};

/** One block: counter (c0…c3) under key (k0, k1) → four unsigned 32-bit integers written to `out[at…at+3]`. */
export const philox4x32 = (c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array, at: number): void => {
  let x0 = c0;
  let x1 = c1;
  let x2 = c2;
  let x3 = c3;
  let key0 = k0;
  let key1 = k1;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, x0 >>> 0);
    const low0 = Math.imul(M0, x0);
    const high1 = mulHigh(M1, x2 >>> 0);
    const low1 = Math.imul(M1, x2);
    x0 = high1 ^ x1 ^ key0;
    x1 = low1;
    x2 = high0 ^ x3 ^ key1;
    x3 = low0;
    key0 = (key0 + W0) | 0;
    key1 = (key1 + W1) | 0;
  }
  out[at] = x0;
  out[at + 1] = x1;
  out[at + 2] = x2;
  out[at + 3] = x3;
};
