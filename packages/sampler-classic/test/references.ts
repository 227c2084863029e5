import type { Schedule } from '@tweedie/core';
import { combine, type Denoise64, type Point } from './problems.ts';

/**
 * Every fixed-grid method as its paper writes it: in x_t = α x₀ + σ ε under the schedule's own α, σ and t (ρ only where the paper's
 * coordinate is EDM's), float64, and nothing shared with the plans under test: own coefficients, own quadrature, own linear systems.
 */
export interface Run {
  readonly denoise: Denoise64;
  readonly schedule: Schedule;
  readonly levels: Float64Array;
  /** In y = x/α at levels[0], and so is the answer at the last level. */
  readonly start: Point;
  /** The normal draws of a step: 0 of the update, k + 1 of stage k. */
  readonly z?: (step: number, draw: number) => Point;
}
export type Reference = (run: Run) => number[];

interface At {
  readonly t: number;
  readonly rho: number;
  readonly lambda: number;
  readonly alpha: number;
  readonly sigma: number;
}

/** What an update sees: levels i and i + 1, the model, and the answers so far by the step they are of. */
interface Here {
  readonly i: number;
  readonly count: number;
  readonly x: Point;
  readonly a: At;
  readonly b: At;
  readonly at: readonly At[];
  readonly h: number;
  readonly x0s: readonly Point[];
  readonly epss: readonly Point[];
  readonly level: (lambda: number) => At;
  readonly x0: (x: Point, at: At) => number[];
  readonly eps: (x: Point, at: At) => number[];
  readonly z: (draw: number) => Point;
}

const walk =
  (update: (here: Here) => number[], correct?: (here: Here, before: Here) => number[]): Reference =>
  ({ denoise, schedule, levels, start, z = () => start.map(() => 0) }) => {
    const of = (t: number): At => {
      const [alpha, sigma] = [schedule.alpha(t), schedule.sigma(t)];
      return { t, alpha, sigma, rho: sigma / alpha, lambda: Math.log(alpha / sigma) };
    };
    const x0 = (x: Point, { alpha, sigma }: At): number[] =>
      denoise(
        x.map((v) => v / alpha),
        sigma / alpha,
      );
    const eps = (x: Point, at: At): number[] => combine([1 / at.sigma, x], [-at.alpha / at.sigma, x0(x, at)]);
    const at = Array.from(levels, (rho) => of(schedule.timeOf(rho)));
    const count = at.length - 1;
    const [x0s, epss]: [number[][], number[][]] = [[], []];
    let x: number[] = start.map((v) => at[0]!.alpha * v);
    let before: Here | undefined;
    for (let i = 0; i < count; i++) {
      const [a, b] = [at[i]!, at[i + 1]!];
      x0s.push(x0(x, a));
      epss.push(eps(x, a));
      const level = (lambda: number): At => of(schedule.timeOf(Math.exp(-lambda)));
      const here = { i, count, a, b, at, h: b.lambda - a.lambda, x0s, epss, level, x0, eps, z: (draw: number) => z(i, draw) };
      if (correct !== undefined && before !== undefined) x = correct({ ...here, x }, before);
      before = { ...here, x };
      x = update(before);
    }
    return x.map((v) => v / at[count]!.alpha);
  };

/** σ²_{t|s} = σ_t² − (α_t/α_s)² σ_s². */
const between = (t: At, s: At): number => t.sigma ** 2 - (t.alpha / s.alpha) ** 2 * s.sigma ** 2;

export const ancestral = (variance: 'small' | 'large'): Reference =>
  walk(({ i, count, x, a, b, x0s, z }) => {
    const step = between(a, b);
    const v = variance === 'large' ? step : (step * b.sigma ** 2) / a.sigma ** 2;
    return combine(
      [((a.alpha / b.alpha) * b.sigma ** 2) / a.sigma ** 2, x],
      [(b.alpha * step) / a.sigma ** 2, x0s[i]!],
      [i === count - 1 ? 0 : Math.sqrt(v), z(0)],
    );
  });

export const ddim = (eta: number): Reference =>
  walk(({ i, a, b, x0s, epss, z }) => {
    const v = (eta ** 2 * between(a, b) * b.sigma ** 2) / a.sigma ** 2;
    return combine([b.alpha, x0s[i]!], [Math.sqrt(b.sigma ** 2 - v), epss[i]!], [Math.sqrt(v), z(0)]);
  });

/** k-diffusion's rule, in whose coordinate σ is ρ and x is x/α. */
const updown = (from: number, to: number, eta: number): readonly [up: number, down: number] => {
  const up = Math.min(to, eta * Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2));
  return [up, Math.sqrt(to ** 2 - up ** 2)];
};

