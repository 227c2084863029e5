/**
 * N(μ, Σ) in the one form that its flow and its denoiser need, f(Σ) v for any function f of an eigenvalue: from a Gaussian of
 * @tweedie/analytic, from a file of `tweedie stats gaussian`, or from two numbers. In float64 on the host and on tensors.
 */
import { add, matMul, mul, reshape, sub, tensor, tensor2d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Gaussian } from '@tweedie/analytic';
import { checkStatistics, tweedieError, type StatisticsFile } from '@tweedie/core';
import { stationaryLaw } from './stationary.ts';

/** One mean and one variance for every number of a data point. */
export interface Isotropic {
  readonly kind: 'isotropic';
  readonly mean: number;
  readonly sigma: number;
}

/** What `teleport` takes for a Gaussian: one of @tweedie/analytic, or a file of `tweedie stats gaussian`. */
export type AnyGaussian = Gaussian | StatisticsFile | Isotropic;

/** Variance outside the stored eigenvectors: what is left of the trace, spread evenly (PPCA), or none, as in the released code. */
export type Floor = 'ppca' | 'zero';

/** A function of an eigenvalue. */
export type Gain = (lambda: number) => number;

export interface Law {
  /** Shape of one data point; without it any. */
  readonly shape?: readonly number[];
  /** In a few words, for plans. */
  readonly said: string;
  /** Whether some direction has no variance. */
  readonly singular: boolean;
  /** μ, as numbers and as a tensor that broadcasts over rows. */
  readonly mean: number | Float64Array;
  /** f(Σ) v of rows [B, …shape]. Call inside `tidy`. */
  apply(v: Tensor, f: Gain): Tensor;
  /** f(Σ) v of one row. */
  host(v: Float64Array, f: Gain): Float64Array;
}

const subject = 'teleport';

/** Statistics are refused here where they are of another kind, range or layout. */
export const lawOf = (gaussian: AnyGaussian, floor: Floor = 'ppca'): Law => {
  if ('header' in gaussian) return fileLaw(gaussian, floor);
  if (gaussian.kind === 'isotropic') return isotropicLaw(gaussian);
  const { spectrum, mean, shape } = gaussian;
  const { dims, values, basis } = spectrum;
  const rest = floor === 'zero' ? 0 : spectrum.floor;
  if (basis === null && values.length === 0)
    return eigenLaw({ mean, shape, values, basis, floor: spectrum.floor, said: `isotropic, ${dims} dimensions` });
  return eigenLaw({ mean, shape, values, basis, floor: rest, said: saidOf(values.length, dims, rest) });
};

const saidOf = (rank: number, dims: number, floor: number): string =>
  rank === dims ? `full, ${dims} dimensions` : `rank ${rank} of ${dims}, variance ${Number(floor.toPrecision(3))} outside`;

const isotropicLaw = ({ mean, sigma }: Isotropic): Law => ({
  said: `isotropic, mean ${mean}, standard deviation ${sigma}`,
  singular: sigma === 0,
  mean,
  apply: (v, f) => mul(v, f(sigma * sigma)),
  host: (v, f) => v.map((each) => each * f(sigma * sigma)),
});

interface Eigensystem {
  readonly mean: Float64Array;
  readonly shape: readonly number[];
  /** λ, r of them. */
  readonly values: Float64Array;
  /** U, [d, r]; null where the basis is the coordinates' own. */
  readonly basis: Float32Array | Float64Array | null;
  /** λ_⊥. */
  readonly floor: number;
  readonly said: string;
}

