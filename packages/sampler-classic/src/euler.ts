import { add, mul, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, STREAM, type PlanStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';

/**
 * Euler and DDIM(η): first order, one network call a step.
 *
 * J. Song, C. Meng, S. Ermon: Denoising Diffusion Implicit Models (2010.02502), eqs. 12 and 16; the deterministic form is Euler's
 * method on the probability-flow ODE of T. Karras et al. (2206.00364), algorithm 1 without the correction. In y = x/α, ρ = σ/α:
 *
 *     v = η² ρ'² (1 − ρ'²/ρ²)                           η² times the variance of the posterior p(y' | y, x₀)
 *     y' = x̂₀ + √(ρ'² − v) ε̂ + √v z,   ε̂ = (y − x̂₀)/ρ
 *
 * so y' = keep·y + (1 − keep)·x̂₀ + noise·z with keep = √(ρ'² − v)/ρ. η = 0 is the ODE, η = 1 ancestral sampling.
 */
const reference = `@inproceedings{song2021ddim,
  title     = {Denoising Diffusion Implicit Models},
  author    = {Song, Jiaming and Meng, Chenlin and Ermon, Stefano},
  booktitle = {International Conference on Learning Representations},
  year      = {2021},
  eprint    = {2010.02502},
  archivePrefix = {arXiv}
}`;

export const eulerOptions = z.strictObject({});
export const ddimOptions = z.strictObject({
  eta: z.number().min(0).max(1).default(0).describe('Stochasticity η: 0 is deterministic (Euler), 1 is ancestral sampling'),
});
/** η ∈ [0, 1], default 0. */
export type DdimOptions = z.input<typeof ddimOptions>;

/** DDIM(η). A step {@link Step} is yielded before each update; `levels` may end at 0. @throws where η is not in [0, 1]. */
export const ddim = (options: DdimOptions = {}): Sampler => firstOrder('ddim', ddimOptions.parse(options).eta);

/** Euler's method on dy/dρ = ε̂: DDIM(0) under its other name. */
export const euler = (): Sampler => firstOrder('euler', 0);

const firstOrder = (name: string, eta: number): Sampler =>
  Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name,
    facts: Object.freeze({
      order: 1,
      stochastic: eta > 0,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    }),
    reference,

    plan: (schedule, levels) => {
      checkLevels(name, levels, { reachesZero: true });
      const steps = Array.from({ length: levels.length - 1 }, (_, i) => {
        const rho = levels[i]!;
        const next = levels[i + 1]!;
        const ratio = next / rho;
        // v = (η ρ')² (1 − ρ'²/ρ²); the difference is taken of the ratio, which is < 1, so no root of a negative number.
        const sd = eta * next * Math.sqrt((1 - ratio) * (1 + ratio));
        const keep = Math.sqrt(Math.max(0, next * next - sd * sd)) / rho;
        return { keep, x0: 1 - keep, noise: sd };
      });
      return Object.freeze({ sampler: name, schedule, levels: levels.slice(), nfe: steps.length, steps, notes: [] });
    },

    async *steps(denoise, start, plan, noise) {
      let y = start;
      let x0: Tensor | undefined;
      let returned = false;
      try {
        for (const [i, { keep, x0: pull, noise: sd }] of (plan.steps as readonly FirstOrderStep[]).entries()) {
          const rho = plan.levels[i]!;
          x0 = await denoise(y, rho);
          yield { i, rho, y, x0 };
          const next = tidy(() => {
            const drawn = add(mul(y, keep), mul(x0!, pull));
            return sd === 0 ? drawn : add(drawn, mul(noise.normal(y.shape, { stream: STREAM.sampler, step: i }), sd));
          });
          x0.dispose();
          if (y !== start) y.dispose();
          y = next;
        }
        returned = true;
        return y;
      } finally {
        x0?.dispose();
        if (!returned && y !== start) y.dispose();
      }
    },
  });

type FirstOrderStep = PlanStep & {
  readonly keep: number;
  readonly x0: number;
  readonly noise: number;
};
