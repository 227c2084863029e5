import { checkStatistics, integrate, tweedieError, type StatisticsFile } from '@tweedie/core';

/**
 * Empirical model statistics of DPM-Solver-v3 (2310.13268), §3.1: l, s and b of every pixel at every level, and the integrals that a
 * step from λ_s to λ_t is made of. λ = −log ρ; everything elementwise, in y = x/α, so that they belong to no schedule.
 */
export interface Ems {
  /** Shape of a data point, or of nothing in particular: one number for all pixels. */
  readonly shape?: readonly number[];
  /** Levels between which they are known; everywhere without it. */
  readonly levels?: readonly [least: number, most: number];
  /** l at a level. */
  l(rho: number): Float64Array;
  /** Integrals from a level to one below. */
  between(from: number, to: number): Integrals;
}

/** With L = ∫l, S = ∫s, B = ∫e^{−S} b, from λ_s on. */
export interface Integrals {
  /** e^{L_s − L_t} */
  readonly keep: Float64Array;
  /** e^{S_t − S_s} */
  readonly growth: Float64Array;
  /** e^{S_s} (B_t − B_s) */
  readonly shift: Float64Array;
  /** ∫ e^{L − L_t + S − S_s} (λ − λ_s)^k dλ,  k = 0, 1, 2 */
  readonly moments: readonly [Float64Array, Float64Array, Float64Array];
  /** ∫ e^{L − L_t + S − S_s} e^{S_s} (B − B_s) dλ */
  readonly constant: Float64Array;
}

export const KIND = 'v3-ems';

/**
 * What the statistics of N(μ, v) are, of each pixel: l = ρ²/(v + ρ²), s = 0, b = 2ρ² v μ/(v + ρ²)² = −μ dl/dλ. So
 * e^L = (v + ρ²)^{−½} and B = −μ l but for constants; what is left is integrated by Gauss–Legendre. v = 0 is data prediction.
 */
export const gaussianEms = (mean: readonly number[], std: readonly number[], shape?: readonly number[]): Ems => {
  const size = Math.max(mean.length, std.length);
  const each = (f: (mu: number, v: number) => number): Float64Array =>
    Float64Array.from({ length: size }, (_, k) => f(mean[k % mean.length]!, std[k % std.length]! ** 2));
  const shrink = (v: number, rho: number): number => rho ** 2 / (v + rho ** 2);
  return Object.freeze<Ems>({
    ...(size === 1 ? {} : { shape: shape ?? [size] }),
    l: (rho) => each((_, v) => shrink(v, rho)),
    between: (from, to) => {
      // e^{L − L_t}
      const kernel = (v: number, rho: number): number => Math.sqrt((v + to ** 2) / (v + rho ** 2));
      const integral = (f: (rho: number) => number): number => integrate((rho) => -f(rho) / rho, from, to); // dλ = −dρ/ρ
      const moment = (k: number): Float64Array => each((_, v) => integral((rho) => kernel(v, rho) * Math.log(from / rho) ** k));
      return {
        keep: each((_, v) => kernel(v, from)),
        growth: new Float64Array(size).fill(1),
        shift: each((mu, v) => mu * (shrink(v, from) - shrink(v, to))),
        moments: [moment(0), moment(1), moment(2)],
        constant: each((mu, v) => (mu === 0 ? 0 : integral((rho) => kernel(v, rho) * mu * (shrink(v, from) - shrink(v, rho))))),
      };
    },
  });
};

/**
 * Statistics of a file: l, s and b are linear in λ between its levels, so that a step may begin and end anywhere (the release rounds
 * levels to the file's). Their integrals by three-point Gauss rules in each interval, the inner ones by the collocation of the same points.
 */
