import { add, addN, div, maximum, mean, mul, reshape, sqrt, square, sub, tidy, abs, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, scaleRows, tweedieError, type Denoiser, type Sampler, type SamplerFacts } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { dpmSolverStep } from './dpm-solver.ts';
import { factsOf } from './facts.ts';

/**
 * Embedded pairs with a step of each image's own. A pair proposes where every row goes and by how much of its tolerance it may be
 * wrong, E; a row whose E ≤ 1 goes there, another tries again with a smaller step:
 *
 *     h ← h · min(most, max(least, θ E^{−1/q}))          h > 0 in log ρ, q the order of the error
 *
 * Rows meet at the plan's levels: one that has arrived waits with a step of 0. (A row cannot leave the batch: labels are bound to it.)
 */
export interface EmbeddedPair {
  readonly name: string;
  readonly facts: SamplerFacts;
  readonly reference: string;
  /** Printed with every step. */
  readonly tolerances: Readonly<Record<string, number>>;
  /** First h. */
  readonly first: number;
  readonly control: { readonly safety: number; readonly least: number; readonly most: number; readonly order: number };
  /** Everything that it makes is owned by `hold`. Rows with next = ρ stay where they are, with E = 0. */
  propose(denoise: Denoiser, from: Point, next: Float64Array, hold: Holdings): Promise<Proposal>;
}

interface Point {
  readonly y: Tensor;
  /** D(y, ρ). */
  readonly x0: Tensor;
  /** One ρ a row. */
  readonly rho: Float64Array;
  /** The lower order's result of the last step of each row; y at the start. */
  readonly lower: Tensor;
}

interface Proposal {
  readonly y: Tensor;
  /** D at the new point, where the pair knows it. */
  readonly x0?: Tensor;
  readonly lower?: Tensor;
  /** E, one a row. */
  readonly error: Tensor;
}

/** Tensors that are to be freed however a run ends. */
export interface Holdings {
  own<T extends Tensor>(tensor: T): T;
  free(...tensors: readonly (Tensor | undefined)[]): void;
  /** Gives a tensor to the caller. */
  release(tensor: Tensor): void;
  freeAllBut(...kept: readonly (Tensor | undefined)[]): void;
}

const holdings = (): Holdings => {
  const owned = new Set<Tensor>();
  const free = (tensor: Tensor | undefined): void => {
    if (tensor !== undefined && owned.delete(tensor)) tensor.dispose();
  };
  return {
    own: (tensor) => (owned.add(tensor), tensor),
    free: (...tensors) => tensors.forEach(free),
    release: (tensor) => void owned.delete(tensor),
    freeAllBut: (...kept) => [...owned].filter((tensor) => !kept.includes(tensor)).forEach(free),
  };
};

/** A step of log ρ below which no denoiser has anything new to say: a rejection there is of chance or of rounding. */
const LEAST_STEP = 1e-4;
/** Attempts between two levels. */
const MOST_ATTEMPTS = 2000;

