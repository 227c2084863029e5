import type { Plan } from '@tweedie/core';
import { combine, type Denoise64, type Point } from './problems.ts';

/** A plan of linear steps carried out in float64: what the tensors should do, without their rounding. Deterministic plans only. */
export const hostRun = (plan: Plan, denoise: Denoise64, start: Point, remembered: 'x0' | 'eps'): number[] => {
  let y = [...start];
  let before: number[] = [];
  let history: number[][] = [];
  const answer = (at: Point, rho: number): number[] => {
    const x0 = denoise(at, rho);
    return remembered === 'x0' ? x0 : at.map((v, i) => (v - x0[i]!) / rho);
  };
  const sum = (weights: readonly number[], points: readonly Point[]): number[] => combine(...weights.map((w, j) => [w, points[j]!] as const));
  for (const [i, step] of plan.steps.entries()) {
    const answers = [answer(y, plan.levels[i]!)];
    if (step['correct'] !== undefined) y = sum(step['correct'] as readonly number[], [before, ...answers, ...history]);
    ((step['at'] ?? []) as readonly number[]).forEach((rho, k) => {
      answers.push(answer(sum(step[`stage${k + 1}`] as readonly number[], [y, ...answers, ...history]), rho));
    });
    before = y;
    y = sum([step['keep'] as number, ...(step['model'] as readonly number[])], [y, ...answers, ...history]);
    history = [answers[0]!, ...history].slice(0, 6);
  }
  return y;
};
