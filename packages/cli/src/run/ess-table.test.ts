import { describe, expect, it } from 'vitest';
import { createEssTable } from './ess-table.ts';

const ess = (classes: readonly number[], rho: readonly number[], values: readonly number[]) => ({
  classes: Int32Array.from(classes),
  rho: Float64Array.from(rho),
  values: Float32Array.from(values),
});

describe('the table of effective sample sizes', () => {
  it('has means by class and half-decade of ρ', () => {
    const table = createEssTable();
    table.add(ess([0, 0, 1, -1], [2, 3, 2, 5], [1, 4, 7, 9]));
    table.add(ess([0], [0.02], [1]));
    expect(table.rows()).toEqual([
      { class: -1, from: 3.16, to: 10, mean: 9, rows: 1 },
      { class: 0, from: 0.01, to: 0.0316, mean: 1, rows: 1 },
      { class: 0, from: 1, to: 3.16, mean: 2.5, rows: 2 },
      { class: 1, from: 1, to: 3.16, mean: 7, rows: 1 },
    ]);
  });

  it('warns once of a class that stays under 2 at its highest levels, not of one whose low levels do', () => {
    const table = createEssTable();
    const eight = (value: number): number[] => new Array<number>(8).fill(value);
    table.add(ess(eight(0), eight(0.1), eight(1))); // low levels are always one-hot
    table.add(ess(eight(0), eight(20), eight(30)));
    table.add(ess(eight(3), eight(20), eight(1.25)));
    table.add(ess([4], [20], [1])); // too few to say
    expect(table.warnings()).toEqual([
      'class 3: even at ρ from 10 to 31.6 a target is made of 1.25 reference points on average; below 2 it is the target of denoising score matching: raise objective.reference',
    ]);
    expect(table.warnings()).toEqual([]);
  });
});