/** A sampler that goes from level to level by an embedded pair. NFE is the run's to decide. */
export const adaptiveSampler = (pair: EmbeddedPair): Sampler =>
  Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: pair.name,
    facts: Object.freeze(pair.facts),
    reference: pair.reference,

    plan: (schedule, levels) => {
      checkLevels(pair.name, levels, pair.facts);
      const steps = pairs(levels).map(([from, to]) => ({ from, to, ...pair.tolerances }));
      const notes = [
        'adaptive: the number of calls depends on the images, and a batch costs what its hardest image does',
        ...(levels.at(-1) === 0 ? ['the last step, to ρ = 0, is x̂₀ itself'] : []),
      ];
      return Object.freeze({ sampler: pair.name, schedule, levels: levels.slice(), nfe: null, steps, notes });
    },

    // Levels may rise: a plan is run upward with its levels reversed.
    async *steps(denoise, start, { levels }) {
      const { safety, least, most, order } = pair.control;
      const rows = start.shape[0]!;
      const last = levels.length - 1;
      const pace = new Float64Array(rows).fill(pair.first);
      const hold = holdings();
      let [y, lower] = [start, start];
      try {
        let x0 = hold.own(await denoise(y, levels[0]!));
        for (let i = 0; i < last; i++) {
          yield { i, rho: levels[i]!, y, x0 };
          const target = levels[i + 1]!;
          if (target === 0) {
            hold.release(x0);
            return x0;
          }
          let rho = new Float64Array(rows).fill(levels[i]!);
          for (let attempt = 0; rho.some((at) => at !== target); attempt++) {
            if (attempt === MOST_ATTEMPTS)
              throw tweedieError({
                subject: pair.name,
                problem: `${attempt} attempts do not lead from ρ = ${levels[i]} to ${target}`,
                got: `a step of ${Math.min(...pace)} in log ρ`,
                remedy: 'raise the tolerances',
              });
            const next = rho.map((at, row) => reach(at, target, pace[row]!));
            const proposal = await pair.propose(denoise, { y, x0, rho, lower }, next, hold);
            const error = await proposal.error.data();
            const accepted = Array.from(error, (e) => e <= 1);
            rho.forEach((at, row) => {
              const e = error[row]!;
              if (!Number.isFinite(e))
                throw tweedieError({
                  subject: pair.name,
                  problem: `the error of row ${row} between ρ = ${at} and ${next[row]} is no number`,
                  got: e,
                  expected: 'finite answers of the model',
                  remedy: 'look at what the model answers there; without half precision, and within the levels that it was trained at',
                });
              if (at === target) return;
              const h = Math.abs(Math.log(next[row]! / at));
              const wish = h * safety * e ** (-1 / order); // ∞ where e = 0
              pace[row] = accepted[row] ? Math.min(most * pace[row]!, Math.max(least * h, wish)) : Math.max(least * h, Math.min(h, wish));
              if (!accepted[row] && h < LEAST_STEP)
                throw tweedieError({
                  subject: pair.name,
                  problem: `row ${row} is rejected again and again at ρ = ${at}`,
                  got: `an error of ${e} tolerances over a step of ${h} in log ρ`,
                  expected: 'an error that falls with the step',
                  remedy: 'raise the tolerances (float32 resolves about 1e-6), and use a model without randomness',
                });
            });
            if (accepted.every(Boolean)) {
              [y, lower] = [proposal.y, proposal.lower ?? lower];
              rho = next;
              if (proposal.x0 !== undefined) x0 = proposal.x0;
            } else if (accepted.some((yes, row) => yes && rho[row] !== next[row])) {
              const blend = (fresh: Tensor | undefined, old: Tensor): Tensor =>
                fresh === undefined ? old : hold.own(chosen(accepted, fresh, old));
              [y, lower, x0] = [blend(proposal.y, y), blend(proposal.lower, lower), blend(proposal.x0, x0)];
              rho = rho.map((at, row) => (accepted[row] ? next[row]! : at));
            } else {
              hold.freeAllBut(y, lower, x0);
              continue;
            }
            hold.freeAllBut(y, lower, x0);
            const arrived = i === last - 1 && rho.every((at) => at === target);
            if (proposal.x0 === undefined && !arrived) {
              const here = await denoise(y, rho.every((at) => at === rho[0]) ? rho[0]! : rho);
              hold.free(x0);
              x0 = hold.own(here);
            }
          }
        }
        hold.release(y);
        return y;
      } finally {
        hold.freeAllBut();
      }
    },
  });

/** ρ after a step of h towards the target, or the target. */
const reach = (rho: number, target: number, h: number): number => {
  const way = Math.log(target / rho);
  return Math.abs(way) <= h * (1 + 1e-9) ? target : rho * Math.exp(Math.sign(way) * h);
};

/** Row by row, the one or the other; both finite. */
const chosen = (accepted: readonly boolean[], fresh: Tensor, old: Tensor): Tensor =>
  tidy(() =>
    add(
      scaleRows(fresh, Float64Array.from(accepted, Number)),
      scaleRows(
        old,
        Float64Array.from(accepted, (yes) => Number(!yes)),
      ),
    ),
  );

/** √mean (difference/scale)² of each row. Inside `tidy`. */
export const rowNorm = (difference: Tensor, scale: Tensor): Tensor => {
  const rows = difference.shape[0]!;
  return sqrt(mean(square(reshape(div(difference, scale), [rows, -1])), 1));
};

/** Σ weights·tensors with a weight a row each; `weights[j][row]`. Zeros cost nothing. */
export const combinedRows = (tensors: readonly Tensor[], weights: readonly Float64Array[]): Tensor =>
  tidy(() =>
    addN(
      tensors.flatMap((tensor, j) => {
        const own = weights[j]!;
        if (own.every((w) => w === 0) && j > 0) return [];
        return [own.every((w) => w === own[0]) ? mul(tensor, own[0]!) : scaleRows(tensor, own)];
      }),
    ),
  );

