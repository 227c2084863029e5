import { tweedieError } from '../contracts/error.ts';
import type { Schedule } from '../contracts/schedule.ts';

/** N steps, from the highest to the lowest ρ. */
interface Span {
  /** N ≥ 1: the grid has N + 1 levels. */
  readonly steps: number;
  readonly max: number;
  readonly min: number;
  /** True: N levels down to `min`, then a final 0, so that the last step is a pure denoise. Default false: N + 1 levels down to `min`. */
  readonly zero?: boolean;
}

/**
 * ρ_i = (ρ_max^{1/p} + i/(n−1) (ρ_min^{1/p} − ρ_max^{1/p}))^p.
 *
 * T. Karras et al. (2206.00364), eq. 5, p = 7.
 */
export const karras = ({ exponent = 7, ...span }: Span & { readonly exponent?: number }): Float64Array =>
  grid(
    span,
    (rho) => rho ** (1 / exponent),
    (u) => u ** exponent,
  );

/** Uniform in λ = −log ρ. C. Lu et al.: DPM-Solver (2206.00927), §3.4. */
export const logSnr = (span: Span): Float64Array => grid(span, Math.log, Math.exp);

/** Uniform in t^{1/p} of the schedule's own time: p = 1 is uniform, p = 2 quadratic. Q. Zhang, Y. Chen: DEIS (2204.13902), §H.3. */
export const timePower = (schedule: Schedule, { power, ...span }: Span & { readonly power: number }): Float64Array =>
  grid(
    span,
    (rho) => schedule.timeOf(rho) ** (1 / power),
    (u) => schedule.rho(u ** power),
  );

/** Uniform in `to(ρ)`; both ends are kept as they were given. */
const grid = ({ steps, max, min, zero = false }: Span, to: (rho: number) => number, from: (u: number) => number): Float64Array => {
  if (!Number.isInteger(steps) || steps < 1) {
    throw tweedieError({
      subject: '@tweedie/core levels',
      problem: 'a grid needs at least one step',
      got: steps,
      expected: 'an integer ≥ 1',
    });
  }
  if (!(max > min && min > 0 && Number.isFinite(max))) {
    throw tweedieError({
      subject: '@tweedie/core levels',
      problem: 'the ends of a grid are not in order',
      got: { max, min },
      expected: '∞ > max > min > 0',
      ...(min === 0 ? { remedy: 'to end at 0 keep min > 0 and set zero: true' } : {}),
    });
  }
  const count = zero ? steps : steps + 1;
  const levels = new Float64Array(steps + 1); // a final 0 is there already
  const first = to(max);
  const last = to(min);
  for (let i = 0; i < count; i++) levels[i] = i === 0 ? max : i === count - 1 ? min : from(first + (i / (count - 1)) * (last - first));
  return levels;
};

/** Refuses levels that no sampler can use: fewer than two, not finite, not strictly decreasing, or a 0 where it cannot be reached. */
export const checkLevels = (subject: string, levels: Float64Array, { reachesZero }: { readonly reachesZero: boolean }): void => {
  if (levels.length < 2)
    throw tweedieError({ subject, problem: 'a plan needs two levels or more', got: levels.length, expected: 'N + 1 levels for N steps' });
  for (let i = 0; i < levels.length; i++) {
    const rho = levels[i]!;
    if (!Number.isFinite(rho) || rho < 0) {
      throw tweedieError({ subject, problem: `level ${i} is no noise level`, got: rho, expected: 'a finite number ≥ 0' });
    }
    if (i > 0 && !(rho < levels[i - 1]!)) {
      throw tweedieError({
        subject,
        problem: `level ${i} is not below the one before it`,
        got: [levels[i - 1], rho],
        expected: 'strictly decreasing levels',
        remedy: 'remove the duplicate (rounding time steps to integers makes some), or use fewer steps',
      });
    }
  }
  if (levels.at(-1) === 0 && !reachesZero) {
    throw tweedieError({
      subject,
      problem: 'the last level is 0, which this sampler cannot reach',
      expected: 'a last level > 0',
      remedy: 'end the grid at a small ρ (zero: false)',
    });
  }
};
