/** Which part of C = C ± A Bᵀ is computed: rows i, columns j, summed over k; all half-open. */
export interface RowProducts {
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  readonly depth: readonly [from: number, to: number];
  /** Entries above the diagonal (j > i) are left alone. */
  readonly lower?: boolean;
  readonly subtract?: boolean;
}

/** Columns and depth of a block that stays in the second-level cache: 128 KiB of B. */
const COLUMNS = 64;
const DEPTH = 256;

/**
 * C[i, j] ± = Σₖ A[i, k] B[j, k] in float64, the one product that everything dense here is made of.
 *
 * A and B are row-major with `stride` numbers a row, C with `width`. Both are read along their rows, four of A and two of B at a
 * time, so that six numbers are read for sixteen operations. C may be A and B where the entries that are written are not read.
 */
export const addRowProducts = (
  c: Float64Array,
  width: number,
  a: Float64Array,
  b: Float64Array,
  stride: number,
  { rows: [i0, i1], columns: [j0, j1], depth: [k0, k1], lower = false, subtract = false }: RowProducts,
): void => {
  const sign = subtract ? -1 : 1;
  for (let k = k0; k < k1; k += DEPTH) {
    const count = Math.min(DEPTH, k1 - k);
    for (let j = j0; j < j1; j += COLUMNS) {
      const jEnd = Math.min(j1, j + COLUMNS);
      let i = lower ? Math.max(i0, j) : i0;
      // Blocks of four rows; of those that cross the diagonal, what is on or below it, entry by entry.
      for (; i + 4 <= i1; i += 4) {
        const full = lower ? Math.min(jEnd, i + 1) : jEnd;
        const even = full - ((full - j) & 1);
        fourRows(c, width, a, b, stride, i, j, even, k, count, sign);
        for (let row = i; row < i + 4; row++)
          oneRow(c, width, a, b, stride, row, even, lower ? Math.min(jEnd, row + 1) : jEnd, k, count, sign);
      }
      for (; i < i1; i++) oneRow(c, width, a, b, stride, i, j, lower ? Math.min(jEnd, i + 1) : jEnd, k, count, sign);
    }
  }
};

const oneRow = (
  c: Float64Array,
  width: number,
  a: Float64Array,
  b: Float64Array,
  stride: number,
  i: number,
  j0: number,
  j1: number,
  k: number,
  count: number,
  sign: number,
): void => {
  for (let j = j0; j < j1; j++) {
    const [x, y] = [i * stride + k, j * stride + k];
    let sum = 0;
    for (let p = 0; p < count; p++) sum += a[x + p]! * b[y + p]!;
    c[i * width + j]! += sign * sum;
  }
};

const fourRows = (
  c: Float64Array,
  width: number,
  a: Float64Array,
  b: Float64Array,
  stride: number,
  i: number,
  j0: number,
  j1: number,
  k: number,
  count: number,
  sign: number,
): void => {
  const a0 = i * stride + k;
  const a1 = a0 + stride;
  const a2 = a1 + stride;
  const a3 = a2 + stride;
  for (let j = j0; j < j1; j += 2) {
    const b0 = j * stride + k;
    const b1 = b0 + stride;
    let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let p = 0; p < count; p++) {
      const y0 = b[b0 + p]!;
      const y1 = b[b1 + p]!;
      const x0 = a[a0 + p]!;
      s00 += x0 * y0;
      s01 += x0 * y1;
      const x1 = a[a1 + p]!;
      s10 += x1 * y0;
      s11 += x1 * y1;
      const x2 = a[a2 + p]!;
      s20 += x2 * y0;
      s21 += x2 * y1;
      const x3 = a[a3 + p]!;
      s30 += x3 * y0;
      s31 += x3 * y1;
    }
    const at = i * width + j;
    c[at]! += sign * s00;
    c[at + 1]! += sign * s01;
    c[at + width]! += sign * s10;
    c[at + width + 1]! += sign * s11;
    c[at + 2 * width]! += sign * s20;
    c[at + 2 * width + 1]! += sign * s21;
    c[at + 3 * width]! += sign * s30;
    c[at + 3 * width + 1]! += sign * s31;
  }
};
