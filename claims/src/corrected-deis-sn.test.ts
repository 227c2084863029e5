import { edm, karras, logSnr } from '@tweedie/core';
import { deisSn } from '@tweedie/sampler-deis-sn';
import { unipc } from '@tweedie/sampler-classic';
import { expect, it } from 'vitest';
import { correctedDeisSn } from './corrected-deis-sn.ts';

const levels = karras({ steps: 7, max: 80, min: 0.002, zero: true });

it.each([1, 2] as const)('is UniPC of order %i + 1 in ε̂ where the profile is constant', (degree) => {
  const ours = correctedDeisSn({ profile: () => 1, degree }).plan(edm(), levels);
  const theirs = unipc({
    order: degree === 1 ? 2 : 3,
    prediction: 'eps',
    parity: 'exact',
    lowerOrderFinal: 'never',
  }).plan(edm(), levels);
  expect(ours.nfe).toBe(7);
  ours.steps.forEach((step, i) => {
    const other = theirs.steps[i]!;
    for (const part of ['model', 'correct'] as const) {
      const [a, b] = [step[part], other[part]] as (readonly number[] | undefined)[];
      expect(a?.length).toBe(b?.length);
      a?.forEach((weight, j) => expect(weight).toBeCloseTo(b![j]!, 8));
    }
  });
});

it('predicts as DEIS-SN does', () => {
  const profile = (rho: number): number => rho / Math.hypot(0.5, rho);
  const ours = correctedDeisSn({ profile, degree: 2 }).plan(edm(), levels);
  const theirs = deisSn({ profile, degree: 2, variable: 'log-rho' }).plan(edm(), levels);
  ours.steps.forEach(({ model }, i) =>
    (model as readonly number[]).forEach((weight, j) =>
      expect(weight).toBeCloseTo((theirs.steps[i]!['model'] as readonly number[])[j]!, 8),
    ),
  );
});

it('leaves a trajectory as it is whose ε̂ is the profile', () => {
  // Isotropic Gaussian data: ε̂ = c ρ/√(σ² + ρ²) along the flow, so that predictor and corrector are exact, and agree.
  const profile = (rho: number): number => rho / Math.hypot(0.5, rho);
  const grid = logSnr({ steps: 6, max: 40, min: 0.01 });
  const { steps } = correctedDeisSn({ profile, degree: 2 }).plan(edm(), grid);
  const eps = (i: number): number => profile(grid[i]!);
  steps.forEach((step, i) => {
    if (i === 0) return;
    const [keep, ...weights] = step['correct'] as readonly number[];
    const moved = weights.reduce((sum, w, j) => sum + w * eps(i - j), 0);
    expect(keep).toBe(1);
    expect(moved).toBeCloseTo(Math.hypot(0.5, grid[i]!) - Math.hypot(0.5, grid[i - 1]!), 8);
  });
});
