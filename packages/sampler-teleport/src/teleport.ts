import { concat, gather, tensor1d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, drawPrior, tweedieError, type Plan, type Sampler, type Schedule } from '@tweedie/core';
import { z } from 'zod';
import { checkShape, flowBy, lawOf, type AnyGaussian, type Law } from './gaussian.ts';

/**
 * Analytical teleportation. B. Wang, J. J. Vastola (2412.09726): the closed form of the flow of Gaussian data, and the hybrid sampler.
 *
 * At high noise the learned score is that of N(μ, Σ), Σ = U diag(λ) Uᵀ + λ_⊥ (I − U Uᵀ), whose flow is a formula. In y = x/α, ρ = σ/α:
 *
 *     y_s = μ + ψ_⊥ (y_t − μ) + U [(ψ − ψ_⊥) ∘ Uᵀ(y_t − μ)],   ψ_k = √((λ_k + ρ_s²)/(λ_k + ρ_t²))
 *
 * So the prior is drawn at the first level as the inner sampler draws it, mapped to `skipTo` at the cost of no network call, and the
 * inner sampler goes on from there. In x, x_s = α_s y_s: that the mean is scaled by α at both ends is in the coordinate.
 */
const reference = `@article{wang2024unreasonable,
  title   = {The Unreasonable Effectiveness of Gaussian Score Approximation for Diffusion Models and its Applications},
  author  = {Wang, Binxu and Vastola, John J.},
  journal = {Transactions on Machine Learning Research},
  year    = {2024},
  eprint  = {2412.09726},
  archivePrefix = {arXiv}
}`;

export const teleportOptions = z.strictObject({
  skipTo: z
    .number()
    .positive()
    .default(20)
    .describe('Noise level ρ to which the Gaussian flow goes; the first level of the grid skips nothing'),
  then: z.unknown().default({ use: 'heun' }).describe('Sampler that goes on from there: a name, or { use: name, … }'),
  grid: z
    .enum(['respace', 'keep'])
    .default('respace')
    .describe('respace: as many steps on [skipTo, least]; keep: the levels above skipTo are dropped, and with them their calls'),
  gaussian: z.unknown().optional().describe('File of `tweedie stats gaussian`; without it one mean and one variance for all'),
  floor: z
    .enum(['ppca', 'zero'])
    .default('ppca')
    .describe('Variance outside the eigenvectors: what is left of the trace, or none (as released)'),
  dataMean: z.number().default(0).describe('Mean of all numbers of the data, where there is no file'),
  sigmaData: z.number().positive().default(0.5).describe('Standard deviation of the data, where there is no file'),
});

export interface TeleportOptions extends Omit<z.input<typeof teleportOptions>, 'then' | 'gaussian'> {
  /** Any sampler. */
  readonly then: Sampler;
  readonly gaussian?: AnyGaussian;
  /** A Gaussian for each class; needs `label`. */
  readonly classes?: readonly AnyGaussian[];
  /** Class of image i, the function that `sample` has; −1 for none, which gets `gaussian`. */
  readonly label?: (image: number) => number;
}

/** A plan of {@link teleport}: the inner sampler's on the levels that are left, under another name, and what `start` needs. */
export interface TeleportPlan extends Plan {
  readonly teleport: { readonly from: number; readonly to: number };
  /** The inner sampler's plan. */
  readonly then: Plan;
  /** What the prior is drawn by: the inner sampler's plan of all levels, where it draws its own. */
  readonly prior: Plan | Pick<Plan, 'schedule' | 'levels'>;
}

/**
 * The Gaussian flow from the first level to `skipTo`, then any sampler. At skipTo = the first level it is that sampler, to the bit.
 *
 * Errors: `then` is no sampler; statistics of another kind, range, layout or shape; skipTo outside the levels.
 */
