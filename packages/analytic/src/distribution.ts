import type { Levels, Model, Noise, Schedule } from '@tweedie/core';
import { tweedieError } from '@tweedie/core';
import { exactModel, type ExactModelOptions } from './exact-model.ts';
import { integrateFlow } from './flow.ts';

/** p(x₀ | y) at one point: its mean is the denoiser's answer, its covariance ρ² times the denoiser's Jacobian. */
export interface Posterior {
  readonly mean: Float64Array;
  /** Probability of each component (mixture) or data point (empirical); absent for one Gaussian. */
  readonly weights?: Float64Array;
  /** [d, d] row-major. Computed when called: for images it is large. */
  covariance(): Float64Array;
}

/** p_ρ = p(x₀) ∗ N(0, ρ²I) at points of one row, in float64. */
export interface Smoothed {
  denoise(y: Float64Array): Float64Array;
  score(y: Float64Array): Float64Array;
  logDensity(y: Float64Array): number;
}

/**
 * A distribution of data whose smoothings p_ρ = p(x₀) ∗ N(0, ρ²I) are formulas. Everything is in y = x/α, ρ = σ/α.
 *
 * Host functions are float64 and take rows: `y` holds [n, d] numbers row-major, `rho` one level or one a row, `label` a
 * class index (for a distribution with classes). At ρ = 0 they give the limit where it exists and refuse where it does not.
 */
export interface Distribution {
  readonly kind: 'gaussian' | 'mixture' | 'empirical';
  /** Shape of one data point; its product is `dims`. */
  readonly shape: readonly number[];
  readonly dims: number;
  /** Number of classes, 0 if unconditional. */
  readonly classes: number;
  /** E[x₀ | y], [n, d]. */
  denoise(y: ArrayLike<number>, rho: Levels, label?: number): Float64Array;
  /** ∇ log p_ρ(y), [n, d]. */
  score(y: ArrayLike<number>, rho: Levels, label?: number): Float64Array;
  /** ∇ log p_t(x) of x_t = α x₀ + σ ε at time t of a schedule, [n, d]: the score in y, divided by α. */
  scoreAt(schedule: Schedule, x: ArrayLike<number>, t: number, label?: number): Float64Array;
  /** log p_ρ(y), [n]. */
  logDensity(y: ArrayLike<number>, rho: Levels, label?: number): Float64Array;
  /** p(x₀ | y) at one point. */
  posterior(y: ArrayLike<number>, rho: number, label?: number): Posterior;
  /** The probability-flow map dy/dρ = (y − D)/ρ from one level to another, in either direction, [n, d]. A formula for Gaussians, Dormand–Prince at 1e-12 for others. */
  flow(y: ArrayLike<number>, rhoFrom: number, rhoTo: number, label?: number): Float64Array;
  /** n data points [n, d]; row i depends on row i of the noise alone. */
  sample(noise: Noise, n: number): Float64Array;
  /** E[x₀ | y] on any engine: a synchronous, differentiable `Denoiser` in float32, [B, …] in and out. Keeps no tensor between calls. */
  readonly denoiser: Model['denoise'];
  /** The model that a perfectly trained network would be. */
  model(schedule: Schedule, options?: ExactModelOptions): Model;
}

/** What a distribution must say of itself; the rest of {@link Distribution} follows. */
export interface Essentials {
  readonly kind: Distribution['kind'];
  readonly shape: readonly number[];
  readonly classes: number;
  smooth(rho: number, label?: number): Smoothed;
  posterior(y: Float64Array, rho: number, label?: number): Posterior;
  flow?(y: Float64Array, rhoFrom: number, rhoTo: number, label?: number): Float64Array;
  sample(noise: Noise, n: number): Float64Array;
  readonly denoiser: Distribution['denoiser'];
}

