import { linearSampler, type LinearStep, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { ancestralStep, pairs } from './ancestral.ts';
import { phi2 } from './dpm-solver.ts';
import { factsOf } from './facts.ts';

/**
 * DPM-Solver++: exponential integrators of the data prediction, singlestep and multistep, and their SDE forms.
 *
 * C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu (2211.01095), algorithms 1–2 and appendix B. With λ = −log ρ, h = λ' − λ, e^{−h} = ρ'/ρ,
 * r₀ = h₋₁/h, r₁ = h₋₂/h, in y = x/α:
 *
 *     2S   u = e^{−h/2} y + (1 − e^{−h/2}) x̂₀;   y' = e^{−h} y + (1 − e^{−h}) x̂(u)
 *     2M   y' = e^{−h} y + (1 − e^{−h}) [x̂₀ + (x̂₀ − x̂₋₁)/2r₀]
 *     3M   y' = e^{−h} y + (1 − e^{−h}) x̂₀ + p₂ D₁ − p₃ D₂,   p₂ = (e^{−h} − 1)/h + 1,  p₃ = p₂/h − ½
 *          d₀ = (x̂₀ − x̂₋₁)/r₀,  d₁ = (x̂₋₁ − x̂₋₂)/r₁,  D₁ = d₀ + (d₀ − d₁) r₀/(r₀ + r₁),  D₂ = (d₀ − d₁)/(r₀ + r₁)
 *
 * As published D₂ is half of the second derivative, and 3M is of second order; with 2 D₂, `dpmpp-3m-o3`, it is of third.
 * SDE forms (k-diffusion): 2M with η, y' = e^{−(1+η)h} y + (1 − e^{−(1+η)h}) [x̂₀ + (x̂₀ − x̂₋₁)/2r₀] + ρ' √(1 − e^{−2ηh}) z; 2S with ancestral steps.
 */
const reference = `@article{lu2022dpmsolverpp,
  title   = {{DPM-Solver++}: Fast Solver for Guided Sampling of Diffusion Probabilistic Models},
  author  = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  journal = {arXiv preprint arXiv:2211.01095},
  year    = {2022}
}`;

const lowerOrderFinal = z
  .enum(['auto', 'always', 'never'])
  .default('auto')
  .describe("Lower the order of the last steps: steadier images at few steps. 'auto' does below 15 steps");
export const multistepOptions = z.strictObject({ lowerOrderFinal });
export type MultistepOptions = z.input<typeof multistepOptions>;
export const singlestepOptions = z.strictObject({});
export const sdeOptions = z.strictObject({
  eta: z.number().min(0).max(1).default(1).describe('Stochasticity η: 0 is the ODE'),
  sNoise: z.number().positive().default(1).describe('Standard deviation of the added noise'),
});
export type SdeOptions = z.input<typeof sdeOptions>;

/** The order of step i of `count`: what there is history for, lowered at the end where asked. */
export const orderAt = (wanted: number, i: number, count: number, lowered: boolean): number =>
  Math.min(wanted, i + 1, lowered ? count - i : wanted);

export const lowersFinal = (rule: 'auto' | 'always' | 'never', count: number): boolean =>
  rule === 'always' || (rule === 'auto' && count < 15);

const multistep = (name: string, wanted: 2 | 3, curvature: 1 | 2, order: number, options: MultistepOptions): Sampler => {
  const rule = multistepOptions.parse(options).lowerOrderFinal;
  return linearSampler({
    name,
    facts: factsOf({ order, stochastic: false }),
    reference,
    coefficients: (_, levels) => {
      const count = levels.length - 1;
      const lowered = lowersFinal(rule, count);
      const h = (i: number): number => Math.log(levels[i]! / levels[i + 1]!);
      const steps = pairs(levels).map(([rho, next], i): LinearStep => {
        const keep = next / rho;
        const own = next === 0 ? 1 : orderAt(wanted, i, count, lowered);
        if (own === 1) return { keep, model: [1 - keep] };
        const r0 = h(i - 1) / h(i);
        if (own === 2) return { keep, model: [(1 - keep) * (1 + 0.5 / r0), (-(1 - keep) * 0.5) / r0] };
        const r1 = h(i - 2) / h(i);
        const p2 = -phi2(-h(i)); // (e^{−h} − 1)/h + 1 = −φ(−h) with φ(x) = (e^x − 1)/x − 1
        const p3 = phi3(h(i));
        // D₁ and D₂ as weights of [x̂₀, x̂₋₁, x̂₋₂]
        const [a, b, sum] = [1 / r0, 1 / r1, r0 + r1];
        const d1 = [a + (a * r0) / sum, -a - ((a + b) * r0) / sum, (b * r0) / sum];
        const d2 = [a / sum, -(a + b) / sum, b / sum];
        return { keep, model: [1 - keep, 0, 0].map((base, j) => base + p2 * d1[j]! - curvature * p3 * d2[j]!) };
      });
      return { steps, notes: notesOf(count, levels, lowered, wanted, rule) };
    },
  });
};

/** p₂/h − ½ with p₂ = (e^{−h} − 1)/h + 1: −h/6 + h²/24 − … */
const phi3 = (h: number): number => {
  if (h > 0.1) return (Math.expm1(-h) / h + 1) / h - 0.5;
  let [term, total] = [0.5, 0];
  for (let k = 3; k < 22; k++) total += term *= -h / k;
  return total;
};

const notesOf = (count: number, levels: Float64Array, lowered: boolean, wanted: number, rule: string): string[] => [
  ...(count < wanted ? [`${count} step${count === 1 ? '' : 's'}: history for order ${count} at most`] : []),
  ...(levels[count] === 0 ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : []),
  ...(lowered && levels[count] !== 0 && count > 1 ? [`the last of ${count} steps are of lower order (lowerOrderFinal: ${rule})`] : []),
];

/** DPM-Solver++(2M): second order, one call a step. */
export const dpmpp2m = (options: MultistepOptions = {}): Sampler => multistep('dpmpp-2m', 2, 1, 2, options);

/** DPM-Solver++(3M) as published: of second order, in spite of its name. */
export const dpmpp3m = (options: MultistepOptions = {}): Sampler => multistep('dpmpp-3m', 3, 1, 2, options);

/** DPM-Solver++(3M) with the second derivative in full: of third order. */
export const dpmpp3mO3 = (options: MultistepOptions = {}): Sampler => multistep('dpmpp-3m-o3', 3, 2, 3, options);

/** DPM-Solver++(2S): second order, two calls a step. */
export const dpmpp2s = (): Sampler =>
  linearSampler({
    name: 'dpmpp-2s',
    facts: factsOf({ order: 2, stochastic: false }),
    reference,
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next]) => singlestep(rho, next)),
      notes: levels.at(-1) === 0 ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : [],
    }),
  });

