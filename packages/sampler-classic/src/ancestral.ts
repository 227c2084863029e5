import { linearSampler, type Sampler } from '@tweedie/core';
import { z } from 'zod';
import { factsOf } from './facts.ts';

/**
 * Ancestral sampling, first order, one network call a step.
 *
 * J. Ho, A. Jain, P. Abbeel: Denoising Diffusion Probabilistic Models (2006.11239), eqs. 6–7 and 11, between any two levels. With
 * σ²_{t|s} = σ_t² − (α_t/α_s)² σ_s², in y = x/α, ρ = σ/α:
 *
 *     y' = (ρ'²/ρ²) y + (1 − ρ'²/ρ²) x̂₀ + sd z
 *     small    sd² = ρ'² (1 − ρ'²/ρ²)           the posterior variance σ²_{t|s} σ_s²/σ_t²
 *     large    sd² = (α/α')² (ρ² − ρ'²)          σ²_{t|s} itself: depends on α, so on the schedule
 *
 * No noise in the last step. `small` is DDIM(1), and Euler-ancestral at η = 1.
 */
const reference = `@inproceedings{ho2020denoising,
  title     = {Denoising Diffusion Probabilistic Models},
  author    = {Ho, Jonathan and Jain, Ajay and Abbeel, Pieter},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {33},
  year      = {2020},
  eprint    = {2006.11239},
  archivePrefix = {arXiv}
}`;

export const ancestralOptions = z.strictObject({
  variance: z.enum(['small', 'large']).default('small').describe('Of the noise: small is the posterior’s, large the forward step’s'),
});
export type AncestralOptions = z.input<typeof ancestralOptions>;

/** DDPM's ancestral sampling on any levels. NFE = N. */
export const ancestral = (options: AncestralOptions = {}): Sampler => {
  const { variance } = ancestralOptions.parse(options);
  return linearSampler({
    name: 'ancestral',
    facts: factsOf({ stochastic: true }),
    reference,
    coefficients: (schedule, levels) => ({
      steps: pairs(levels).map(([rho, next], i, all) => {
        const ratio2 = (next / rho) ** 2;
        const alpha = (level: number): number => schedule.alpha(schedule.timeOf(level));
        const last = i === all.length - 1;
        const sd =
          last || next === 0
            ? 0
            : variance === 'small'
              ? next * Math.sqrt(1 - ratio2)
              : (alpha(rho) / alpha(next)) * rho * Math.sqrt(1 - ratio2);
        return { keep: ratio2, model: [1 - ratio2], noise: sd };
      }),
    }),
  });
};

export const eulerAncestralOptions = z.strictObject({
  eta: z.number().min(0).max(1).default(1).describe('Stochasticity η: 0 is Euler, 1 adds the posterior’s noise'),
});
export type EulerAncestralOptions = z.input<typeof eulerAncestralOptions>;

/**
 * Euler-ancestral, of K. Crowson's k-diffusion: Euler to σ_down, then noise σ_up, with σ_up = min(σ', η √(σ'² (σ² − σ'²)/σ²)) and
 * σ_down = √(σ'² − σ_up²). NFE = N.
 */
export const eulerAncestral = (options: EulerAncestralOptions = {}): Sampler => {
  const { eta } = eulerAncestralOptions.parse(options);
  return linearSampler({
    name: 'euler-ancestral',
    facts: factsOf({ order: 1, stochastic: eta > 0 }),
    reference,
    coefficients: (_, levels) => ({
      steps: pairs(levels).map(([rho, next]) => {
        const { up, down } = ancestralStep(rho, next, eta);
        return { keep: down / rho, model: [1 - down / rho], noise: up };
      }),
    }),
  });
};

/** How far an ancestral step goes down, and how much noise it adds to be at `next` again. */
export const ancestralStep = (rho: number, next: number, eta: number): { readonly up: number; readonly down: number } => {
  const ratio = next / rho;
  const up = Math.min(next, eta * next * Math.sqrt((1 - ratio) * (1 + ratio)));
  return { up, down: Math.sqrt(Math.max(0, (next - up) * (next + up))) };
};

/** [ρ_i, ρ_{i+1}] of each step. */
export const pairs = (levels: Float64Array): (readonly [rho: number, next: number])[] =>
  Array.from({ length: levels.length - 1 }, (_, i) => [levels[i]!, levels[i + 1]!] as const);
