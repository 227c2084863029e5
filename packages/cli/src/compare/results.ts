import { jackknifed, pairedDifference } from '@tweedie/metrics';
import type { Cell } from './cell.ts';

/** A sampler under a limit of network calls, with what came of it. */
export interface Row {
  /** Null where the sampler's calls are not a matter of steps: one row, whatever the limits. */
  readonly limit: number | null;
  readonly sampler: string;
  readonly stochastic: boolean;
  readonly steps: number | null;
  /** Network evaluations of an image: counted, or planned where nothing was drawn. */
  readonly nfe: number | null;
  readonly hash: string | null;
  readonly cell?: Cell;
  /** Why there is no number. */
  readonly failure: string | null;
}

export interface ComparedRow extends Row {
  readonly value: number | null;
  readonly interval: readonly [low: number, high: number] | null;
  /** To the baseline's, or to the least value under the same limit; null for that one itself. */
  readonly difference: {
    readonly to: string;
    readonly value: number;
    readonly interval: readonly [low: number, high: number] | null;
  } | null;
}

/** Rows limit by limit, the least value first, each with its paired difference; what failed comes last. */
export const compared = (rows: readonly Row[], baseline: string | null): readonly ComparedRow[] => {
  const limits = [...new Set(rows.map(({ limit }) => limit))].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  return limits.flatMap((limit) => {
    const here = rows.filter((row) => row.limit === limit);
    const judged = here.filter(({ cell }) => cell?.result !== undefined);
    const sorted = [...judged].sort((a, b) => a.cell!.result!.value - b.cell!.result!.value);
    const base = limit === null ? undefined : baseline === null ? sorted[0] : judged.find(({ sampler }) => sampler === baseline);
    return [...sorted, ...here.filter((row) => !judged.includes(row))].map((row): ComparedRow => {
      const result = row.cell?.result;
      return {
        ...row,
        value: result?.value ?? null,
        interval: result?.interval ?? (result === undefined ? null : alone(result)),
        difference: result === undefined || base === undefined || row === base ? null : against(base.sampler, result, base.cell!.result!),
      };
    });
  });
};

type Result = NonNullable<Cell['result']>;

/** The jackknife of a value whose metric gives none itself. */
const alone = ({ value, leftOut }: Result): readonly [number, number] | null => {
  if (leftOut === undefined) return null;
  const { half } = jackknifed({ value, leftOut });
  return [Math.max(0, value - half), value + half];
};

const against = (to: string, a: Result, b: Result): NonNullable<ComparedRow['difference']> => {
  if (a.leftOut === undefined || b.leftOut === undefined) return { to, value: a.value - b.value, interval: null };
  const { value, interval } = pairedDifference({ value: a.value, leftOut: a.leftOut }, { value: b.value, leftOut: b.leftOut });
  return { to, value, interval };
};

/** Who is not told apart from the least value under a limit, that one first. */
export const leaders = (rows: readonly ComparedRow[], limit: number): readonly ComparedRow[] => {
  const judged = rows.filter((row) => row.limit === limit && row.value !== null);
  const [best, ...others] = [...judged].sort((a, b) => a.value! - b.value!);
  if (best === undefined) return [];
  const result = best.cell!.result!;
  return [best, ...others.filter((row) => (against(best.sampler, row.cell!.result!, result).interval?.[0] ?? Infinity) <= 0)];
};