export const tableEms = (file: StatisticsFile): Ems => {
  const { subject = `statistics ${KIND}`, tensors } = file;
  checkStatistics(file, { kind: KIND });
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject, problem, got, expected, remedy: 'make them anew, by estimateEms' });
  };
  const part = (name: string): (typeof tensors)[string] =>
    tensors[name] ?? refuse(`there is no "${name}"`, Object.keys(tensors), 'lambda, l, s, b');
  const [lambda, l, s, b] = [part('lambda').data, part('l'), part('s'), part('b')];
  const count = lambda.length;
  const [rows, ...shape] = l.shape;
  const size = shape.reduce((product, n) => product * n, 1);
  if (count < 2 || lambda.some((at, k) => k > 0 && !(at > lambda[k - 1]!)))
    refuse('its levels do not rise in λ', Array.from(lambda).slice(0, 8), 'two or more, ascending');
  for (const { shape: own, data } of [l, s, b])
    if (rows !== count || own.join() !== l.shape.join() || data.length !== count * size)
      refuse('its tables do not fit each other', own, `[${count}, …], all of one shape`);

  /** Where a λ lies: the interval, and how far into it. */
  const place = (at: number): readonly [cell: number, part: number] => {
    let [low, high] = [0, count - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lambda[middle]! <= at) low = middle;
      else high = middle;
    }
    return [low, (at - lambda[low]!) / (lambda[high]! - lambda[low]!)];
  };
  const read = ({ data }: typeof l, at: number): Float64Array => {
    const [cell, fraction] = place(at);
    const from = cell * size;
    return Float64Array.from({ length: size }, (_, k) => (1 - fraction) * data[from + k]! + fraction * data[from + size + k]!);
  };

  return Object.freeze<Ems>({
    shape,
    levels: [Math.exp(-lambda[count - 1]!), Math.exp(-lambda[0]!)],
    l: (rho) => read(l, -Math.log(rho)),
    between: (from, to) => {
      const [start, end] = [-Math.log(from), -Math.log(to)];
      const knots = [start, ...Array.from(lambda).filter((at) => at > start + 1e-9 && at < end - 1e-9), end];
      const at = knots.map((knot) => [read(l, knot), read(s, knot), read(b, knot)] as const);
      const zeros = (): Float64Array => new Float64Array(size);
      const [keep, growth, shift, constant] = [zeros(), zeros(), zeros(), zeros()];
      const moments = [zeros(), zeros(), zeros()] as const;
      for (let k = 0; k < size; k++) {
        // L_t − L_s first: the kernel is measured from the end, where it is 1.
        let total = 0;
        for (let c = 1; c < knots.length; c++) total += ((knots[c]! - knots[c - 1]!) * (at[c - 1]![0][k]! + at[c]![0][k]!)) / 2;
        let [L, S, B] = [0, 0, 0];
        for (let c = 1; c < knots.length; c++) {
          const width = knots[c]! - knots[c - 1]!;
          const [l0, s0, b0] = at[c - 1]!.map((table) => table[k]!) as [number, number, number];
          const [l1, s1, b1] = at[c]!.map((table) => table[k]!) as [number, number, number];
          const inside = (a: number, z: number, x: number): number => width * (a * x + ((z - a) * x * x) / 2); // ∫ of a line
          const rates = POINTS.map((x) => Math.exp(-(S + inside(s0, s1, x))) * (b0 + (b1 - b0) * x));
          POINTS.forEach((x, j) => {
            const kernel = WEIGHTS[j]! * width * Math.exp(L + inside(l0, l1, x) - total + S + inside(s0, s1, x));
            const h = knots[c - 1]! + x * width - start;
            moments[0][k]! += kernel;
            moments[1][k]! += kernel * h;
            moments[2][k]! += kernel * h * h;
            constant[k]! += kernel * (B + width * dot(INNER[j]!, rates));
          });
          L += inside(l0, l1, 1);
          S += inside(s0, s1, 1);
          B += width * dot(WEIGHTS, rates);
        }
        keep[k] = Math.exp(-total);
        growth[k] = Math.exp(S);
        shift[k] = B;
      }
      return { keep, growth, shift, moments, constant };
    },
  });
};

// The three-point Gauss rule on [0, 1], and the integrals of its interpolant from 0 to each point.
const ROOT = Math.sqrt(15);
const POINTS = [0.5 - ROOT / 10, 0.5, 0.5 + ROOT / 10];
const WEIGHTS = [5 / 18, 4 / 9, 5 / 18];
const INNER = [
  [5 / 36, 2 / 9 - ROOT / 15, 5 / 36 - ROOT / 30],
  [5 / 36 + ROOT / 24, 2 / 9, 5 / 36 - ROOT / 24],
  [5 / 36 + ROOT / 30, 2 / 9 + ROOT / 15, 5 / 36],
];
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, j) => sum + x * b[j]!, 0);