/** Completes a distribution from its essentials. */
export const distribution = (own: Essentials): Distribution => {
  const subject = `analytic ${own.kind}`;
  const dims = own.shape.reduce((product, n) => product * n, 1);

  const rowsOf = (y: ArrayLike<number>): Float64Array[] => {
    if (y.length === 0 || y.length % dims !== 0)
      throw tweedieError({
        subject,
        problem: 'points do not fit the distribution',
        got: y.length,
        expected: `a multiple of ${dims} numbers`,
      });
    return Array.from({ length: y.length / dims }, (_, i) => Float64Array.from({ length: dims }, (_, k) => y[i * dims + k]!));
  };
  const smoothings = (rho: Levels, rows: number, label?: number): ((row: number) => Smoothed) => {
    if (label !== undefined && !(Number.isInteger(label) && label >= 0 && label < own.classes))
      throw tweedieError({ subject, problem: 'no such class', got: label, expected: own.classes ? `0 to ${own.classes - 1}` : 'no label' });
    if (typeof rho === 'number') {
      const one = own.smooth(checkLevel(subject, rho), label);
      return () => one;
    }
    if (rho.length !== rows)
      throw tweedieError({ subject, problem: 'levels do not fit the points', got: rho.length, expected: `${rows}, one a row` });
    return (row) => own.smooth(checkLevel(subject, rho[row]!), label);
  };
  const map = (
    y: ArrayLike<number>,
    rho: Levels,
    label: number | undefined,
    f: (p: Smoothed, row: Float64Array) => Float64Array,
  ): Float64Array => {
    const rows = rowsOf(y);
    const at = smoothings(rho, rows.length, label);
    const out = new Float64Array(y.length);
    rows.forEach((row, i) => out.set(f(at(i), row), i * dims));
    return out;
  };

  const self: Distribution = {
    kind: own.kind,
    shape: own.shape,
    dims,
    classes: own.classes,
    denoise: (y, rho, label) => map(y, rho, label, (p, row) => p.denoise(row)),
    score: (y, rho, label) => map(y, rho, label, (p, row) => p.score(row)),
    scoreAt: (schedule, x, t, label) => {
      const alpha = schedule.alpha(t);
      const y = Float64Array.from(x, (v) => v / alpha);
      return self.score(y, schedule.rho(t), label).map((s) => s / alpha);
    },
    logDensity: (y, rho, label) => {
      const rows = rowsOf(y);
      const at = smoothings(rho, rows.length, label);
      return Float64Array.from(rows, (row, i) => at(i).logDensity(row));
    },
    posterior: (y, rho, label) => {
      const [row, ...more] = rowsOf(y);
      if (row === undefined || more.length > 0) throw tweedieError({ subject, problem: 'posterior takes one point', got: more.length + 1 });
      smoothings(rho, 1, label);
      return own.posterior(row, rho, label);
    },
    flow: (y, rhoFrom, rhoTo, label) => {
      checkLevel(subject, rhoFrom);
      checkLevel(subject, rhoTo);
      const one = own.flow ?? ((row, from, to, c) => integrateFlow((at) => own.smooth(at, c).score, row, from, to));
      const rows = rowsOf(y);
      const out = new Float64Array(y.length);
      rows.forEach((row, i) => out.set(rhoFrom === rhoTo ? row : one(row, rhoFrom, rhoTo, label), i * dims));
      return out;
    },
    sample: own.sample,
    denoiser: own.denoiser,
    model: (schedule, options) => exactModel(self, schedule, options),
  };
  return Object.freeze(self);
};

const checkLevel = (subject: string, rho: number): number => {
  if (!(rho >= 0 && rho < Infinity))
    throw tweedieError({ subject, problem: 'a noise level is no level', got: rho, expected: 'a finite ρ ≥ 0' });
  return rho;
};

/** The shape of a data point of `dims` numbers: as given, or [dims]. */
export const shapeOf = (subject: string, dims: number, shape?: readonly number[]): readonly number[] => {
  if (shape === undefined) return Object.freeze([dims]);
  if (shape.reduce((product, n) => product * n, 1) !== dims)
    throw tweedieError({ subject, problem: 'shape does not fit the dimension', got: shape, expected: `a product of ${dims}` });
  return Object.freeze([...shape]);
};
