import { add, div, maximum, mean, mul, norm, reshape, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, STREAM, type PlanStep, type Sampler, type Schedule } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { factsOf } from './facts.ts';

/**
 * Predictor–corrector: Langevin steps at a level, then a step of the discretised reverse SDE to the next.
 *
 * Y. Song, J. Sohl-Dickstein, D. Kingma, A. Kumar, S. Ermon, B. Poole: Score-Based Generative Modeling through Stochastic Differential
 * Equations (2011.13456), §4.2 and appendix G (algorithms of VE and VP). Published in x with the score s, a = 1 (VE) or 1 − β (VP):
 *
 *     corrector   τ = 2a (snr ‖z‖/‖s‖)²,   x ← x + τ s + √(2τ) z
 *     predictor   VE: x' = x + (σ² − σ'²) s + √(σ² − σ'²) z;   VP: x' = (2 − √(1 − β)) x + β s + √β z
 *
 * In y = x/α, with q = α/α' and so β = 1 − q², s = −ε̂/σ, r = ‖z‖/‖ε̂‖, both are one rule for every schedule (q = 1 under VE):
 *
 *     corrector   y ← y − 2 (q snr r)² ρ ε̂ + 2 q snr r ρ z
 *     predictor   y' = q(2 − q) y − q (ρ² − ρ'²)/ρ ε̂ + q √(ρ² − ρ'²) z
 *
 * The last step adds no z: the mean is what is returned. snr is a ratio of step to noise, not of signal to noise.
 */
const reference = `@inproceedings{song2021scorebased,
  title     = {Score-Based Generative Modeling through Stochastic Differential Equations},
  author    = {Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben},
  booktitle = {International Conference on Learning Representations},
  year      = {2021},
  eprint    = {2011.13456},
  archivePrefix = {arXiv}
}`;

export const pcOptions = z.strictObject({
  snr: z
    .number()
    .positive()
    .default(0.16)
    .describe('Size of a Langevin step, as a ratio to its noise (CIFAR-10: .16; LSUN-256: .075; FFHQ-1024: .15)'),
  correctorSteps: z.int().min(0).max(255).default(1).describe('Langevin steps at each level; 0 is reverse diffusion alone'),
  parity: z
    .enum(['exact', 'published'])
    .default('exact')
    .describe('published: norms are means over the batch, so that an image depends on the images beside it'),
});
export type PcOptions = z.input<typeof pcOptions>;

/** Predictor–corrector. NFE = N (correctorSteps + 1). A {@link Step}'s x0 is the level's first call, before any Langevin step. */
export const pc = (options: PcOptions = {}): Sampler => {
  const { snr, correctorSteps, parity } = pcOptions.parse(options);
  const facts = factsOf({ stochastic: true, batchCoupled: parity === 'published' && correctorSteps > 0 });
  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: 'pc',
    facts: Object.freeze(facts),
    reference,

    plan: (schedule, levels) => {
      checkLevels('pc', levels, facts);
      const steps = pairs(levels).map(([rho, next], i, all): PcStep => {
        const q = alphaAt(schedule, rho) / alphaAt(schedule, next);
        const between = (rho - next) * (rho + next); // ρ² − ρ'²
        return {
          correct: q * snr,
          keep: q * (2 - q),
          pull: (-q * between) / rho,
          noise: i === all.length - 1 ? 0 : q * Math.sqrt(between),
        };
      });
      const nfe = steps.length * (correctorSteps + 1);
      return Object.freeze({ sampler: 'pc', schedule, levels: levels.slice(), nfe, steps, notes: [] });
    },

    async *steps(denoise, start, plan, noise) {
      let y = start;
      let x0: Tensor | undefined;
      let returned = false;
      const go = (next: Tensor): void => {
        x0?.dispose();
        x0 = undefined;
        if (y !== start) y.dispose();
        y = next;
      };
      try {
        for (const [i, { correct, keep, pull, noise: sd }] of (plan.steps as readonly PcStep[]).entries()) {
          const rho = plan.levels[i]!;
          const draw = (which: number): Tensor => noise.normal(y.shape, { stream: STREAM.sampler, step: i, draw: which });
          for (let call = 0; call <= correctorSteps; call++) {
            const answer = (x0 = await denoise(y, rho));
            if (call === 0) yield { i, rho, y, x0 };
            const epsilon = (): Tensor => mul(sub(y, answer), 1 / rho);
            const next = tidy(() => {
              const eps = epsilon();
              if (call === correctorSteps) {
                const mean = add(mul(y, keep), mul(eps, pull));
                return sd === 0 ? mean : add(mean, mul(draw(0), sd));
              }
              const z = draw(call + 1);
              const step = mul(ratio(z, eps, parity), correct); // q snr r
              return add(sub(y, mul(mul(eps, mul(step, step)), 2 * rho)), mul(mul(z, step), 2 * rho));
            });
            go(next);
          }
        }
        returned = true;
        return y;
      } finally {
        x0?.dispose();
        if (!returned && y !== start) y.dispose();
      }
    },
  });
};

interface PcStep extends PlanStep {
  /** q snr. */
  readonly correct: number;
  readonly keep: number;
  /** Of ε̂. */
  readonly pull: number;
  readonly noise: number;
}

/** α at a level; 1 without noise. */
const alphaAt = (schedule: Schedule, rho: number): number => (rho === 0 ? 1 : schedule.alpha(schedule.timeOf(rho)));

/** r = ‖z‖/‖ε̂‖ of each row, or of the means over the batch; broadcasts over a row. */
const ratio = (z: Tensor, eps: Tensor, parity: 'exact' | 'published'): Tensor => {
  const rows = z.shape[0]!;
  const lengths = (t: Tensor): Tensor => {
    const each = norm(reshape(t, [rows, -1]), 2, 1);
    return parity === 'published' ? mean(each) : reshape(each, [rows, ...z.shape.slice(1).map(() => 1)]);
  };
  return div(lengths(z), maximum(lengths(eps), 1e-30));
};