export const eulerAncestral = (eta: number): Reference =>
  walk(({ i, x, a, b, epss, z }) => {
    const [up, down] = updown(a.rho, b.rho, eta);
    return combine([b.alpha / a.alpha, x], [b.alpha * (down - a.rho), epss[i]!], [b.alpha * up, z(0)]);
  });

/** EDM's algorithm 1 without the closing step. */
export const heun: Reference = walk(({ i, x, a, b, epss, eps }) => {
  const guess = combine([b.alpha / a.alpha, x], [b.alpha * (b.rho - a.rho), epss[i]!]);
  const both = combine([0.5, epss[i]!], [0.5, eps(guess, b)]);
  return combine([b.alpha / a.alpha, x], [b.alpha * (b.rho - a.rho), both]);
});

export const dpmSolver2s: Reference = walk(({ i, x, a, b, h, epss, eps, level }) => {
  const r = 0.5;
  const m = level(a.lambda + r * h);
  const u = combine([m.alpha / a.alpha, x], [-m.sigma * Math.expm1(r * h), epss[i]!]);
  const slope = combine([1 - 1 / (2 * r), epss[i]!], [1 / (2 * r), eps(u, m)]);
  return combine([b.alpha / a.alpha, x], [-b.sigma * Math.expm1(h), slope]);
});

export const dpmSolver3s: Reference = walk(({ i, x, a, b, h, epss, eps, level }) => {
  const [r1, r2] = [1 / 3, 2 / 3];
  const [m1, m2] = [level(a.lambda + r1 * h), level(a.lambda + r2 * h)];
  const e = epss[i]!;
  const u1 = combine([m1.alpha / a.alpha, x], [-m1.sigma * Math.expm1(r1 * h), e]);
  const d1 = combine([1, eps(u1, m1)], [-1, e]);
  const bend = m2.sigma * (r2 / r1) * (Math.expm1(r2 * h) / (r2 * h) - 1);
  const u2 = combine([m2.alpha / a.alpha, x], [-m2.sigma * Math.expm1(r2 * h), e], [-bend, d1]);
  const d2 = combine([1, eps(u2, m2)], [-1, e]);
  return combine([b.alpha / a.alpha, x], [-b.sigma * Math.expm1(h), e], [-(b.sigma / r2) * (Math.expm1(h) / h - 1), d2]);
});

export const dpmpp2s: Reference = walk(({ i, x, a, b, h, x0s, x0, level }) => {
  const m = level(a.lambda + h / 2);
  const u = combine([m.sigma / a.sigma, x], [-m.alpha * Math.expm1(-h / 2), x0s[i]!]);
  return combine([b.sigma / a.sigma, x], [-b.alpha * Math.expm1(-h), x0(u, m)]);
});

/** DPM-Solver++ of the order that there is history for; `curvature` 1 as published, 2 for the whole second derivative. */
export const dpmpp = (order: 1 | 2 | 3, curvature: 1 | 2 = 1, lowerFinal = false): Reference =>
  walk(({ i, count, x, a, b, h, at, x0s }) => {
    const own = Math.min(order, i + 1, lowerFinal ? count - i : order);
    const fall = Math.expm1(-h);
    const base = combine([b.sigma / a.sigma, x], [-b.alpha * fall, x0s[i]!]);
    if (own === 1) return base;
    const r0 = (a.lambda - at[i - 1]!.lambda) / h;
    const d0 = combine([1 / r0, x0s[i]!], [-1 / r0, x0s[i - 1]!]);
    if (own === 2) return combine([1, base], [-0.5 * b.alpha * fall, d0]);
    const r1 = (at[i - 1]!.lambda - at[i - 2]!.lambda) / h;
    const d1 = combine([1 / r1, x0s[i - 1]!], [-1 / r1, x0s[i - 2]!]);
    const D1 = combine([1 + r0 / (r0 + r1), d0], [-r0 / (r0 + r1), d1]);
    const D2 = combine([curvature / (r0 + r1), d0], [-curvature / (r0 + r1), d1]);
    const p2 = fall / h + 1;
    return combine([1, base], [b.alpha * p2, D1], [-b.alpha * (p2 / h - 0.5), D2]);
  });

export const dpmpp2mSde = (eta: number): Reference =>
  walk(({ i, x, a, b, h, at, x0s, z }) => {
    const gain = b.alpha * (1 - Math.exp(-(1 + eta) * h));
    const drift = combine([(b.sigma / a.sigma) * Math.exp(-eta * h), x], [gain, x0s[i]!]);
    const sd = b.sigma * Math.sqrt(1 - Math.exp(-2 * eta * h));
    if (i === 0) return combine([1, drift], [sd, z(0)]);
    const r = (a.lambda - at[i - 1]!.lambda) / h;
    return combine([1, drift], [(0.5 * gain) / r, x0s[i]!], [(-0.5 * gain) / r, x0s[i - 1]!], [sd, z(0)]);
  });

