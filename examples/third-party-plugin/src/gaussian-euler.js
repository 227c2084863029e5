// @ts-check
import { add, mul, tidy } from '@tensorflow/tfjs-core';
import { checkLevels } from '@tweedie/core';
import { z } from 'zod';

/**
 * Euler's method, except that what a Gaussian would do is done exactly.
 *
 * For data N(0, s² I) the denoiser is D = c y with c(ρ) = s²/(s² + ρ²), and dy/dρ = (y − D)/ρ is solved by y ∝ φ(ρ) = √(s² + ρ²).
 * What the network says beyond that, r = D − c y, is frozen over the step (variation of constants):
 *
 *     y' = (φ'/φ) y + (φ'/s) (asinh(s/ρ') − asinh(s/ρ)) r
 *
 * so y' = keep·y + pull·D. s → 0 is Euler. A step to ρ' = 0 returns D itself.
 */
const reference = `@misc{gaussian-euler,
  title  = {Euler's method with the Gaussian part integrated exactly},
  author = {{A stranger}},
  year   = {2026},
  note   = {The example plugin of Tweedie}
}`;

export const gaussianEulerOptions = z.strictObject({
  spread: z.number().min(0).default(0.5).describe('Standard deviation s of the data; `tweedie stats` measures it, 0 is Euler'),
});

/**
 * @param {{ spread?: number }} [options]
 * @returns {import('@tweedie/core').Sampler}
 */
export const gaussianEuler = (options = {}) => {
  const { spread: s } = gaussianEulerOptions.parse(options);
  /** @type {import('@tweedie/core').Sampler} */
  const sampler = {
    kind: 'sampler',
    api: 1,
    name: 'gaussian-euler',
    facts: Object.freeze({
      order: 1,
      stochastic: false,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    }),
    reference,

    plan: (schedule, levels) => {
      checkLevels('gaussian-euler', levels, { reachesZero: true });
      const steps = Array.from(levels.subarray(1), (next, i) => coefficients(s, levels[i] ?? NaN, next));
      return Object.freeze({ sampler: 'gaussian-euler', schedule, levels: levels.slice(), nfe: steps.length, steps, notes: [] });
    },

    async *steps(denoise, start, plan) {
      let y = start;
      /** @type {import('@tensorflow/tfjs-core').Tensor | undefined} */
      let x0;
      let returned = false;
      try {
        for (const [i, { keep, pull }] of plan.steps.entries()) {
          const rho = /** @type {number} */ (plan.levels[i]);
          const denoised = await denoise(y, rho);
          x0 = denoised;
          yield { i, rho, y, x0: denoised };
          const from = y;
          const next = tidy(() => add(mul(from, /** @type {number} */ (keep)), mul(denoised, /** @type {number} */ (pull))));
          denoised.dispose();
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
  };
  return Object.freeze(sampler);
};

/**
 * @param {number} s
 * @param {number} rho
 * @param {number} next
 */
const coefficients = (s, rho, next) => {
  if (next === 0) return { keep: 0, pull: 1 };
  if (s === 0) return { keep: next / rho, pull: 1 - next / rho };
  const ratio = Math.hypot(s, next) / Math.hypot(s, rho);
  const pull = (Math.hypot(s, next) / s) * (Math.asinh(s / next) - Math.asinh(s / rho));
  const c = s ** 2 / (s ** 2 + rho ** 2);
  return { keep: ratio - pull * c, pull };
};

/**
 * The one number that the sampler wants, from data: s² = the mean of (x − x̄)² over all values.
 *
 * @type {import('@tweedie/core').Statistics}
 */
export const spread = {
  kind: 'spread',
  summary: 'Mean image, and the standard deviation of the data about it',
  needs: 'data',
  estimate: async ({ dataset, seed, n }) => {
    if (dataset === undefined) throw new Error('spread is measured on data');
    const count = Math.min(n ?? dataset.size, dataset.size);
    const size = dataset.shape.reduce((a, b) => a * b, 1);
    const sum = new Float64Array(size);
    let squares = 0;
    for (let from = 0; from < count; from += 256) {
      const { images } = dataset.rows(Array.from({ length: Math.min(256, count - from) }, (_, i) => from + i));
      images.forEach((x, i) => {
        sum[i % size] = (sum[i % size] ?? 0) + x;
        squares += x * x;
      });
    }
    const mean = sum.map((x) => x / count);
    const deviation = Math.sqrt(Math.max(0, squares / count - mean.reduce((a, x) => a + x * x, 0)) / size);
    return {
      header: {
        kind: 'spread',
        version: 1,
        data: dataset.id,
        range: dataset.range ?? null,
        shape: dataset.shape,
        n: count,
        seed: String(seed),
        spread: deviation,
      },
      tensors: { mean: { shape: dataset.shape, data: mean }, spread: { shape: [1], data: Float64Array.of(deviation) } },
    };
  },
};
