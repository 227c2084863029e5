/**
 * The largest eigenvalues and eigenvectors of a covariance that is never formed, from rows that are read a few times.
 *
 * N. Halko, P.-G. Martinsson, J. A. Tropp (0909.4061), algorithms 4.3 and 5.3, on C = XᵀX/(n − 1) of centred rows X:
 *
 *     Q ← orth(C Ω),  Ω [d, r + p] Gaussian;   q times: Q ← orth(C Q);   QᵀCQ = V Λ Vᵀ,  U = Q V
 *
 * which reads the data q + 2 times. Sums are float64 on the host: a file is the same whatever the engine.
 */
import { symmetricEigen } from '@tweedie/analytic';

/** Calls `visit` with blocks of rows [count, d], always the same rows in the same order. */
export type Pass = (visit: (rows: Float32Array, count: number) => void) => void;

export interface Randomised {
  readonly n: number;
  readonly mean: Float64Array;
  readonly trace: number;
  /** Descending; fewer than asked for where the data have a lower rank. */
  readonly values: Float64Array;
  /** [d, r]. */
  readonly vectors: Float32Array;
}

export interface RandomisedOptions {
  readonly dims: number;
  readonly rank: number;
  /** p. */
  readonly oversampling: number;
  /** q. */
  readonly power: number;
  /** Ω, [d, r + p]. */
  readonly omega: Float32Array;
}

export const randomisedEigen = (pass: Pass, { dims: d, rank, oversampling, power, omega }: RandomisedOptions): Randomised => {
  const wide = Math.min(rank + oversampling, d);
  let basis: Basis = { q: omega, l: wide };

  // First reading: mean, trace and CΩ, of rows shifted by the mean of the first block; then δ = mean − shift is taken out.
  let n = 0;
  let shift: Float64Array | undefined;
  let squares = 0;
  const first = new Float64Array(d);
  const sums = new Float64Array(d * wide);
  pass((rows, count) => {
    shift ??= meanOf(rows, count, d);
    for (let i = 0, at = 0; i < count; i++)
      for (let k = 0; k < d; k++, at++) {
        const v = rows[at]! - shift[k]!;
        first[k]! += v;
        squares += v * v;
      }
    addProduct(sums, rows, count, shift, basis);
    n += count;
  });
  const delta = first.map((sum) => sum / n);
  const mean = delta.map((each, k) => each + shift![k]!);
  const trace = (squares - n * delta.reduce((sum, v) => sum + v * v, 0)) / (n - 1);
  const along = new Float64Array(wide);
  for (let k = 0; k < d; k++) for (let j = 0; j < wide; j++) along[j]! += delta[k]! * omega[k * wide + j]!;
  for (let k = 0; k < d; k++) for (let j = 0; j < wide; j++) sums[k * wide + j]! -= n * delta[k]! * along[j]!;
  basis = orthonormal(sums, d, wide);

  for (let round = 0; round < power; round++) {
    const next = sums.subarray(0, d * basis.l).fill(0);
    pass((rows, count) => addProduct(next, rows, count, mean, basis));
    basis = orthonormal(next, d, basis.l);
  }

  const { q, l } = basis;
  const small = new Float64Array(l * l);
  pass((rows, count) => {
    const t = project(rows, count, mean, basis);
    for (let i = 0; i < count; i++)
      for (let a = 0; a < l; a++) for (let b = 0; b <= a; b++) small[a * l + b]! += t[i * l + a]! * t[i * l + b]!;
  });
  for (let a = 0; a < l; a++) for (let b = 0; b <= a; b++) small[a * l + b] = small[b * l + a] = small[a * l + b]! / (n - 1);
  const { values, vectors } = symmetricEigen(small);
  const r = Math.min(rank, l);
  return {
    n,
    mean,
    trace,
    values: values.slice(0, r).map((v) => Math.max(0, v)),
    vectors: Float32Array.from(times(q, vectors, d, l, l, r)),
  };
};

interface Basis {
  /** [d, l] row-major. */
  readonly q: Float32Array | Float64Array;
  readonly l: number;
}

const meanOf = (rows: Float32Array, count: number, d: number): Float64Array => {
  const mean = new Float64Array(d);
  for (let i = 0, at = 0; i < count; i++) for (let k = 0; k < d; k++, at++) mean[k]! += rows[at]! / count;
  return mean;
};

