/**
 * N(μ, Σ): the one distribution whose denoiser, score, posterior and probability flow are all linear.
 *
 *   D(y, ρ)   = μ + Σ(Σ + ρ²I)⁻¹ (y − μ)
 *   ∇log p_ρ  = −(Σ + ρ²I)⁻¹ (y − μ)
 *   flow      = μ + ((Σ + ρ_s²I)(Σ + ρ_t²I)⁻¹)^½ (y − μ)      Wang & Vastola, 2412.09726, the closed form of the flow
 */
import { add, mul, reshape, sub, tensor2d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { STREAM, tweedieError, type Levels } from '@tweedie/core';
import { distribution, shapeOf, type Distribution } from './distribution.ts';
import { apply, dense, onRows, quadratic, trace, type Spectrum } from './spectrum.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

/** The covariance of a Gaussian, in the form in which it is known. */
export type Covariance =
  /** Σ, [d, d] row-major, symmetric. */
  | { readonly covariance: ArrayLike<number> }
  /** Σ = U diag(values) Uᵀ + floor·(I − U Uᵀ); `vectors` is U, [d, r] row-major with orthonormal columns, r ≤ d. */
  | { readonly eigen: { readonly values: ArrayLike<number>; readonly vectors: ArrayLike<number>; readonly floor?: number } }
  /** The variance of each coordinate. */
  | { readonly diagonal: ArrayLike<number> }
  /** One variance for all. */
  | { readonly isotropic: number };

export type GaussianOptions = Covariance & {
  readonly mean: ArrayLike<number>;
  /** Shape of one data point; default [d]. */
  readonly shape?: readonly number[];
};

export interface Gaussian extends Distribution {
  readonly kind: 'gaussian';
  readonly mean: Float64Array;
  readonly spectrum: Spectrum;
  /** Σ, [d, d] row-major. */
  covariance(): Float64Array;
  /** I(p_ρ) = E‖∇log p_ρ‖² = tr (Σ + ρ²I)⁻¹. */
  fisherInformation(rho: number): number;
}

const subject = 'analytic gaussian';

/**
 * N(μ, Σ) from a mean and a covariance, an eigensystem (full or low-rank), a diagonal or one variance.
 * Refuses a covariance that is not symmetric and positive semi-definite (negative eigenvalues within rounding become 0).
 */
export const gaussian = (options: GaussianOptions): Gaussian => {
  const mean = Float64Array.from(options.mean);
  const d = mean.length;
  const spectrum = spectrumOf(options, d);
  if (![...mean].every(Number.isFinite) || d === 0)
    throw tweedieError({ subject, problem: 'mean is not a list of finite numbers', got: [...mean].slice(0, 8) });

  const centre = (y: Float64Array): Float64Array => y.map((v, i) => v - mean[i]!);
  const shift = (v: Float64Array): Float64Array => v.map((c, i) => c + mean[i]!);
  const shape = shapeOf(subject, d, options.shape);

  const base = distribution({
    kind: 'gaussian',
    shape,
    classes: 0,
    smooth: (rho) => {
      const precise = () => {
        if (rho === 0 && isSingular(spectrum))
          throw tweedieError({ subject, problem: 'a singular covariance has no density at ρ = 0', remedy: 'ask at a level above 0' });
      };
      return {
        denoise: (y) => shift(apply(spectrum, centre(y), (lambda) => shrinkage(lambda, rho))),
        score: (y) => {
          precise();
          return apply(spectrum, centre(y), (lambda) => -1 / (lambda + rho * rho));
        },
        logDensity: (y) => {
          precise();
          return (
            -0.5 *
            (d * Math.log(2 * Math.PI) +
              logDeterminant(spectrum, rho) +
              quadratic(spectrum, centre(y), (lambda) => 1 / (lambda + rho * rho)))
          );
        },
      };
    },
    posterior: (y, rho) => ({
      mean: shift(apply(spectrum, centre(y), (lambda) => shrinkage(lambda, rho))),
      covariance: () => dense(spectrum, (lambda) => rho * rho * shrinkage(lambda, rho)),
    }),
    flow: (y, from, to) => {
      if (from === 0 && to > 0 && isSingular(spectrum))
        throw tweedieError({
          subject,
          problem: 'the flow of a singular covariance has no way up from ρ = 0',
          remedy: 'start at a level above 0',
        });
      return shift(apply(spectrum, centre(y), (lambda) => Math.sqrt((lambda + to * to) / (lambda + from * from))));
    },
    sample: (noise, n) => {
      const z = noise.hostNormal([n, d], { stream: STREAM.data });
      const out = new Float64Array(n * d);
      for (let i = 0; i < n; i++) out.set(shift(apply(spectrum, z.subarray(i * d, (i + 1) * d), Math.sqrt)), i * d);
      return out;
    },
    denoiser: (y, rho, label) => {
      if (label !== undefined)
        throw tweedieError({ subject, problem: 'a Gaussian has no classes', remedy: 'call without a label, or use a mixture' });
      return tidy(() => reshape(posteriorMeans(self, flatten(subject, y, d), rho), y.shape));
    },
  });
  const self: Gaussian = Object.freeze({
    ...base,
    kind: 'gaussian' as const,
    mean,
    spectrum,
    covariance: () => dense(spectrum, (lambda) => lambda),
    fisherInformation: (rho: number) => trace(spectrum, (lambda) => 1 / (lambda + rho * rho)),
  });
  return self;
};

/** λ/(λ + ρ²), and 1 at ρ = 0: without noise, y is x₀. */
const shrinkage = (lambda: number, rho: number): number => (rho === 0 ? 1 : lambda / (lambda + rho * rho));

const isSingular = (s: Spectrum): boolean => s.values.some((v) => v === 0) || (s.values.length < s.dims && s.floor === 0);

/** log det (Σ + ρ²I). */
export const logDeterminant = (s: Spectrum, rho: number): number => trace(s, (lambda) => Math.log(lambda + rho * rho));

/** E[x₀ | y] for rows [B, d], as a tensor. Call inside `tidy`. */
export const posteriorMeans = (g: Pick<Gaussian, 'mean' | 'spectrum'>, y: Tensor2D, rho: Levels): Tensor2D => {
  const mean = tensor2d(Float32Array.from(g.mean), [1, g.mean.length]);
  return add(mean, onRows(g.spectrum, sub(y, mean)).apply(rho, shrinkage));
};

/** −½ (y − μ)ᵀ(Σ + ρ²I)⁻¹(y − μ) for rows [B, d], as [B, 1]. Call inside `tidy`. */
export const exponents = (g: Pick<Gaussian, 'mean' | 'spectrum'>, y: Tensor2D, rho: Levels): Tensor2D => {
  const mean = tensor2d(Float32Array.from(g.mean), [1, g.mean.length]);
  return mul(
    onRows(g.spectrum, sub(y, mean)).quadratic(rho, (lambda, at) => 1 / (lambda + at * at)),
    -0.5,
  );
};

/** [B, …] as [B, d]. */
export const flatten = (who: string, y: Tensor, dims: number): Tensor2D => {
  const rows = y.shape[0] ?? 0;
  if (y.rank < 2 || y.size !== rows * dims)
    throw tweedieError({
      subject: who,
      problem: 'tensor does not fit the distribution',
      got: y.shape,
      expected: `[B, …] with ${dims} numbers a row`,
    });
  return reshape(y, [rows, dims]);
};

const spectrumOf = (options: Covariance, d: number): Spectrum => {
  if ('isotropic' in options)
    return { dims: d, values: new Float64Array(0), basis: null, floor: variance(options.isotropic, Math.abs(options.isotropic)) };
  if ('diagonal' in options) {
    expectLength('diagonal', options.diagonal.length, d);
    const top = Math.max(0, ...Array.from(options.diagonal));
    return { dims: d, values: Float64Array.from(options.diagonal, (v) => variance(v, top)), basis: null, floor: 0 };
  }
  if ('eigen' in options) {
    const { values, vectors, floor = 0 } = options.eigen;
    if (values.length > d)
      throw tweedieError({ subject, problem: 'more eigenvalues than dimensions', got: values.length, expected: `at most ${d}` });
    expectLength('eigen.vectors', vectors.length, d * values.length);
    const top = Math.max(0, ...Array.from(values));
    const basis = Float64Array.from(vectors);
    expectOrthonormal(basis, d, values.length);
    return { dims: d, values: Float64Array.from(values, (v) => variance(v, top)), basis, floor: variance(floor, top) };
  }
  expectLength('covariance', options.covariance.length, d * d);
  const { values, vectors } = symmetricEigen(options.covariance);
  return { dims: d, values: values.map((v) => variance(v, values[0]!)), basis: vectors, floor: 0 };
};

const expectLength = (name: string, got: number, expected: number): void => {
  if (got !== expected) throw tweedieError({ subject, problem: `${name} does not fit the mean`, got, expected: `${expected} numbers` });
};

/** A variance, where rounding below zero is zero. */
const variance = (value: number, top: number): number => {
  if (!Number.isFinite(value) || value < -1e-8 * Math.max(top, Number.MIN_VALUE))
    throw tweedieError({ subject, problem: 'a variance is negative or not a number', got: value, expected: '≥ 0' });
  return Math.max(0, value);
};

const expectOrthonormal = (u: Float64Array, d: number, r: number): void => {
  // Norms of all columns, and products of neighbours: catches a transposed or unscaled basis without the cost of UᵀU.
  for (let k = 0; k < r; k++) {
    let norm = 0;
    let neighbour = 0;
    for (let i = 0; i < d; i++) {
      norm += u[i * r + k]! ** 2;
      if (k > 0) neighbour += u[i * r + k]! * u[i * r + k - 1]!;
    }
    if (!(Math.abs(norm - 1) < 1e-4 && Math.abs(neighbour) < 1e-4))
      throw tweedieError({
        subject,
        problem: 'eigenvectors are not orthonormal',
        got: `column ${k}: norm² ${norm}`,
        expected: 'U of shape [d, r], row-major, orthonormal columns',
      });
  }
};
