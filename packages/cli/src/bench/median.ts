/** The middle value; of an even count, the mean of the middle two. */
export const medianOf = (values: ArrayLike<number>): number => {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

/**
 * A distribution-free interval of the median: between the k-th least and the k-th greatest value lies the median with probability
 * 1 − 2 P(Bin(n, ½) < k), and k is the greatest for which that is at least `confidence`. Undefined where there is none: below 6 values at 95 %.
 */
export const medianInterval = (values: ArrayLike<number>, confidence = 0.95): readonly [low: number, high: number] | undefined => {
  const n = values.length;
  let below = 0; // P(Bin(n, ½) < k)
  let k = 0;
  for (let term = 2 ** -n; k < n / 2; k++) {
    if (2 * (below + term) > 1 - confidence) break;
    below += term;
    term *= (n - k) / (k + 1);
  }
  if (k === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  return [sorted[k - 1]!, sorted[n - k]!];
};
