import type { Ess } from '@tweedie/core';

/** Effective sample sizes of the targets of one class (−1: of rows without a label) in one range of noise levels. */
export interface EssRow {
  readonly class: number;
  /** ρ from, and to: half a decade. */
  readonly from: number;
  readonly to: number;
  readonly mean: number;
  /** Rows that were seen. */
  readonly rows: number;
}

/** How many reference points the targets of a sitting were made of, by noise level and class. */
export interface EssTable {
  add(ess: Ess): void;
  rows(): readonly EssRow[];
  /** One sentence for each class that even at its highest noise levels has targets of fewer than two points; each only once. */
  warnings(): readonly string[];
}

/** Rows that a mean must have before it is judged. */
const ENOUGH = 8;

export const createEssTable = (): EssTable => {
  const cells = new Map<string, { class: number; bin: number; total: number; rows: number }>();
  const warned = new Set<number>();
  const rows = (): EssRow[] =>
    [...cells.values()]
      .sort((a, b) => a.class - b.class || a.bin - b.bin)
      .map(({ class: of, bin, total, rows: count }) => ({
        class: of,
        from: rounded(10 ** (bin / 2)),
        to: rounded(10 ** ((bin + 1) / 2)),
        mean: rounded(total / count),
        rows: count,
      }));
  return Object.freeze<EssTable>({
    add: ({ values, rho, classes }) =>
      values.forEach((value, i) => {
        const bin = Math.floor(2 * Math.log10(rho[i]!));
        const key = `${classes[i]} ${bin}`;
        const cell = cells.get(key) ?? { class: classes[i]!, bin, total: 0, rows: 0 };
        cells.set(key, { ...cell, total: cell.total + value, rows: cell.rows + 1 });
      }),
    rows,
    warnings: () =>
      [...new Set(rows().map((row) => row.class))].flatMap((of) => {
        const highest = rows().findLast((row) => row.class === of && row.rows >= ENOUGH);
        if (highest === undefined || highest.mean >= 2 || warned.has(of)) return [];
        warned.add(of);
        return [
          `${of < 0 ? 'rows without a label' : `class ${of}`}: even at ρ from ${highest.from} to ${highest.to} a target is made of ${highest.mean} reference points on average; ` +
            'below 2 it is the target of denoising score matching: raise objective.reference',
        ];
      }),
  });
};

const rounded = (x: number): number => Number(x.toPrecision(3));