export const teleport = ({ classes, label, ...options }: TeleportOptions): Sampler => {
  const { skipTo, grid, floor, dataMean, sigmaData, then: inner, gaussian } = teleportOptions.parse(options);
  const then = samplerOf(inner);
  const law = lawOf(gaussianOf(gaussian) ?? { kind: 'isotropic', mean: dataMean, sigma: sigmaData }, floor);
  const byClass = classes?.map((each) => lawOf(each, floor));
  checkClasses(byClass, label);

  const plan = (schedule: Schedule, levels: Float64Array): TeleportPlan => {
    checkLevels('teleport', levels, then.facts);
    const mapped = levelsFrom(levels, skipTo, grid);
    const rest = then.plan(schedule, mapped);
    const prior = then.start === undefined ? { schedule, levels: levels.slice() } : then.plan(schedule, levels);
    const skips = mapped[0] !== levels[0];
    const [from, to] = skips ? [prior.levels[0]!, mapped[0]!] : [rest.levels[0]!, rest.levels[0]!];
    if (rest.levels[0] !== to)
      throw tweedieError({
        subject: 'teleport',
        problem: `the inner sampler ${then.name} starts at another level than it is given`,
        got: rest.levels[0],
        expected: String(to),
        remedy:
          then.name === 'teleport'
            ? 'one teleport is enough: keep the one with the lower skipTo'
            : 'use a sampler that keeps its first level',
      });
    const dropped = levels.length - mapped.length;
    const notes = !skips
      ? [`nothing is skipped: the first level is ${short(levels[0]!)}`]
      : [
          `ρ = ${short(from)} → ${short(to)} by the flow of a Gaussian (${byClass === undefined ? law.said : `${byClass.length} of them, by class`}), 0 network calls`,
          grid === 'keep'
            ? `${dropped} ${dropped === 1 ? 'level is' : 'levels are'} skipped${to === skipTo ? '' : `: ${short(to)} is the level of the grid nearest to ${short(skipTo)}`}`
            : `${levels.length - 1} steps are spaced anew from ${short(to)} down`,
        ];
    return Object.freeze({
      ...rest,
      sampler: 'teleport',
      levels: rest.levels.slice(),
      notes: [...notes, ...rest.notes],
      teleport: { from, to },
      then: rest,
      prior,
    });
  };

  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: 'teleport',
    facts: Object.freeze({ ...then.facts, likelihood: false }),
    reference: `${reference}\n\n${then.reference}`,
    plan,
    start: async (noise, shape, given) => {
      const {
        prior,
        teleport: { from, to },
      } = ownPlan(given);
      const labels = byClass === undefined ? undefined : Array.from({ length: shape[0]! }, (_, i) => label!(noise.firstRow + i));
      const lawOfClass = (c: number): Law => (c === -1 ? law : (byClass?.[c] ?? refuseClass(c, byClass!.length)));
      for (const each of new Set(labels ?? [-1])) checkShape(lawOfClass(each), shape.slice(1));
      const y = await (then.start === undefined ? drawPrior(noise, shape, prior) : then.start(noise, shape, prior as Plan));
      if (from === to) return y;
      try {
        return labels === undefined ? flowBy(law, y, from, to) : flowByClass(lawOfClass, labels, y, from, to);
      } finally {
        y.dispose();
      }
    },
    steps: (denoise, y, given, noise) => then.steps(denoise, y, ownPlan(given).then, noise),
  });
};

/** Rows of a class together, and back in their order. */
const flowByClass = (lawOfClass: (c: number) => Law, labels: readonly number[], y: Tensor, from: number, to: number): Tensor =>
  tidy(() => {
    const groups = [...new Set(labels)].map((c) => ({ c, rows: labels.flatMap((each, i) => (each === c ? [i] : [])) }));
    const moved = groups.map(({ c, rows }) => flowBy(lawOfClass(c), gather(y, tensor1d(rows, 'int32')), from, to));
    const place = new Int32Array(labels.length);
    groups.flatMap(({ rows }) => rows).forEach((row, at) => (place[row] = at));
    return gather(concat(moved), tensor1d(place, 'int32'));
  });

