/** Wilson's score interval of k of n at 95 % (E. B. Wilson, 1927). */
export const wilson = (k: number, n: number): readonly [number, number] => {
  const z2 = 1.959964 ** 2;
  const p = k / n;
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
};