/** f(Σ) v = f(λ_⊥) v + U [(f(λ) − f(λ_⊥)) ∘ Uᵀ v]: two thin products; without the first term where the basis is complete. */
const eigenLaw = ({ mean, shape, values, basis, floor, said }: Eigensystem): Law => {
  const [d, r] = [mean.length, values.length];
  const complete = r === d;
  const gains = (f: Gain): Float64Array => values.map((lambda) => f(lambda) - (complete ? 0 : f(floor)));
  return {
    shape,
    said,
    singular: values.some((lambda) => lambda === 0) || (!complete && floor === 0),
    mean,
    apply: (v, f) => {
      const rows = reshape(v, [v.shape[0]!, d]) as Tensor2D;
      if (r === 0) return mul(v, f(floor));
      const gain = tensor2d(Float32Array.from(gains(f)), [1, r]);
      if (basis === null) return reshape(mul(rows, gain), v.shape);
      const u = tensor2d(float32(basis), [d, r]);
      const within = matMul(mul<Tensor2D>(matMul(rows, u), gain), u, false, true);
      return reshape(complete ? within : add(within, mul(rows, f(floor))), v.shape);
    },
    host: (v, f) => {
      if (r === 0) return v.map((each) => each * f(floor));
      const gain = gains(f);
      if (basis === null) return v.map((each, i) => each * gain[i]!);
      const c = new Float64Array(r);
      for (let i = 0; i < d; i++) for (let k = 0; k < r; k++) c[k]! += basis[i * r + k]! * v[i]!;
      for (let k = 0; k < r; k++) c[k]! *= gain[k]!;
      const rest = complete ? 0 : f(floor);
      return v.map((each, i) => {
        let sum = rest * each;
        for (let k = 0; k < r; k++) sum += basis[i * r + k]! * c[k]!;
        return sum;
      });
    },
  };
};

const rounded = new WeakMap<Float64Array, Float32Array>();
const float32 = (values: Float32Array | Float64Array): Float32Array => {
  if (values instanceof Float32Array) return values;
  const known = rounded.get(values) ?? Float32Array.from(values);
  rounded.set(values, known);
  return known;
};

const fileLaw = (file: StatisticsFile, floor: Floor): Law => {
  const { header, tensors, subject: who = 'gaussian statistics' } = file;
  checkStatistics(file, {
    kind: 'gaussian',
    ...(header['range'] === undefined ? {} : { range: [-1, 1] as const }),
    ...(header['layout'] === undefined ? {} : { layout: 'NHWC' as const }),
  });
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject: who, problem, got, expected, remedy: 'make the file anew: tweedie stats gaussian' });
  };
  const shape = header['shape'];
  if (!Array.isArray(shape) || !shape.every((n): n is number => Number.isInteger(n) && (n as number) > 0))
    return refuse('the shape of the data is missing', shape, 'a list of positive integers');
  const d = shape.reduce((product, n) => product * n, 1);
  const part = (name: string, expected: readonly number[]): Float32Array | Float64Array => {
    const found = tensors[name];
    if (found?.shape.join() !== expected.join())
      return refuse(`"${name}" has another shape`, found?.shape ?? 'nothing', `[${expected.join(', ')}]`);
    return found.data;
  };
  const mean = Float64Array.from(part('mean', [d]));
  if (header['form'] === 'stationary') {
    if (shape.length !== 3) return refuse('a stationary Gaussian is of images', shape, '[H, W, C]');
    const [height, width, channels] = shape as [number, number, number];
    const of = [height, Math.floor(width / 2) + 1, channels, channels];
    return stationaryLaw({ mean, shape: [height, width, channels], re: part('re', of), im: part('im', of) });
  }
  const r = tensors['values']?.data.length ?? 0;
  if (r > d) return refuse('there are more eigenvalues than dimensions', r, `at most ${d}`);
  const values = Float64Array.from(part('values', [r]));
  if (!values.every((lambda, k) => lambda >= 0 && (k === 0 || lambda <= values[k - 1]!)))
    return refuse('the eigenvalues are not the largest first', [...values.slice(0, 4)], 'numbers ≥ 0, descending');
  const basis = part('vectors', [d, r]);
  const rest = floor === 'zero' ? 0 : header['floor'];
  if (typeof rest !== 'number' || !(rest >= 0)) return refuse('the variance outside the eigenvectors is missing', rest, 'a number ≥ 0');
  return eigenLaw({ mean, shape, values, basis, floor: rest, said: saidOf(r, d, rest) });
};