export const dpmpp2sSde = (eta: number): Reference =>
  walk(({ i, x, a, b, h, x0s, x0, level, z }) => {
    const m = level(a.lambda + h / 2);
    const towards = (to: At, answer: Point, draw: number): number[] => {
      const [up, down] = updown(a.rho, to.rho, eta);
      const own = Math.log(a.rho / down); // λ(σ_down) − λ
      return combine([(to.alpha * Math.exp(-own)) / a.alpha, x], [-to.alpha * Math.expm1(-own), answer], [to.alpha * up, z(draw)]);
    };
    return towards(b, x0(towards(m, x0s[i]!, 1), m), 0);
  });

/** Romberg's rule on [a, b]. */
export const romberg = (f: (s: number) => number, a: number, b: number, rows = 20): number => {
  let last: number[] = [((f(a) + f(b)) * (b - a)) / 2];
  for (let n = 1; n < rows; n++) {
    const w = (b - a) / 2 ** n;
    let middle = 0;
    for (let k = 0; k < 2 ** (n - 1); k++) middle += f(a + (2 * k + 1) * w);
    const row = [last[0]! / 2 + middle * w];
    for (let k = 1; k <= n; k++) row.push(row[k - 1]! + (row[k - 1]! - last[k - 1]!) / (4 ** k - 1));
    if (n > 3 && Math.abs(row[n]! - last[n - 1]!) <= 1e-14 * Math.abs(row[n]!)) return row[n]!;
    last = row;
  }
  return last.at(-1)!;
};

/** Coefficients, by rising power, of Lagrange's polynomial j of the nodes. */
export const lagrange = (nodes: Point, j: number): number[] =>
  nodes.reduce<number[]>(
    (poly, node, k) =>
      k === j
        ? poly
        : [...poly, 0].map((_, m) => ((m === 0 ? 0 : poly[m - 1]!) - node * (poly[m] ?? 0)) / (nodes[j]! - node)),
    [1],
  ); // prettier-ignore

export interface UniPc {
  readonly order: 1 | 2 | 3;
  readonly variant: 'bh1' | 'bh2';
  readonly data: boolean;
  /** The published ½. */
  readonly shortcuts: boolean;
  readonly corrector?: boolean;
  readonly lowerFinal?: boolean;
}

/** q! φ̃_{q+1}(hh) = hh ∫₀¹ e^{(1−s) hh} s^q ds. */
const moment = (q: number, hh: number): number => hh * romberg((s) => Math.exp((1 - s) * hh) * s ** q, 0, 1);

export const unipc = ({ order, variant, data, shortcuts, corrector = true, lowerFinal = false }: UniPc): Reference => {
  /** x̄ and −sc B Σ ρ_j D_j of a step; with m' the corrector. */
  const step = ({ i, count, x, a, b, h, at, x0s, epss }: Here, mt?: Point): number[] => {
    const k = Math.min(order, i + 1, lowerFinal ? count - i : order);
    const m = data ? x0s : epss;
    const hh = data ? -h : h;
    const B = variant === 'bh1' ? hh : Math.expm1(hh);
    const sc = data ? b.alpha : b.sigma;
    const base = combine([data ? b.sigma / a.sigma : b.alpha / a.alpha, x], [-sc * Math.expm1(hh), m[i]!]);
    const r = [...Array.from({ length: k - 1 }, (_, j) => (at[i - 1 - j]!.lambda - a.lambda) / h), 1];
    const D = r.map((rj, j) => combine([1 / rj, j === k - 1 ? (mt ?? m[i]!) : m[i - 1 - j]!], [-1 / rj, m[i]!]));
    const size = mt === undefined ? k - 1 : k;
    // Σ_j r_j^{q−1} ρ_j = b_q is a transposed Vandermonde system: ρ_j = Σ_q [r^{q−1}] l_j(r) b_q.
    const used = r.slice(0, size);
    const half = shortcuts && ((mt === undefined && k === 2) || (mt !== undefined && k === 1));
    const weights = used.map((_, j) => (half ? 0.5 : lagrange(used, j).reduce((sum, c, q) => sum + (c * moment(q + 1, hh)) / B, 0)));
    return combine([1, base], ...weights.map((w, j) => [-sc * B * w, D[j]!] as const));
  };
  return walk(step, corrector ? (here, before) => step(before, (data ? here.x0s : here.epss)[here.i]!) : undefined);
};

