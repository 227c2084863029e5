import { edm, type Sampler } from '@tweedie/core';
import { dpmpp2m, heun } from '@tweedie/sampler-classic';
import { expect, it } from 'vitest';
import { parseExperiment } from '../config/parse.ts';
import { plansWithin, type PlansOptions } from './plans.ts';

const { levels } = parseExperiment({ levels: { steps: 7 } });
const plans = (sampler: Sampler, changes: Partial<PlansOptions> = {}) =>
  plansWithin({ sampler, schedule: edm(), levels, limits: [1, 2, 5, 6, 10], evaluations: 1, ...changes }).map(
    ({ limit, plan, refusal }) => [limit, plan === undefined ? refusal : [plan.levels.length - 1, plan.nfe]],
  );

/** As `dpmpp-2m`, with a number of calls of its own. */
const counted = (nfe: (steps: number) => number | null): Sampler => ({
  ...dpmpp2m(),
  plan: (schedule, grid) => ({ ...dpmpp2m().plan(schedule, grid), nfe: nfe(grid.length - 1) }),
});

it('takes the most steps whose calls do not exceed the limit', () => {
  expect(plans(dpmpp2m())).toEqual([1, 2, 5, 6, 10].map((n) => [n, [n, n]]));
  expect(plans(heun())).toEqual([[1, [1, 1]], [2, [1, 1]], [5, [3, 5]], [6, [3, 5]], [10, [5, 9]]]); // prettier-ignore
  // A prefix that jumps over the first of its levels.
  expect(plans(counted((steps) => Math.max(1, Math.ceil(steps / 2))))).toEqual([[1, [2, 1]], [2, [4, 2]], [5, [10, 5]], [6, [12, 6]], [10, [20, 10]]]); // prettier-ignore
});

it('counts what guidance doubles, and says where nothing fits', () => {
  const [one, two] = plans(dpmpp2m(), { evaluations: 2, limits: [1, 5] });
  expect(two).toEqual([5, [2, 2]]);
  expect(one).toEqual([1, '[dpmpp-2m] no plan of this sampler takes so few network calls, which guidance doubles: got 1']);
});

it('has one plan where the calls are not a matter of steps', () => {
  expect(plans(counted(() => null))).toEqual([[null, [7, null]]]);
  expect(plans(counted(() => 1))).toEqual([[null, [7, 1]]]);
});

it('says why a sampler refuses, and goes on where it does not', () => {
  const fussy: Sampler = {
    ...dpmpp2m(),
    plan: (schedule, grid) => {
      if (grid.length - 1 < 3) throw new Error('too few steps for me');
      return dpmpp2m().plan(schedule, grid);
    },
  };
  expect(plans(fussy).slice(1, 3)).toEqual([
    [2, 'too few steps for me'],
    [5, [5, 5]],
  ]);
});