/**
 * The levels that are left. `keep`: from the level of the grid that is nearest to skipTo in log ρ on, so that no step is shorter than
 * the grid's. `respace`: as many, affine in ρ^{1/7} onto [skipTo, least], so that a grid of Karras et al. stays one; a final 0 stays.
 */
export const levelsFrom = (levels: Float64Array, skipTo: number, grid: 'respace' | 'keep'): Float64Array => {
  const [first, count] = [levels[0]!, levels.length - 1];
  const last = levels[count] === 0 ? count - 1 : count;
  const least = last === 0 ? 0 : levels[last]!;
  if (!(skipTo <= first && skipTo > least))
    throw tweedieError({
      subject: 'teleport',
      problem: skipTo > first ? 'skipTo is above the first level' : 'skipTo is not above the last level, so that no step is left',
      got: skipTo,
      expected: `a level in (${short(least)}, ${short(first)}]`,
      remedy: skipTo > first ? 'lower skipTo, or start the grid higher' : 'raise skipTo',
    });
  if (skipTo === first) return levels.slice();
  if (grid === 'keep') {
    let at = 0;
    for (let i = 1; i < count; i++) if (Math.abs(Math.log(levels[i]! / skipTo)) < Math.abs(Math.log(levels[at]! / skipTo))) at = i;
    return levels.slice(at);
  }
  const [u, top, bottom, start] = [levels.map((rho) => rho ** (1 / 7)), first ** (1 / 7), least ** (1 / 7), skipTo ** (1 / 7)];
  return levels.map((rho, i) => {
    if (i === 0) return skipTo;
    if (i >= last) return rho;
    return (bottom + ((u[i]! - bottom) * (start - bottom)) / (top - bottom)) ** 7;
  });
};

const short = (rho: number): string => String(Number(rho.toPrecision(6)));

const ownPlan = (plan: Plan): TeleportPlan => {
  if ('teleport' in plan && 'then' in plan) return plan as TeleportPlan;
  throw tweedieError({
    subject: 'teleport',
    problem: 'this is a plan of another sampler',
    got: plan.sampler,
    expected: 'a plan that teleport made',
  });
};

const samplerOf = (value: unknown): Sampler => {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'sampler' && 'plan' in value && 'steps' in value)
    return value as Sampler;
  throw tweedieError({
    subject: 'teleport',
    problem: 'then is no sampler',
    got: value,
    expected: 'a Sampler',
    remedy: 'in code pass one, e.g. then: heun(); a name is for configurations',
  });
};

const gaussianOf = (value: unknown): AnyGaussian | undefined => {
  if (
    value === undefined ||
    (typeof value === 'object' && value !== null && ('header' in value || 'spectrum' in value || 'sigma' in value))
  )
    return value as AnyGaussian | undefined;
  throw tweedieError({
    subject: 'teleport',
    problem: 'gaussian is no Gaussian',
    got: value,
    expected: 'a Gaussian of @tweedie/analytic, or statistics that were read (decodeStatistics)',
    remedy: 'a path is for configurations',
  });
};

const checkClasses = (byClass: readonly Law[] | undefined, label: unknown): void => {
  if ((byClass === undefined) === (label === undefined)) return;
  throw tweedieError({
    subject: 'teleport',
    problem:
      byClass === undefined
        ? 'there is a label and no Gaussian of any class'
        : 'there are Gaussians by class and nothing says which image is of which class',
    remedy:
      byClass === undefined
        ? 'give classes, or leave label out'
        : 'a sampler sees no labels when it starts: give label, the same function of the image that sample() has',
  });
};

const refuseClass = (c: number, count: number): never => {
  throw tweedieError({ subject: 'teleport', problem: 'there is no Gaussian of this class', got: c, expected: `−1 to ${count - 1}` });
};
