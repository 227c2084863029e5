import { expect, it } from 'vitest';
import { langevinIterations } from './langevin-iterations.ts';

/** The same by going through the iterations one by one, as the recursion is written. */
const stepped = (variances: readonly number[], gains: readonly number[]): number => {
  const epsilon = 0.1 / Math.max(...variances.map((l, k) => gains[k]! / l));
  const top = Math.max(...variances);
  const mean = variances.map(() => Math.sqrt(top));
  const variance = variances.map(() => 10 * top);
  for (let n = 1; ; n++) {
    let far = false;
    variances.forEach((lambda, k) => {
      const q = gains[k]! / lambda;
      mean[k]! *= 1 - epsilon * q;
      variance[k] = (1 - epsilon * q) ** 2 * variance[k]! + 2 * epsilon * gains[k]!;
      far ||= Math.abs(mean[k]!) > 0.01 * Math.sqrt(lambda) || Math.abs(variance[k]! / (lambda / (1 - (epsilon * q) / 2)) - 1) > 0.01;
    });
    if (!far) return n;
  }
};

it('grows with the condition number, and hardly where M = Σ^½: the published table', () => {
  const modes = (condition: number): number[] => Array.from({ length: 8 }, (_, k) => condition ** (-k / 7));
  const conditions = [1, 10, 100, 1e3, 1e4];
  expect(conditions.map((c) => langevinIterations(modes(c), new Float64Array(8).fill(1)))).toEqual([44, 459, 4603, 46050, 460515]);
  expect(conditions.map((c) => langevinIterations(modes(c), modes(c)))).toEqual([44, 55, 66, 77, 88]);
});

it('is what the recursion comes to, step by step, for any scale and gains', () => {
  const variances = [7, 3, 0.4, 0.05];
  for (const gains of [[1, 1, 1, 1], [1, 1.2, 1.5, 1.6], variances])
    expect(langevinIterations(variances, gains)).toBe(stepped(variances, gains));
  // M in the place of M Mᵀ would be another number.
  expect(langevinIterations(variances, variances.map(Math.sqrt))).not.toBe(langevinIterations(variances, variances));
});
