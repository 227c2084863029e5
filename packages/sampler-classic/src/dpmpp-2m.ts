import { add, mul, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, type PlanStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';

/**
 * DPM-Solver++(2M): second order with one network call a step, from the x̂₀ of the step before.
 *
 * C. Lu et al.: DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models (2211.01095), algorithm 2.
 * In y = x/α, ρ = σ/α, with λ = −log ρ, h = λ' − λ and r = h₋₁/h:
 *
 *     y' = e^{−h} y + (1 − e^{−h}) [(1 + 1/2r) x̂₀ − (1/2r) x̂₀₋₁],   e^{−h} = ρ'/ρ
 *
 * The first step has no history and is of order 1 (1/2r = 0), as is a step to ρ' = 0, which gives x̂₀ itself.
 */
const reference = `@article{lu2022dpmsolverpp,
  title   = {{DPM-Solver++}: Fast Solver for Guided Sampling of Diffusion Probabilistic Models},
  author  = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  journal = {arXiv preprint arXiv:2211.01095},
  year    = {2022}
}`;

export const dpmpp2mOptions = z.strictObject({
  lowerOrderFinal: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe("Take the last step at order 1: steadier images at few steps. 'auto' does below 15 steps"),
});
/** `lowerOrderFinal`: 'auto' (N < 15, the published rule), 'always' or 'never' (to measure the order). */
export type Dpmpp2mOptions = z.input<typeof dpmpp2mOptions>;

/** DPM-Solver++(2M), deterministic. NFE = N; `levels` may end at 0. */
export const dpmpp2m = (options: Dpmpp2mOptions = {}): Sampler => {
  const { lowerOrderFinal } = dpmpp2mOptions.parse(options);
  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: 'dpmpp-2m',
    facts: Object.freeze({
      order: 2,
      stochastic: false,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    }),
    reference,

    plan: (schedule, levels) => {
      checkLevels('dpmpp-2m', levels, { reachesZero: true });
      const count = levels.length - 1;
      const lowered = lowerOrderFinal === 'always' || (lowerOrderFinal === 'auto' && count < 15);
      const steps = Array.from({ length: count }, (_, i) => {
        const rho = levels[i]!;
        const next = levels[i + 1]!;
        const keep = next / rho;
        const first = i === 0 || next === 0 || (lowered && i === count - 1);
        // 1/2r = ½ h/h₋₁
        const extrapolate = first ? 0 : (0.5 * Math.log(rho / next)) / Math.log(levels[i - 1]! / rho);
        return { keep, x0: first ? [1 - keep] : [(1 - keep) * (1 + extrapolate), -(1 - keep) * extrapolate] };
      });
      const notes: string[] = [];
      if (count === 1) notes.push('one step has no history: order 1');
      else if (levels[count] === 0) notes.push('the last step, to ρ = 0, is x̂₀ itself: order 1');
      else if (lowered) notes.push(`the last of ${count} steps was lowered to order 1 (lowerOrderFinal: ${lowerOrderFinal})`);
      return Object.freeze({ sampler: 'dpmpp-2m', schedule, levels: levels.slice(), nfe: count, steps, notes });
    },

    async *steps(denoise, start, plan) {
      let y = start;
      let x0: Tensor | undefined;
      let before: Tensor | undefined;
      let returned = false;
      try {
        for (const [i, { keep, x0: weights }] of (plan.steps as readonly Dpmpp2mStep[]).entries()) {
          const rho = plan.levels[i]!;
          x0 = await denoise(y, rho);
          yield { i, rho, y, x0 };
          const next = tidy(() => {
            const [newest, older] = weights;
            const base = add(mul(y, keep), mul(x0!, newest));
            return older === undefined ? base : add(base, mul(before!, older));
          });
          before?.dispose();
          before = x0;
          x0 = undefined;
          if (y !== start) y.dispose();
          y = next;
        }
        returned = true;
        return y;
      } finally {
        before?.dispose();
        x0?.dispose();
        if (!returned && y !== start) y.dispose();
      }
    },
  });
};

type Dpmpp2mStep = PlanStep & {
  readonly keep: number;
  /** Of x̂₀, newest first: one at order 1, two at order 2. */
  readonly x0: readonly [number] | readonly [number, number];
};