/** ψ(λ) = √((λ + ρ_s²)/(λ + ρ_t²)), eq. (4.1) in y = x/α. */
const psi =
  (from: number, to: number): Gain =>
  (lambda) =>
    Math.sqrt((lambda + to * to) / (lambda + from * from));

/** μ + f(Σ)(y − μ) of rows [B, …]. */
const about = ({ mean, apply }: Law, y: Tensor, f: Gain): Tensor =>
  tidy(() => {
    if (typeof mean === 'number') return add(apply(sub(y, mean), f), mean);
    const m = tensor(Float32Array.from(mean), [1, ...y.shape.slice(1)]);
    return add(apply(sub(y, m), f), m);
  });

/** The flow by a law: the state at level `to` of what is y at level `from`. */
export const flowBy = (law: Law, y: Tensor, from: number, to: number): Tensor => {
  checkFlow(law, from, to);
  checkShape(law, y.shape.slice(1));
  return from === to ? y.clone() : about(law, y, psi(from, to));
};

/** E[x₀ | y] by a law: μ + Σ(Σ + ρ²)⁻¹(y − μ). */
export const denoisedBy = (law: Law, y: Tensor, rho: number): Tensor => {
  checkShape(law, y.shape.slice(1));
  return about(law, y, (lambda) => lambda / (lambda + rho * rho));
};

export const checkShape = ({ shape, said }: Law, wanted: readonly number[]): void => {
  if (shape === undefined || shape.join() === wanted.join()) return;
  throw tweedieError({
    subject,
    problem: `the Gaussian (${said}) is of another shape than the images`,
    got: [...shape],
    expected: JSON.stringify(wanted),
    remedy: 'make its statistics from the data that the model was trained on',
  });
};

const checkFlow = (law: Law, from: number, to: number): void => {
  for (const rho of [from, to])
    if (!(rho >= 0 && Number.isFinite(rho)))
      throw tweedieError({ subject, problem: 'a noise level is no level', got: rho, expected: 'a finite ρ ≥ 0' });
  if (from === 0 && to > 0 && law.singular)
    throw tweedieError({
      subject,
      problem: `the flow of a Gaussian without variance in some direction (${law.said}) has no way up from ρ = 0`,
      remedy: "start at a level above 0, or use floor: 'ppca'",
    });
};

/**
 * The probability flow of N(μ, Σ) from one level to another, in either direction, in y = x/α; [B, …] in and out, no network.
 *
 *     y_s = μ + ψ_⊥ (y_t − μ) + U [(ψ − ψ_⊥) ∘ Uᵀ(y_t − μ)],   ψ_k = √((λ_k + ρ_s²)/(λ_k + ρ_t²))
 */
export const gaussianFlow = (gaussian: AnyGaussian, y: Tensor, from: number, to: number, floor: Floor = 'ppca'): Tensor =>
  flowBy(lawOf(gaussian, floor), y, from, to);

/** {@link gaussianFlow} in float64 on the host, of rows [n, d]. */
export const hostGaussianFlow = (
  gaussian: AnyGaussian,
  y: ArrayLike<number>,
  from: number,
  to: number,
  floor: Floor = 'ppca',
): Float64Array => {
  const law = lawOf(gaussian, floor);
  checkFlow(law, from, to);
  const rows = Float64Array.from(y);
  if (from === to) return rows;
  const { mean } = law;
  const d = typeof mean === 'number' ? rows.length : mean.length;
  if (rows.length % d !== 0)
    throw tweedieError({ subject, problem: 'points do not fit the Gaussian', got: rows.length, expected: `a multiple of ${d} numbers` });
  const at = (i: number): number => (typeof mean === 'number' ? mean : mean[i]!);
  for (let row = 0; row < rows.length; row += d) {
    const centred = rows.slice(row, row + d).map((each, i) => each - at(i));
    rows.set(
      law.host(centred, psi(from, to)).map((each, i) => each + at(i)),
      row,
    );
  }
  return rows;
};
