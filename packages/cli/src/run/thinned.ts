import type { LogLine } from './log.ts';

/** Lines kept of every doubling of the steps. */
const A_DOUBLING = 16;

/**
 * A log whose lines are even in the logarithm of the step, sixteen a doubling, powers of two and the last among them. Losses and gradient norms, which
 * scatter from step to step, become means over the steps since the line before; rate and seconds are those of the step.
 */
export const thinned = (lines: readonly LogLine[]): readonly LogLine[] => {
  let since: LogLine[] = [];
  return lines.flatMap((line, i) => {
    since.push(line);
    if (i < lines.length - 1 && bandOf(line.step) === bandOf(line.step - 1)) return [];
    const means = Object.fromEntries(
      AVERAGED.flatMap((key) => {
        const values = since.flatMap((each) => each[key] ?? []);
        return values.length === 0 ? [] : [[key, values.reduce((sum, value) => sum + value, 0) / values.length]];
      }),
    );
    since = [];
    return [{ ...line, ...means }];
  });
};

const AVERAGED = ['loss', 'informative', 'ess', 'gradientNorm'] as const;
const bandOf = (step: number): number => Math.floor(A_DOUBLING * Math.log2(step) + 1e-9);
