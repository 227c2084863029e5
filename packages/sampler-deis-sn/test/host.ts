import type { Plan, Schedule, StatisticsFile } from '@tweedie/core';

/** ε̂ of one coordinate at (y, ρ). */
export type Eps = (y: number, rho: number) => number;

/** A plan carried out in float64, one coordinate. */
export const hostRun = ({ steps, levels }: Plan, eps: Eps, start = 1): number => {
  let [y, history] = [start, [] as number[]];
  steps.forEach((step, i) => {
    history = [eps(y, levels[i]!), ...history];
    y = (step['keep'] as number) * y + (step['model'] as number[]).reduce((sum, c, j) => sum + c * history[j]!, 0);
  });
  return y;
};

/** Gaussian data of this variance: ε̂ is linear, and so is the flow. */
export const linear =
  (variance: number): Eps =>
  (y, rho) =>
    (y * rho) / (variance + rho * rho);
export const linearFlow = (variance: number, from: number, to: number): number =>
  Math.sqrt((variance + to * to) / (variance + from * from));

/**
 * DEIS-SN as it is written, in x and t: the history holds ε̂/r, and x' = Ψ x + Σ_j (∫ ½ Ψ(t', τ) g²(τ)/K(τ) l_j(τ) dτ) (ε̂/r)_{−j} with
 * K = σ/r. Simpson's rule in √τ. From y to y.
 */
export const inX = (
  schedule: Schedule,
  levels: Float64Array,
  r: (rho: number) => number,
  degree: number,
  eps: Eps,
  start: number,
): number => {
  const t = [...levels].map((rho) => schedule.timeOf(rho));
  let x = start * schedule.alpha(t[0]!);
  let history: number[] = [];
  for (let i = 0; i + 1 < t.length; i++) {
    const rho = levels[i]!;
    history = [eps(x / schedule.alpha(t[i]!), rho) / r(rho), ...history].slice(0, degree + 1);
    const next = t[i + 1]!;
    const terms = history.map((own, j) =>
      simpson(Math.sqrt(t[i]!), Math.sqrt(next), (root) => {
        const tau = root * root;
        const K = schedule.sigma(tau) / r(schedule.rho(tau));
        const basis = history.reduce((product, _, k) => (k === j ? product : (product * (tau - t[i - k]!)) / (t[i - j]! - t[i - k]!)), 1);
        return own * 0.5 * (schedule.alpha(next) / schedule.alpha(tau)) * (schedule.diffusion2(tau) / K) * basis * 2 * root;
      }),
    );
    x = (schedule.alpha(next) / schedule.alpha(t[i]!)) * x + terms.reduce((a, b) => a + b);
  }
  return x / schedule.alpha(t.at(-1)!);
};

const simpson = (a: number, b: number, f: (s: number) => number, n = 2000): number => {
  const h = (b - a) / n;
  let total = f(a) + f(b);
  for (let k = 1; k < n; k++) total += (k % 2 === 1 ? 4 : 2) * f(a + k * h);
  return (total * h) / 3;
};

/** A profile as a file, from ρ and r, least noise first. */
export const fileOf = (rho: readonly number[], r: readonly number[], header: StatisticsFile['header'] = {}): StatisticsFile => ({
  subject: 'profile.safetensors',
  header: { kind: 'deis-profile', ...header },
  tensors: {
    lambda: { shape: [rho.length], data: Float64Array.from(rho, (x) => -Math.log(x)) },
    r: { shape: [r.length], data: Float64Array.from(r) },
  },
});

/** The CIFAR-10 profile that was released, as much of its 1000 entries as is printed: [index, r]. */
export const CIFAR: readonly (readonly [number, number])[] = [
  [0, 0.5462],
  [1, 0.5865],
  [2, 0.6079],
  [3, 0.6245],
  [4, 0.6368],
  [5, 0.6471],
  [8, 0.6699],
  [10, 0.6809],
  [20, 0.7145],
  [50, 0.7513],
  [100, 0.7721],
  [200, 0.7867],
  [300, 0.7923],
  [500, 0.797],
  [700, 0.7988],
  [999, 0.7981],
];
