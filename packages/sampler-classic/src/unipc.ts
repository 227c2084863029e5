import { linearSampler, type LinearStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { lowersFinal, orderAt } from './dpmpp.ts';
import { factsOf } from './facts.ts';

/**
 * UniPC: a predictor of order p and a corrector of order p + 1 that costs no call, since the answer at the predicted point is the next
 * step's own.
 *
 * W. Zhao, L. Bai, Y. Rao, J. Zhou, J. Lu (2302.04867), algorithms 1–2. With λ = −log ρ, h = λ' − λ, m the model's answers (x̂₀, or ε̂),
 * hh = −h (x̂₀) or h (ε̂), r_j = (λ_{−j} − λ)/h for j < k, r_k = 1, D_j = (m_j − m₀)/r_j, in y = x/α:
 *
 *     base   x̂₀: e^{−h} y + (1 − e^{−h}) m₀        ε̂: y − ρ' (e^h − 1) m₀            c = 1, or ρ'
 *     P      base − c B Σ_{j<k} ρᵖ_j D_j,      Σ_j r_j^{q−1} ρᵖ_j = b_q,  q < k
 *     C      base − c B [Σ_{j<k} ρᶜ_j D_j + ρᶜ_k (m' − m₀)],   the same with all k rows
 *     b_q    q! φ_{q+1}(hh)/B,  φ₁ = e^{hh} − 1, φ_{q+1} = φ_q/hh − 1/q!        B = hh (bh1) or e^{hh} − 1 (bh2)
 *
 * B cancels where the systems are solved; it matters through the published shortcuts ρᵖ = ½ at order 2 and ρᶜ = ½ at order 1, which
 * `parity: 'exact'` solves instead.
 */
const reference = `@inproceedings{zhao2023unipc,
  title     = {{UniPC}: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models},
  author    = {Zhao, Wenliang and Bai, Lujia and Rao, Yongming and Zhou, Jie and Lu, Jiwen},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {36},
  year      = {2023},
  eprint    = {2302.04867},
  archivePrefix = {arXiv}
}`;

export const unipcOptions = z.strictObject({
  order: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .default(3)
    .describe('Order p of the predictor; with the corrector the method is of order p + 1'),
  variant: z.enum(['bh1', 'bh2']).default('bh2').describe('B(h) = h (unconditional, fewer than 10 steps) or e^h − 1'),
  prediction: z.enum(['x0', 'eps']).default('x0').describe('What is extrapolated: x̂₀ or ε̂'),
  corrector: z.boolean().default(true).describe('Whether the corrector runs (never after the last step)'),
  lowerOrderFinal: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe("Lower the order of the last steps: steadier images at few steps. 'auto' does below 15 steps"),
  parity: z
    .enum(['exact', 'published'])
    .default('published')
    .describe('published: weights of ½ in two places, instead of solving for them'),
});
export type UnipcOptions = z.input<typeof unipcOptions>;

/** UniPC. NFE = N. */
export const unipc = (options: UnipcOptions = {}): Sampler => {
  const { order, variant, prediction, corrector, lowerOrderFinal, parity } = unipcOptions.parse(options);
  return linearSampler({
    name: 'unipc',
    facts: factsOf({ order: corrector ? order + 1 : order, stochastic: false }),
    reference,
    remembered: prediction,
    coefficients: (_, levels) => {
      const count = levels.length - 1;
      const lowered = lowersFinal(lowerOrderFinal, count);
      const lambda = Array.from(levels, (rho) => -Math.log(rho));
      const of = (i: number): Weights | undefined => {
        const [rho, next] = [levels[i]!, levels[i + 1]!];
        if (next === 0) return undefined;
        const k = orderAt(order, i, count, lowered);
        return weightsOf({ rho, next, history: Array.from({ length: k - 1 }, (_, j) => lambda[i - j - 1]!), variant, prediction, parity });
      };
      const steps = pairs(levels).map(([rho, next], i): LinearStep => {
        const own = of(i);
        // The answer of this step corrects the step before, whose weights are of [y₋₁, m', m₀, m₋₁, …].
        const correct = corrector && i > 0 ? of(i - 1)!.correct : undefined;
        const update = own ?? (prediction === 'x0' ? { keep: 0, predict: [1] } : { keep: 1, predict: [next - rho] });
        return { keep: update.keep, model: update.predict, ...(correct === undefined ? {} : { correct }) };
      });
      const notes = [
        ...(count < order ? [`${count} step${count === 1 ? '' : 's'}: history for order ${count} at most`] : []),
        ...(levels[count] === 0 ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : []),
        ...(lowered && count > 1 ? [`the last of ${count} steps are of lower order (lowerOrderFinal: ${lowerOrderFinal})`] : []),
      ];
      return { steps, notes };
    },
  });
};

interface Weights {
  readonly keep: number;
  /** Of [m₀, m₋₁, …]. */
  readonly predict: readonly number[];
  /** Of [y, m', m₀, m₋₁, …]. */
  readonly correct: readonly number[];
}

interface StepAt {
  readonly rho: number;
  readonly next: number;
  /** λ of the answers before this step's, newest first. */
  readonly history: readonly number[];
  readonly variant: 'bh1' | 'bh2';
  readonly prediction: 'x0' | 'eps';
  readonly parity: 'exact' | 'published';
}

export const weightsOf = ({ rho, next, history, variant, prediction, parity }: StepAt): Weights => {
  const h = Math.log(rho / next);
  const hh = prediction === 'x0' ? -h : h;
  const b = variant === 'bh1' ? hh : Math.expm1(hh);
  const r = [...history.map((lambda) => (lambda + Math.log(rho)) / h), 1];
  const k = r.length;
  const right = Array.from({ length: k }, (_, q) => factorial(q + 1) * phi(q + 2, hh));
  const system = (size: number): number[] =>
    solve(
      Array.from({ length: size }, (_, q) => r.slice(0, size).map((each) => each ** q)),
      right.slice(0, size).map((value) => value / b),
    );
  const shortcut = parity === 'published';
  const forward = k === 1 ? [] : k === 2 && shortcut ? [0.5] : system(k - 1);
  const back = k === 1 && shortcut ? [0.5] : system(k);
  const [keep, first, scale] = prediction === 'x0' ? [next / rho, -Math.expm1(-h), 1] : [1, next - rho, next];
  // base − c B Σ w_j (m_j − m₀)/r_j, as weights of m₀, m₋₁, …
  const spread = (weights: readonly number[]): number[] => {
    const each = weights.slice(0, k - 1).map((w, j) => (-scale * b * w) / r[j]!);
    return [first - each.reduce((sum, w) => sum + w, 0), ...each];
  };
  const newest = -scale * b * back[k - 1]!;
  const [m0, ...older] = spread(back);
  return { keep, predict: spread(forward), correct: [keep, newest, m0! - newest, ...older] };
};

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/** φ_n(x): φ₁ = e^x − 1, φ_{q+1} = φ_q/x − 1/q!; that is Σ_{k ≥ 1} x^k/(k + n − 1)!. */
const phi = (n: number, x: number): number => {
  if (Math.abs(x) < 1) {
    let term = 1 / factorial(n - 1);
    let total = 0;
    for (let k = 1; k < 30; k++) total += term *= x / (k + n - 1);
    return total;
  }
  let value = Math.expm1(x);
  for (let q = 1; q < n; q++) value = value / x - 1 / factorial(q);
  return value;
};

/** Gaussian elimination with partial pivoting, for the two or three unknowns there are. */
const solve = (matrix: readonly (readonly number[])[], right: readonly number[]): number[] => {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let c = 0; c < rows.length; c++) {
    const pivot = rows.reduce((best, row, at) => (at >= c && Math.abs(row[c]!) > Math.abs(rows[best]![c]!) ? at : best), c);
    [rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!];
    for (let at = 0; at < rows.length; at++) {
      if (at === c) continue;
      const factor = rows[at]![c]! / rows[c]![c]!;
      rows[at] = rows[at]!.map((value, j) => value - factor * rows[c]![j]!);
    }
  }
  return rows.map((row, i) => row.at(-1)! / row[i]!);
};