/** (x − μ) Q of a block of rows, [count, l]. Four rows at a time: Q is read a quarter as often. */
const project = (rows: Float32Array, count: number, mean: Float64Array, { q, l }: Basis): Float64Array => {
  const d = mean.length;
  const t = new Float64Array((count + 3) * l);
  for (let from = 0; from < count; from += 4) {
    const [a, b, c, e] = [from, from + 1, from + 2, from + 3].map((row) => Math.min(row, count - 1) * d) as [
      number,
      number,
      number,
      number,
    ];
    const [ta, tb, tc, te] = [0, 1, 2, 3].map((row) => t.subarray((from + row) * l, (from + row + 1) * l)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let k = 0, at = 0; k < d; k++) {
      const m = mean[k]!;
      const [va, vb, vc, ve] = [rows[a + k]! - m, rows[b + k]! - m, rows[c + k]! - m, rows[e + k]! - m];
      for (let j = 0; j < l; j++, at++) {
        const w = q[at]!;
        ta[j]! += va * w;
        tb[j]! += vb * w;
        tc[j]! += vc * w;
        te[j]! += ve * w;
      }
    }
  }
  return t;
};

/** sums += (x − μ)ᵀ (x − μ) Q. */
const addProduct = (sums: Float64Array, rows: Float32Array, count: number, mean: Float64Array, basis: Basis): void => {
  const { l } = basis;
  const d = mean.length;
  const t = project(rows, count, mean, basis);
  for (let from = 0; from < count; from += 4) {
    const four = [0, 1, 2, 3].map((row) => t.subarray((from + row) * l, (from + row + 1) * l)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [ta, tb, tc, te] = four;
    for (let row = count - from; row < 4; row++) four[row]!.fill(0); // rows past the end
    const [a, b, c, e] = [from, from + 1, from + 2, from + 3].map((row) => Math.min(row, count - 1) * d) as [
      number,
      number,
      number,
      number,
    ];
    for (let k = 0, at = 0; k < d; k++) {
      const m = mean[k]!;
      const [va, vb, vc, ve] = [rows[a + k]! - m, rows[b + k]! - m, rows[c + k]! - m, rows[e + k]! - m];
      for (let j = 0; j < l; j++, at++) sums[at]! += va * ta[j]! + vb * tb[j]! + vc * tc[j]! + ve * te[j]!;
    }
  }
};

/** An orthonormal basis of the columns of Z, twice by the eigensystem of ZᵀZ; directions that rounding drowns are left out. */
const orthonormal = (z: Float64Array, d: number, columns: number): Basis => {
  let [q, l] = [z, columns];
  for (let round = 0; round < 2; round++) {
    const gram = new Float64Array(l * l);
    for (let k = 0; k < d; k++)
      for (let a = 0; a < l; a++) {
        const v = q[k * l + a]!;
        for (let b = 0; b <= a; b++) gram[a * l + b]! += v * q[k * l + b]!;
      }
    for (let a = 0; a < l; a++) for (let b = 0; b < a; b++) gram[b * l + a] = gram[a * l + b]!;
    const { values, vectors } = symmetricEigen(gram);
    const kept = Math.max(1, values.findLastIndex((value) => value > 1e-13 * values[0]!) + 1);
    const scaled = Float64Array.from({ length: l * kept }, (_, i) => {
      const [a, b] = [Math.floor(i / kept), i % kept];
      return values[b]! > 0 ? vectors[a * l + b]! / Math.sqrt(values[b]!) : 0;
    });
    q = times(q, scaled, d, l, kept, kept);
    l = kept;
  }
  return { q: Float32Array.from(q), l };
};

/** The first `take` columns of A B, with A [d, l] and B [l, columns]. */
const times = (a: Float32Array | Float64Array, b: Float64Array, d: number, l: number, columns: number, take: number): Float64Array => {
  const out = new Float64Array(d * take);
  for (let k = 0; k < d; k++)
    for (let j = 0; j < l; j++) {
      const v = a[k * l + j]!;
      for (let c = 0; c < take; c++) out[k * take + c]! += v * b[j * columns + c]!;
    }
  return out;
};
