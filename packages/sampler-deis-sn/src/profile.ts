import { checkStatistics, tweedieError, type StatisticsFile } from '@tweedie/core';

/** The kind of statistics that a profile is. */
export const KIND = 'deis-profile';

/** E|N(0, 1)| = √(2/π): what r is in pure noise. */
export const PLATEAU = Math.sqrt(2 / Math.PI);

/** r at λ = −log ρ, least noise first. */
export interface ProfileTable {
  readonly lambda: Float64Array;
  readonly r: Float64Array;
  /** Standard error of the last entry; 0 where the file does not say. */
  readonly error: number;
}

/** mean |ε̂| of zero-mean Gaussian data with eigenvalues λ_k: √(2/π) (1/d) Σ_k ρ/√(λ_k + ρ²). */
export const gaussianProfile =
  (spectrum: readonly number[]) =>
  (rho: number): number =>
    (PLATEAU * spectrum.reduce((sum, variance) => sum + (variance === 0 ? 1 : rho / Math.hypot(Math.sqrt(variance), rho)), 0)) /
    spectrum.length;

/** A profile out of a file. Errors: another kind, tensors that are missing or do not fit, r ≤ 0, λ that does not fall. */
export const readProfile = (file: StatisticsFile): ProfileTable => {
  checkStatistics(file, { kind: KIND });
  const { subject = 'statistics', tensors } = file;
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject, problem, got, expected, remedy: 'make it anew: tweedie stats deis-profile RUN' });
  };
  const [lambda, r] = ['lambda', 'r'].map((name) => {
    const data = tensors[name]?.data;
    if (data === undefined || data.length < 2)
      return refuse(`the profile has no "${name}"`, data?.length ?? 'nothing', '2 numbers or more');
    const bad = data.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) refuse(`"${name}" of the profile is not finite`, data[bad], 'finite numbers');
    return Float64Array.from(data);
  }) as [Float64Array, Float64Array];
  if (lambda.length !== r.length)
    refuse('"lambda" and "r" of the profile are not of one length', [lambda.length, r.length], 'a pair a level');
  const low = r.findIndex((x) => x <= 0);
  if (low >= 0) refuse('"r" of the profile is no size', r[low], 'mean |ε̂| > 0');
  const rises = lambda.findIndex((x, k) => k > 0 && !(x < lambda[k - 1]!));
  if (rises >= 0) refuse('"lambda" of the profile does not fall', lambda[rises], 'λ = −log ρ, least noise first');
  return { lambda, r, error: tensors['se']?.data.at(-1) ?? 0 };
};

/** The first n entries become entry n. */
export const clipped = ({ r, ...rest }: ProfileTable, n: number): ProfileTable => ({ ...rest, r: r.map((x, k) => (k < n ? r[n]! : x)) });

/**
 * r(ρ) between the entries of a table, a piecewise cubic in λ that is monotone wherever the table is, held at both ends.
 *
 * F. N. Fritsch, J. Butland: A method for constructing local monotone piecewise cubic interpolants (1984): slopes are weighed harmonic
 * means of those of both sides, 0 at an extremum.
 */
export const interpolated = ({ lambda, r }: Pick<ProfileTable, 'lambda' | 'r'>): ((rho: number) => number) => {
  const [x, y] = [lambda.toReversed(), r.toReversed()];
  const last = x.length - 1;
  const h = Float64Array.from({ length: last }, (_, k) => x[k + 1]! - x[k]!);
  const chord = h.map((width, k) => (y[k + 1]! - y[k]!) / width);
  const slope = x.map((_, k) => {
    if (k === 0 || k === last) return chord[Math.min(k, last - 1)]!;
    const [before, after] = [chord[k - 1]!, chord[k]!];
    if (before * after <= 0) return 0;
    const [a, b] = [2 * h[k]! + h[k - 1]!, h[k]! + 2 * h[k - 1]!];
    return (a + b) / (a / before + b / after);
  });
  return (rho) => {
    const at = -Math.log(rho);
    if (!(at > x[0]!)) return y[0]!;
    if (at >= x[last]!) return y[last]!;
    let [low, high] = [0, last];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle]! <= at) low = middle;
      else high = middle;
    }
    const width = h[low]!;
    const s = (at - x[low]!) / width;
    const [into, out] = [s * s * (3 - 2 * s), (1 - s) * (1 - s) * s];
    return y[low]! * (1 - into) + y[high]! * into + width * (slope[low]! * out - slope[high]! * s * s * (1 - s));
  };
};