/**
 * DPM-Solver-12 and -23: C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu (2206.00927), §3.4 and appendix C, with the constants of the
 * release (`dpm_solver_adaptive`). In y = x/α, with the steps of `dpm-solver.ts`:
 *
 *     12   lower: order 1,   higher: order 2 (r = ½)
 *     23   lower: order 2 with r₁ = ⅓,  y + (ρ' − ρ)[ε₀ + (ε₁ − ε₀)/2r₁];   higher: order 3, which uses the same ε₁
 *     E    √mean ((higher − lower)/δ)²,   δ = max(atol, rtol max(|lower|, |lower of the step before|))
 *
 * h starts at .05 in λ, θ = .9. Published E is the largest of the batch; here it is each image's own, and h grows at most fivefold at
 * once: an E of mere rounding says nothing.
 */
const reference = `@inproceedings{lu2022dpmsolver,
  title     = {{DPM-Solver}: A Fast {ODE} Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps},
  author    = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {35},
  year      = {2022},
  eprint    = {2206.00927},
  archivePrefix = {arXiv}
}`;

export const dpmSolverAdaptiveOptions = z.strictObject({
  orders: z.enum(['12', '23']).default('23').describe('Orders of the pair: 12 costs two calls an attempt, 23 three'),
  rtol: z.number().positive().default(0.05).describe('Relative tolerance of a step'),
  atol: z.number().positive().default(0.0078).describe('Absolute tolerance of a step; .0078 is one of 256 grey levels of [−1, 1]'),
});
export type DpmSolverAdaptiveOptions = z.input<typeof dpmSolverAdaptiveOptions>;

/** DPM-Solver with a step of each image's own. NFE: calls are counted by the run; a rejected step costs as much as another. */
export const dpmSolverAdaptive = (options: DpmSolverAdaptiveOptions = {}): Sampler => {
  const { orders, rtol, atol } = dpmSolverAdaptiveOptions.parse(options);
  const high = orders === '12' ? 2 : 3;
  return adaptiveSampler({
    name: 'dpm-solver-adaptive',
    facts: factsOf({ stochastic: false }),
    reference,
    tolerances: { rtol, atol },
    first: 0.05,
    control: { safety: 0.9, least: 0, most: 5, order: high },
    propose: async (denoise, { y, x0, rho, lower: before }, next, hold) => {
      const steps = Array.from(rho, (at, row) => dpmSolverStep(high, at, next[row]!));
      const epsilon = (state: Tensor, answer: Tensor, at: Float64Array): Tensor =>
        hold.own(tidy(() => scaleRows(sub(state, answer), at.map((level) => 1 / level)))); // prettier-ignore
      const of = (pick: (step: (typeof steps)[number], row: number) => number): Float64Array => Float64Array.from(steps, pick);
      const answers = [epsilon(y, x0, rho)];
      for (let k = 0; k < high - 1; k++) {
        const weights = Array.from({ length: k + 2 }, (_, j) => of((step) => step.stages![k]![j]!));
        const state = hold.own(combinedRows([y, ...answers], weights));
        const at = of((step) => step.at![k]!);
        const answer = hold.own(await denoise(state, at));
        answers.push(epsilon(state, answer, at));
        hold.free(state, answer);
      }
      const gone = next.map((to, row) => to - rho[row]!);
      const ones = new Float64Array(rho.length).fill(1);
      const [w0, w1] = high === 2 ? [gone, gone.map(() => 0)] : [gone.map((w) => -0.5 * w), gone.map((w) => 1.5 * w)];
      const lower = hold.own(combinedRows([y, ...answers.slice(0, 2)], [ones, w0, w1]));
      const higher = hold.own(combinedRows([y, ...answers], [ones, ...answers.map((_, j) => of((step) => step.model[j]!))]));
      const error = hold.own(
        tidy(() => {
          const scale = maximum(mul(maximum(abs(lower), abs(before)), rtol), atol);
          const away = Float64Array.from(next, (to, row) => Number(to !== rho[row]));
          return rowNorm(scaleRows(sub(higher, lower), away), scale);
        }),
      );
      return { y: higher, lower, error };
    },
  });
};
