import { add, mul, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, STREAM, tweedieError, type PlanStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';

/**
 * Heun's method with churn, the sampler of EDM: second order, two network calls a step, one in a last step to 0.
 *
 * T. Karras, M. Aittala, T. Aila, S. Laine: Elucidating the Design Space of Diffusion-Based Generative Models (2206.00364),
 * algorithms 1 and 2. In y = x/α, ρ = σ/α, with γ = min(S_churn/N, √2 − 1) where S_min ≤ ρ ≤ S_max and 0 elsewhere:
 *
 *     ρ̂ = (1 + γ) ρ,   ŷ = y + S_noise √(ρ̂² − ρ²) z                 churn
 *     d = (ŷ − D(ŷ; ρ̂))/ρ̂,   ỹ = ŷ + (ρ' − ρ̂) d                    Euler
 *     d' = (ỹ − D(ỹ; ρ'))/ρ',  y' = ŷ + (ρ' − ρ̂) (d + d')/2         correction, unless ρ' = 0
 *
 * Collected, with h = ρ' − ρ̂ and r = ρ'/ρ̂: ỹ = r ŷ + (1 − r) D and y' = r ŷ − (h/2ρ̂)(1 + h/ρ') D − (h/2ρ') D'.
 */
const reference = `@inproceedings{karras2022elucidating,
  title     = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author    = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {35},
  year      = {2022},
  eprint    = {2206.00364},
  archivePrefix = {arXiv}
}`;

export const heunOptions = z.strictObject({
  sChurn: z.number().min(0).default(0).describe('Noise added over the whole run, S_churn; 0 is deterministic (ImageNet-64: 40)'),
  sMin: z.number().min(0).default(0).describe('Least ρ at which noise is added, S_min (ImageNet-64: .05)'),
  sMax: z.number().min(0).optional().describe('Greatest ρ at which noise is added, S_max; without it every level (ImageNet-64: 50)'),
  sNoise: z.number().positive().default(1).describe('Standard deviation of the added noise, S_noise (ImageNet-64: 1.003)'),
});
/** Churn: S_churn = 0, S_min = 0, S_max = ∞, S_noise = 1 by default. */
export type HeunOptions = z.input<typeof heunOptions>;

/**
 * Heun (EDM). NFE is 2N − 1 where the last level is 0, else 2N.
 *
 * With churn, a {@link Step} still carries y at levels[i]; its x0 is D(ŷ; ρ̂), the call that the method makes.
 */
export const heun = (options: HeunOptions = {}): Sampler => {
  const { sChurn, sMin, sMax = Infinity, sNoise } = heunOptions.parse(options);
  if (sMin > sMax)
    throw tweedieError({ subject: 'heun', problem: 'the range of churn is empty', got: { sMin, sMax }, expected: 'sMin ≤ sMax' });
  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: 'heun',
    facts: Object.freeze({
      order: 2,
      stochastic: sChurn > 0,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    }),
    reference,

    plan: (schedule, levels) => {
      checkLevels('heun', levels, { reachesZero: true });
      const count = levels.length - 1;
      const churn = Math.min(sChurn / count, Math.SQRT2 - 1);
      const steps = Array.from({ length: count }, (_, i) => {
        const rho = levels[i]!;
        const next = levels[i + 1]!;
        const gamma = rho >= sMin && rho <= sMax ? churn : 0;
        const hat = rho * (1 + gamma);
        const noise = sNoise * rho * Math.sqrt(gamma * (2 + gamma)); // S_noise √(ρ̂² − ρ²)
        const ratio = next / hat;
        const h = next - hat;
        const correct = next === 0 ? [] : [ratio, (-h / (2 * hat)) * (1 + h / next), -h / (2 * next)];
        return { hat, noise, predict: [ratio, 1 - ratio], correct };
      });
      const nfe = 2 * count - (levels[count] === 0 ? 1 : 0);
      const notes = sChurn / count > Math.SQRT2 - 1 ? [`S_churn/N = ${sChurn / count} was lowered to √2 − 1`] : [];
      return Object.freeze({ sampler: 'heun', schedule, levels: levels.slice(), nfe, steps, notes });
    },

    async *steps(denoise, start, plan, noise) {
      let y = start;
      // Everything that is ours at the moment, so that a break or a throw frees it.
      let churned: Tensor | undefined;
      let x0: Tensor | undefined;
      let predicted: Tensor | undefined;
      let corrected: Tensor | undefined;
      let returned = false;
      try {
        for (const [i, { hat, noise: sd, predict, correct }] of (plan.steps as readonly HeunStep[]).entries()) {
          if (sd > 0) churned = tidy(() => add(y, mul(noise.normal(y.shape, { stream: STREAM.sampler, step: i }), sd)));
          const from = churned ?? y;
          x0 = await denoise(from, hat);
          yield { i, rho: plan.levels[i]!, y, x0 };
          const d = x0;
          predicted = tidy(() => add(mul(from, predict[0]), mul(d, predict[1])));
          if (correct.length === 3) {
            const [keep, first, second] = correct;
            corrected = await denoise(predicted, plan.levels[i + 1]!);
            const d2 = corrected;
            const next = tidy(() => add(mul(from, keep), add(mul(d, first), mul(d2, second))));
            predicted.dispose();
            corrected.dispose();
            predicted = next;
          }
          x0.dispose();
          churned?.dispose();
          churned = undefined;
          if (y !== start) y.dispose();
          y = predicted;
          predicted = undefined;
        }
        returned = true;
        return y;
      } finally {
        for (const own of [churned, x0, predicted, corrected]) own?.dispose();
        if (!returned && y !== start) y.dispose();
      }
    },
  });
};

type HeunStep = PlanStep & {
  readonly hat: number;
  readonly noise: number;
  readonly predict: readonly [number, number];
  /** [ŷ, D, D'], empty in a last step to 0. */
  readonly correct: readonly [number, number, number] | readonly [];
};
