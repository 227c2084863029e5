import { createNoise } from '@tweedie/core';

/** Q diag(values) Qᵀ [d, d], symmetric to the bit, with a Q that is a product of d reflections drawn by the seed. */
export const withSpectrum = (values: readonly number[], seed: number): Float64Array => {
  const d = values.length;
  const a = new Float64Array(d * d);
  values.forEach((value, i) => (a[i * d + i] = value));
  for (let step = 0; step < d; step++) {
    const u = createNoise(seed).hostNormal([1, d], { stream: 1, step });
    const twice = 2 / u.reduce((sum, x) => sum + x * x, 0);
    for (const rows of [true, false]) {
      for (let i = 0; i < d; i++) {
        let dot = 0;
        for (let k = 0; k < d; k++) dot += u[k]! * a[rows ? k * d + i : i * d + k]!;
        for (let k = 0; k < d; k++) a[rows ? k * d + i : i * d + k]! -= twice * dot * u[k]!;
      }
    }
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) a[i * d + j] = a[j * d + i] = (a[i * d + j]! + a[j * d + i]!) / 2;
  return a;
};

/** Rows [n, d] of N(0, diag(scale²)). */
export const normalRows = (n: number, d: number, seed: number, scale: (i: number) => number = () => 1): Float64Array =>
  createNoise(seed)
    .hostNormal([n, d], { stream: 2 })
    .map((z, i) => z * scale(i % d));

export const traceOf = (a: ArrayLike<number>): number => {
  const d = Math.round(Math.sqrt(a.length));
  let sum = 0;
  for (let i = 0; i < d; i++) sum += a[i * d + i]!;
  return sum;
};

export const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);