const singlestep = (rho: number, next: number): LinearStep => {
  const keep = next / rho;
  if (next === 0) return { keep: 0, model: [1] };
  const middle = Math.sqrt(rho * next);
  return { keep, model: [0, 1 - keep], at: [middle], stages: [[middle / rho, 1 - middle / rho]] };
};

/** DPM-Solver++(2S), SDE form of k-diffusion (`dpmpp_sde`): an ancestral step to the middle, and one over the whole. Two calls a step. */
export const dpmpp2sSde = (options: SdeOptions = {}): Sampler => {
  const { eta, sNoise } = sdeOptions.parse(options);
  return linearSampler({
    name: 'dpmpp-2s-sde',
    facts: factsOf({ stochastic: eta > 0, ...(eta === 0 ? { order: 2 } : {}) }),
    reference,
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next]): LinearStep => {
        if (next === 0) return { keep: 0, model: [1] };
        const middle = Math.sqrt(rho * next);
        const [half, whole] = [ancestralStep(rho, middle, eta), ancestralStep(rho, next, eta)];
        const keep = whole.down / rho;
        return {
          keep,
          model: [0, 1 - keep],
          noise: whole.up * sNoise,
          at: [middle],
          stages: [[half.down / rho, 1 - half.down / rho]],
          stageNoise: [half.up * sNoise],
        };
      }),
    }),
  });
};

/** DPM-Solver++(2M), SDE form, midpoint: weakly of second order, one call a step. */
export const dpmpp2mSde = (options: SdeOptions = {}): Sampler => {
  const { eta, sNoise } = sdeOptions.parse(options);
  return linearSampler({
    name: 'dpmpp-2m-sde',
    facts: factsOf({ stochastic: eta > 0, ...(eta === 0 ? { order: 2 } : {}) }),
    reference,
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next], i): LinearStep => {
        if (next === 0) return { keep: 0, model: [1] };
        const h = Math.log(rho / next);
        const keep = Math.exp(-(1 + eta) * h);
        const noise = next * Math.sqrt(-Math.expm1(-2 * eta * h)) * sNoise;
        if (i === 0) return { keep, model: [1 - keep], noise };
        const lean = (0.5 * h) / Math.log(levels[i - 1]! / rho);
        return { keep, model: [(1 - keep) * (1 + lean), -(1 - keep) * lean], noise };
      }),
    }),
  });
};