/** Σ_j C_j ε_{i−j} with the coefficients of a rule for them. */
const adamsBashforth = (degree: number, coefficient: (here: Here, nodes: readonly At[], j: number) => number): Reference =>
  walk((here) => {
    const { i, x, a, b, at, epss } = here;
    const nodes = Array.from({ length: Math.min(degree, i) + 1 }, (_, j) => at[i - j]!);
    return combine([b.alpha / a.alpha, x], ...nodes.map((_, j) => [coefficient(here, nodes, j), epss[i - j]!] as const));
  });

const lagrangeAt = (nodes: Point, j: number, u: number): number =>
  nodes.reduce((product, node, k) => (k === j ? product : (product * (u - node)) / (nodes[j]! - node)), 1);

/** DEIS (2204.13902), eq. 15: C_ij = ∫ ½ Ψ(t', τ) g²(τ)/σ(τ) l_j(τ) dτ, in s = √τ, in which the integrand is smooth. */
export const tAb =
  (degree: number): Reference =>
  (run) =>
    adamsBashforth(degree, ({ a, b }, nodes, j) => {
      const { schedule } = run;
      const times = nodes.map(({ t }) => t);
      return romberg(
        (s) => {
          const tau = s * s;
          const kernel = (0.5 * (b.alpha / schedule.alpha(tau)) * schedule.diffusion2(tau)) / schedule.sigma(tau);
          return kernel * lagrangeAt(times, j, tau) * 2 * s;
        },
        Math.sqrt(a.t),
        Math.sqrt(b.t),
      );
    })(run);

/** Polynomials in ρ, integrated term by term in s = (ρ − ρ_i)/Δρ. */
export const rhoAb = (degree: number): Reference =>
  adamsBashforth(degree, ({ a, b }, nodes, j) => {
    const width = b.rho - a.rho;
    const s = nodes.map(({ rho }) => (rho - a.rho) / width);
    return b.alpha * width * lagrange(s, j).reduce((sum, c, m) => sum + c / (m + 1), 0);
  });

/** The closed forms for log ρ, degrees 0 to 2. */
export const logRhoAb = (degree: 0 | 1 | 2): Reference =>
  adamsBashforth(degree, ({ a, b }, nodes, j) => {
    const own = Math.log(nodes[j]!.rho);
    const [c, d] = nodes.filter((_, k) => k !== j).map(({ rho }) => Math.log(rho));
    const primitive = (r: number): number => {
      const ln = Math.log(r);
      if (c === undefined) return r;
      if (d === undefined) return (r * (ln - c - 1)) / (own - c);
      return (r * (c * (d - ln + 1) - d * ln + d + ln ** 2 - 2 * ln + 2)) / ((own - c) * (own - d));
    };
    return b.alpha * (primitive(b.rho) - primitive(a.rho));
  });

/** Explicit Runge–Kutta on dy/dρ = ε̂: Heun, Kutta's third and fourth order rules. */
export const rhoRk = (order: 2 | 3 | 4): Reference =>
  walk(({ x, a, b, level, eps }) => {
    const w = b.rho - a.rho;
    const y = x.map((v) => v / a.alpha);
    const slope = (at: number, state: Point): number[] => {
      const own = at === a.rho ? a : at === b.rho ? b : level(-Math.log(at));
      return eps(
        state.map((v) => own.alpha * v),
        own,
      );
    };
    const from = (...terms: readonly (readonly [number, Point])[]): number[] =>
      combine([1, y], ...terms.map(([c, k]) => [c * w, k] as const));
    const middle = a.rho + w / 2;
    const k1 = slope(a.rho, y);
    if (order === 2) return from([1 / 2, k1], [1 / 2, slope(b.rho, from([1, k1]))]).map((v) => b.alpha * v);
    const k2 = slope(middle, from([1 / 2, k1]));
    if (order === 3) return from([1 / 6, k1], [4 / 6, k2], [1 / 6, slope(b.rho, from([-1, k1], [2, k2]))]).map((v) => b.alpha * v);
    const k3 = slope(middle, from([1 / 2, k2]));
    return from([1 / 6, k1], [2 / 6, k2], [2 / 6, k3], [1 / 6, slope(b.rho, from([1, k3]))]).map((v) => b.alpha * v);
  });

export const ipndm = (terms: 1 | 2 | 3 | 4): Reference =>
  walk(({ i, x, a, b, epss }) => {
    const c = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]][Math.min(terms, i + 1) - 1]!;
    const e = combine(...c.map((w, j) => [w, epss[i - j]!] as const));
    return combine([b.alpha / a.alpha, x], [b.alpha * (b.rho - a.rho), e]);
  });
