import { addRowProducts } from './add-row-products.ts';

/** A symmetric tridiagonal matrix: its diagonal [d], and the d − 1 entries beside it. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
}

/** Columns whose reflections are applied to the rest at once. */
const PANEL = 32;

/**
 * The tridiagonal matrix Qᵀ A Q of a symmetric A [d, d] (row-major, of which the lower triangle is read and **overwritten**).
 *
 * Householder reflections, column by column from the first: A ← A − v wᵀ − w vᵀ. Blocked as in J. J. Dongarra, D. C. Sorensen,
 * S. J. Hammarling (1989): within a panel the trailing matrix stays as it was and w is corrected by the panel's earlier v and w, so that
 * half of the 4/3 d³ operations are one product of the panels.
 */
export const tridiagonalForm = (a: Float64Array, d: number): Tridiagonal => {
  const diagonal = new Float64Array(d);
  const beside = new Float64Array(Math.max(0, d - 1));
  const stride = 2 * PANEL;
  // Rows of [V W] and [W V]: their product is V Wᵀ + W Vᵀ.
  const vw = new Float64Array(d * stride);
  const wv = new Float64Array(d * stride);
  const v = new Float64Array(d);
  const w = new Float64Array(d);
  for (let start = 0; start < d; start += PANEL) {
    const end = Math.min(d, start + PANEL);
    for (let j = start; j < end; j++) {
      const done = j - start;
      updateColumn(a, d, vw, wv, j, done);
      diagonal[j] = a[j * d + j]!;
      if (j === d - 1) break;
      const { tau, beta } = reflection(a, d, j, v);
      beside[j] = beta;
      w.fill(0, j);
      if (tau !== 0) {
        multiplyLower(a, d, j + 1, v, w);
        correct(vw, wv, d, j + 1, done, v, w);
        let dot = 0;
        for (let i = j + 1; i < d; i++) dot += w[i]! * v[i]!;
        const half = (tau * tau * dot) / 2;
        for (let i = j + 1; i < d; i++) w[i] = tau * w[i]! - half * v[i]!;
      }
      for (let i = j + 1; i < d; i++) {
        vw[i * stride + done] = wv[i * stride + PANEL + done] = v[i]!;
        wv[i * stride + done] = vw[i * stride + PANEL + done] = w[i]!;
      }
    }
    addRowProducts(a, d, vw, wv, stride, { rows: [end, d], columns: [end, d], depth: [0, stride], lower: true, subtract: true });
  }
  return { diagonal, beside };
};

/** Applies the `done` reflections of the panel so far to column j. */
const updateColumn = (a: Float64Array, d: number, vw: Float64Array, wv: Float64Array, j: number, done: number): void => {
  const stride = 2 * PANEL;
  for (let i = j; i < d; i++) {
    let sum = 0;
    for (let k = 0; k < done; k++) {
      sum += vw[i * stride + k]! * wv[j * stride + k]! + wv[i * stride + k]! * vw[j * stride + k]!;
    }
    a[i * d + j]! -= sum;
  }
};

/** v (v[j + 1] = 1) and τ of the reflection I − τ v vᵀ that takes column j below the diagonal to β in its first place. */
const reflection = (a: Float64Array, d: number, j: number, v: Float64Array): { readonly tau: number; readonly beta: number } => {
  let squares = 0;
  for (let i = j + 1; i < d; i++) {
    const value = a[i * d + j]!;
    v[i] = value;
    if (i > j + 1) squares += value * value;
  }
  const alpha = v[j + 1]!;
  v[j + 1] = 1;
  if (squares === 0) return { tau: 0, beta: alpha };
  const beta = alpha > 0 ? -Math.sqrt(alpha * alpha + squares) : Math.sqrt(alpha * alpha + squares);
  const scale = 1 / (alpha - beta);
  for (let i = j + 2; i < d; i++) v[i]! *= scale;
  return { tau: (beta - alpha) / beta, beta };
};

/** w = A v on rows and columns from `from`, of the lower triangle of A: four rows at a time, each entry read once. */
const multiplyLower = (a: Float64Array, d: number, from: number, v: Float64Array, w: Float64Array): void => {
  let i = from;
  for (; i + 4 <= d; i += 4) {
    const [r0, r1, r2, r3] = [i * d, (i + 1) * d, (i + 2) * d, (i + 3) * d];
    const [v0, v1, v2, v3] = [v[i]!, v[i + 1]!, v[i + 2]!, v[i + 3]!];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = from; j < i; j++) {
      const x = v[j]!;
      const a0 = a[r0 + j]!;
      const a1 = a[r1 + j]!;
      const a2 = a[r2 + j]!;
      const a3 = a[r3 + j]!;
      s0 += a0 * x;
      s1 += a1 * x;
      s2 += a2 * x;
      s3 += a3 * x;
      w[j]! += a0 * v0 + a1 * v1 + (a2 * v2 + a3 * v3);
    }
    w[i]! += s0;
    w[i + 1]! += s1;
    w[i + 2]! += s2;
    w[i + 3]! += s3;
    for (let row = i; row < i + 4; row++) ownRow(a, d, row, i, v, w);
  }
  for (; i < d; i++) ownRow(a, d, i, from, v, w);
};

const ownRow = (a: Float64Array, d: number, i: number, from: number, v: Float64Array, w: Float64Array): void => {
  for (let j = from; j < i; j++) {
    w[i]! += a[i * d + j]! * v[j]!;
    w[j]! += a[i * d + j]! * v[i]!;
  }
  w[i]! += a[i * d + i]! * v[i]!;
};

/** w −= V (Wᵀ v) + W (Vᵀ v) of the panel so far. */
const correct = (vw: Float64Array, wv: Float64Array, d: number, from: number, done: number, v: Float64Array, w: Float64Array): void => {
  const stride = 2 * PANEL;
  const [byV, byW] = [new Float64Array(done), new Float64Array(done)];
  for (let i = from; i < d; i++) {
    const x = v[i]!;
    for (let k = 0; k < done; k++) {
      byV[k]! += vw[i * stride + k]! * x;
      byW[k]! += wv[i * stride + k]! * x;
    }
  }
  for (let i = from; i < d; i++) {
    let sum = 0;
    for (let k = 0; k < done; k++) sum += vw[i * stride + k]! * byW[k]! + wv[i * stride + k]! * byV[k]!;
    w[i]! -= sum;
  }
};
