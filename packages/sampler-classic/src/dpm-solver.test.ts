import { createNoise, edm, karras } from '@tweedie/core';
import { expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { distance, flow, lifted, M3, posteriorMean, run, starts } from '../test/problems.ts';
import { dpmSolver2s, dpmSolver3s, dpmSolverFast, dpmSolverStep } from './dpm-solver.ts';

const orders = (steps: number, zero = false): number[] => {
  const plan = dpmSolverFast().plan(edm(), karras({ steps, max: 80, min: 0.002, zero }));
  return plan.steps.map((step) => 1 + ((step['at'] as readonly number[] | undefined)?.length ?? 0));
};

it('spends the calls as published: 3…3, 2, 1; 3…3, 1; 3…3, 2', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 20].map((n) => orders(n).join(''))).toEqual(
    ['1', '2', '21', '31', '32', '321', '331', '332', '3321', '3333332'], // prettier-ignore
  );
  expect([2, 3, 5, 8].map((n) => orders(n, true).join(''))).toEqual(['11', '21', '311', '3311']);
});

it('goes over as many levels as a block has calls, says so, and costs N calls', async () => {
  const denoise = posteriorMean(M3);
  for (const zero of [false, true])
    for (let steps = 1; steps <= 12; steps++) {
      const levels = karras({ steps, max: 80, min: 0.002, zero });
      const plan = dpmSolverFast().plan(edm(), levels);
      let end = 0;
      const ends = [0, ...orders(steps, zero).map((order) => (end += order))];
      expect([...plan.levels]).toEqual(ends.map((at) => levels[at]));
      expect(plan.nfe).toBe(steps);
      expect(plan.notes[0]).toContain(`of the ${steps + 1} levels`);
      let calls = 0;
      const inner = lifted(denoise);
      const end3 = await run(dpmSolverFast(), (y, rho) => (calls++, inner(y, rho)), starts(80, 3), plan, createNoise(0));
      expect(calls).toBe(steps);
      expect(end3.flat().every(Number.isFinite)).toBe(true);
    }
});

it('is 3S on its blocks of three, and of third order with an ending of order 2', () => {
  const levels = karras({ steps: 5, max: 10, min: 0.3 });
  const { steps } = dpmSolverFast().plan(edm(), levels);
  expect(steps[0]).toEqual(dpmSolver3s().plan(edm(), Float64Array.of(levels[0]!, levels[3]!)).steps[0]);
  expect(steps[1]).toMatchObject({ at: dpmSolverStep(2, levels[3]!, levels[5]!).at });
  const denoise = posteriorMean(M3);
  const from = starts(10, 3).slice(0, 4);
  const truth = from.map((y) => flow(denoise, y, 10, 0.3));
  const error = (n: number): number => {
    const plan = dpmSolverFast().plan(edm(), karras({ steps: n, max: 10, min: 0.3 }));
    return distance(from.map((y) => hostRun(plan, denoise, y, 'eps')), truth); // prettier-ignore
  };
  const slope = Math.log2(error(65) / error(131)) / Math.log2(131 / 65);
  expect(slope).toBeGreaterThan(2.7);
  expect(slope).toBeLessThan(3.5);
});

it('2S is what others call k_dpm_2: Euler to the geometric mean of the levels, then over the whole by the slope there', () => {
  const denoise = posteriorMean(M3);
  const levels = karras({ steps: 7, max: 80, min: 0.002 });
  for (const start of starts(80, 3).slice(0, 4)) {
    let y = [...start];
    for (let i = 0; i < 7; i++) {
      const middle = Math.exp((Math.log(levels[i]!) + Math.log(levels[i + 1]!)) / 2);
      const slope = (at: readonly number[], rho: number): number[] => denoise(at, rho).map((d, k) => (at[k]! - d) / rho);
      const first = slope(y, levels[i]!);
      const second = slope(y.map((v, k) => v + first[k]! * (middle - levels[i]!)), middle); // prettier-ignore
      y = y.map((v, k) => v + second[k]! * (levels[i + 1]! - levels[i]!));
    }
    expect(distance([hostRun(dpmSolver2s().plan(edm(), levels), denoise, start, 'eps')], [y])).toBeLessThan(1e-10);
  }
});
