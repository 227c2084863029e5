/**
 * A symmetric positive semi-definite matrix Σ = U diag(λ) Uᵀ + λ_⊥ (I − U Uᵀ) by its spectrum, and functions f(Σ) of it.
 *
 * Everything a Gaussian needs (denoiser, score, flow, root) is f(Σ)·(y − μ) for some f, so full, low-rank, diagonal
 * and isotropic covariances are one case each here and none elsewhere.
 */
import { add, matMul, mul, sub, sum, square, tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Levels } from '@tweedie/core';

export interface Spectrum {
  readonly dims: number;
  /** λ, r of them, descending for a basis; d in coordinate order for a diagonal matrix; none for a multiple of I. */
  readonly values: Float64Array;
  /** U, [d, r] row-major with orthonormal columns; null where the basis is the coordinates' own. */
  readonly basis: Float64Array | null;
  /** λ_⊥, the variance outside the basis. */
  readonly floor: number;
}

const isComplete = (s: Spectrum): boolean => s.values.length === s.dims;

/** Uᵀ v. */
const project = (s: Spectrum, v: Float64Array): Float64Array => {
  const r = s.values.length;
  if (s.basis === null) return r === 0 ? new Float64Array(0) : v;
  const out = new Float64Array(r);
  for (let i = 0; i < s.dims; i++) for (let k = 0; k < r; k++) out[k]! += s.basis[i * r + k]! * v[i]!;
  return out;
};

/** U c. */
const embed = (s: Spectrum, c: Float64Array): Float64Array => {
  const r = s.values.length;
  if (s.basis === null) return r === 0 ? new Float64Array(s.dims) : c;
  const out = new Float64Array(s.dims);
  for (let i = 0; i < s.dims; i++) for (let k = 0; k < r; k++) out[i]! += s.basis[i * r + k]! * c[k]!;
  return out;
};

/** f(Σ) v. */
export const apply = (s: Spectrum, v: Float64Array, f: (lambda: number) => number): Float64Array => {
  const c = project(s, v);
  if (isComplete(s))
    return embed(
      s,
      c.map((ck, k) => ck * f(s.values[k]!)),
    );
  const rest = f(s.floor);
  const inside = embed(s, c);
  const changed = embed(
    s,
    c.map((ck, k) => ck * f(s.values[k]!)),
  );
  return v.map((vi, i) => changed[i]! + rest * (vi - inside[i]!));
};

/** vᵀ f(Σ) v. */
export const quadratic = (s: Spectrum, v: Float64Array, f: (lambda: number) => number): number => {
  const c = project(s, v);
  let total = 0;
  c.forEach((ck, k) => (total += ck * ck * f(s.values[k]!)));
  if (isComplete(s)) return total;
  const inside = embed(s, c);
  return total + f(s.floor) * v.reduce((rest, vi, i) => rest + (vi - inside[i]!) ** 2, 0);
};

/** tr f(Σ); with f = log, the log-determinant. */
export const trace = (s: Spectrum, f: (lambda: number) => number): number => {
  const inside = s.values.reduce((total, lambda) => total + f(lambda), 0);
  return isComplete(s) ? inside : inside + (s.dims - s.values.length) * f(s.floor);
};

/** f(Σ), [d, d] row-major. */
export const dense = (s: Spectrum, f: (lambda: number) => number): Float64Array => {
  const d = s.dims;
  const out = new Float64Array(d * d);
  for (let j = 0; j < d; j++) {
    const column = apply(
      s,
      Float64Array.from({ length: d }, (_, i) => (i === j ? 1 : 0)),
      f,
    );
    for (let i = 0; i < d; i++) out[i * d + j] = column[i]!;
  }
  return out;
};

/** The number f(λ, ρ) for each λ and level, as [1, r] or [B, r]; computed in float64. */
const gains = (lambdas: ArrayLike<number>, rho: Levels, f: (lambda: number, rho: number) => number): Tensor2D => {
  const levels = typeof rho === 'number' ? [rho] : rho;
  const r = lambdas.length;
  const out = new Float32Array(levels.length * r);
  for (let b = 0; b < levels.length; b++) for (let k = 0; k < r; k++) out[b * r + k] = f(lambdas[k]!, levels[b]!);
  return tensor2d(out, [levels.length, r]);
};

/** f(Σ) and quadratic forms of rows of a tensor. Call inside `tidy`. */
export const onRows = (
  s: Spectrum,
  v: Tensor2D,
): {
  apply(rho: Levels, f: (lambda: number, rho: number) => number): Tensor2D;
  quadratic(rho: Levels, f: (lambda: number, rho: number) => number): Tensor2D;
} => {
  const complete = isComplete(s);
  const basis = s.basis === null ? null : tensor2d(Float32Array.from(s.basis), [s.dims, s.values.length]);
  const c: Tensor2D = basis === null ? v : matMul(v, basis);
  const inside = (coefficients: Tensor2D): Tensor2D => (basis === null ? coefficients : matMul(coefficients, basis, false, true));
  const coordinates = basis !== null || complete;
  return {
    apply: (rho, f) => {
      const rest = complete ? null : gains([s.floor], rho, f);
      if (!coordinates) return mul(v, rest!);
      if (rest === null) return inside(mul(c, gains(s.values, rho, f)));
      return add(
        mul(v, rest),
        inside(
          mul(
            c,
            gains(s.values, rho, (lambda, at) => f(lambda, at) - f(s.floor, at)),
          ),
        ),
      );
    },
    quadratic: (rho, f) => {
      const rest = complete ? null : gains([s.floor], rho, f);
      if (!coordinates) return mul<Tensor2D>(sum(square(v), 1, true), rest!);
      const within = sum<Tensor2D>(mul(square(c), gains(s.values, rho, f)), 1, true);
      return rest === null ? within : add<Tensor2D>(within, mul(sum(square(sub(v, inside(c))), 1, true), rest));
    },
  };
};
