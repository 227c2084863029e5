import { describe, expect, it } from 'vitest';
import type { Formula } from '../contracts/formula.ts';
import type { Coefficients } from '../contracts/preconditioner.ts';
import { edm } from './edm.ts';
import { evaluateFormula, formula, LEVEL, levelOrigin, levelRows } from './formula.ts';
import { edmPreconditioner, epsPreconditioner, scorePreconditioner, vPreconditioner, x0Preconditioner } from './preconditioner.ts';
import { subVp } from './sub-vp.ts';
import { ve } from './ve.ts';
import { vpCosine } from './vp-cosine.ts';
import { vpDiscrete } from './vp-discrete.ts';
import { vpLinear } from './vp-linear.ts';

const { add, hypot, join, mul, sin } = formula;

describe('a formula', () => {
  it('is what the host computes, one number for each column', () => {
    expect(evaluateFormula(join(mul(LEVEL, [1, 2]), sin(LEVEL), 7), 0.3)).toEqual([0.3, 0.6, Math.sin(0.3), 7]);
    expect(evaluateFormula(add(hypot(LEVEL, 4), [1, 2]), 3)).toEqual([6, 7]);
  });

  it('fills rows, and is remembered', async () => {
    const levels = Float64Array.of(0.5, 2);
    const rows = levelRows(levels, mul(LEVEL, [1, 10]), [1, 2]);
    expect(rows.shape).toEqual([2, 1, 2]);
    expect([...(await rows.data())]).toEqual([0.5, 5, 2, 20]);
    expect(levelOrigin(rows)?.levels).toBe(levels);
    const copy = rows.clone();
    expect(levelOrigin(copy)).toBeUndefined();
    rows.dispose();
    copy.dispose();
    expect(() => levelRows(levels, LEVEL, [2])).toThrow('the columns do not fill a row: got 1, expected 2 of them, for [2]');
  });
});

const schedules = [edm(), ve(), vpLinear(), subVp(), vpCosine(), vpDiscrete(), vpDiscrete({ interpolant: 'alpha-bar' })];
const heads = [edmPreconditioner({ sigmaData: 0.6 }), epsPreconditioner(), x0Preconditioner(), scorePreconditioner(), vPreconditioner()];

it.each(schedules.flatMap((schedule) => heads.map((head) => [head.id, schedule.id, head, schedule] as const)))(
  'the formulas of %s under %s are its numbers',
  (_head, _schedule, head, schedule) => {
    const formulas = head.formulas!(schedule)!;
    for (let i = 0; i <= 40; i++) {
      // Between the ends, so that no schedule leaves its table.
      const t = schedule.tMin + ((schedule.tMax - schedule.tMin) * (i + 0.5)) / 41;
      const rho = schedule.rho(t);
      const expected = head.at(rho, schedule);
      for (const [key, f] of Object.entries(formulas) as [keyof Coefficients, Formula][]) {
        const [got] = evaluateFormula(f, rho);
        // timeOf and back costs digits where α is flat.
        expect(Math.abs(got! - expected[key]), `${key} at ${rho}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected[key]));
      }
    }
  },
);

it('the formulas of a schedule without α(ρ) are missing where a head needs it', () => {
  const { alphaOfRho: _, ...bare } = vpLinear();
  expect(scorePreconditioner().formulas!(bare)).toBeUndefined();
  expect(vPreconditioner().formulas!(bare)).toBeUndefined();
  expect(epsPreconditioner().formulas!(bare)).toBeDefined();
});
