import type { Plan } from '@tweedie/core';
import type { Denoise64, Point } from './problems.ts';

/** A run that is under way: `start` is the state at levels[step], `history` the answers at the levels before it, newest first. */
export interface UnderWay {
  readonly step: number;
  readonly history: readonly Point[];
}

/** A plan of linear steps carried out in float64: what the tensors should do, without their rounding. Deterministic plans only. */
export const hostRun = (plan: Plan, denoise: Denoise64, start: Point, remembered: 'x0' | 'eps', from?: UnderWay): number[] => {
  let y = [...start];
  let before: number[] = [];
  let history: number[][] = (from?.history ?? []).map((answer) => [...answer]);
  const answer = (at: Point, rho: number): number[] => {
    const x0 = denoise(at, rho);
    return remembered === 'x0' ? x0 : at.map((v, i) => (v - x0[i]!) / rho);
  };
  const sum = (weights: readonly number[], points: readonly Point[]): number[] => {
    const total = Array<number>(start.length).fill(0);
    weights.forEach((w, j) => points[j]!.forEach((v, k) => (total[k]! += w * v)));
    return total;
  };
  for (const [i, step] of plan.steps.entries()) {
    if (i < (from?.step ?? 0)) continue;
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
