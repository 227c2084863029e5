import { createNoise } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { empirical, FISHER, gaussian, M1, M3, mixture, RING8, TWO_POINTS, type Distribution } from './index.ts';

const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);
const points = (d: number, n: number, scale: number): Float64Array =>
  createNoise(11)
    .hostNormal([n, d], { stream: 2 })
    .map((v) => v * scale);

describe('the formulas of a mixture', () => {
  it.each([
    ['M3', M3],
    ['RING8', RING8],
    ['M1', M1],
  ] as const)('%s: score = ∇log p by finite differences, = (D − y)/ρ²', (_, m) => {
    const y = points(m.dims, 3, 1.2);
    for (const rho of [0.15, 0.8, 10]) {
      const [s, d] = [m.score(y, rho), m.denoise(y, rho)];
      expect(
        far(
          s,
          d.map((v, i) => (v - y[i]!) / rho ** 2),
        ),
      ).toBeLessThan(1e-10 / rho ** 2);
      y.forEach((_v, i) => {
        const h = 1e-5;
        const row = Math.floor(i / m.dims);
        const [up, down] = [h, -h].map(
          (step) =>
            m.logDensity(
              y.map((v, j) => v + (i === j ? step : 0)),
              rho,
            )[row]!,
        );
        expect(Math.abs((up! - down!) / (2 * h) - s[i]!)).toBeLessThan(1e-6 * (1 + Math.abs(s[i]!)));
      });
    }
  });

  it('the posterior covariance is ρ² ∂D/∂y', () => {
    const [rho, y] = [0.5, points(3, 1, 1)];
    const c = M3.posterior(y, rho).covariance();
    for (let j = 0; j < 3; j++) {
      const [up, down] = [1e-5, -1e-5].map((h) =>
        M3.denoise(
          y.map((v, i) => v + (i === j ? h : 0)),
          rho,
        ),
      );
      for (let i = 0; i < 3; i++) expect((rho ** 2 * (up![i]! - down![i]!)) / 2e-5).toBeCloseTo(c[i * 3 + j]!, 8);
    }
    expect(M3.posterior(y, rho).weights!.reduce((a, b) => a + b)).toBeCloseTo(1, 14);
  });

  it('the density integrates to one', () => {
    let total = 0;
    for (let u = -8; u <= 8; u += 0.01) total += 0.01 * Math.exp(M1.logDensity([u], 0.3)[0]!);
    expect(total).toBeCloseTo(1, 10);
  });

  it('one component is the Gaussian', () => {
    const g = gaussian({ mean: [1, 2], covariance: [1, 0.3, 0.3, 0.5] });
    const m = mixture({ weights: [3], components: [g] });
    const y = points(2, 3, 2);
    expect(far(m.denoise(y, 0.7), g.denoise(y, 0.7))).toBeLessThan(1e-14);
    expect(far(m.logDensity(y, 0.7), g.logDensity(y, 0.7))).toBeLessThan(1e-14);
    expect(far(m.flow(y, 5, 0.01), g.flow(y, 5, 0.01))).toBeLessThan(1e-9);
    expect(far(m.flow(y, 5, 0), g.flow(y, 5, 0))).toBeLessThan(1e-9);
  });

  it('a label restricts to its class', () => {
    const two = mixture({
      weights: [0.2, 0.3, 0.5],
      components: [
        { mean: [-1], isotropic: 0.1 },
        { mean: [0], isotropic: 0.2 },
        { mean: [2], isotropic: 0.1 },
      ],
      classOf: [0, 1, 1],
    });
    const own = mixture({
      weights: [0.3, 0.5],
      components: [
        { mean: [0], isotropic: 0.2 },
        { mean: [2], isotropic: 0.1 },
      ],
    });
    expect(far(two.denoise([0.7], 1, 1), own.denoise([0.7], 1))).toBeLessThan(1e-15);
    expect(far(two.logDensity([0.7], 1, 1), own.logDensity([0.7], 1))).toBeLessThan(1e-15);
    expect(far(RING8.denoise([0.3, 0.1], 0.5, 2), gaussian({ mean: [0, 2], isotropic: 0.0025 }).denoise([0.3, 0.1], 0.5))).toBeLessThan(
      1e-14,
    );
  });
});

describe('the numerical flow', () => {
  it('golden trajectories of the 1-D mixture, 80 → .002', () => {
    expect(far(M1.flow([40, -25, 3], 80, 0.002), [0.5444605206, 0.1322564505, 0.3484495381])).toBeLessThan(2e-10);
  });
  it('goes back where it came from', () => {
    const y = points(3, 2, 30);
    expect(far(M3.flow(M3.flow(y, 40, 0.05), 0.05, 40), y)).toBeLessThan(1e-8);
  });
  it('refuses ρ = 0 where there is no density', () => expect(() => TWO_POINTS.flow([0.3], 1, 0)).toThrow(/density/));
});

describe('a set of points is a mixture of deltas', () => {
  const x = points(2, 6, 1);
  const e = empirical(x, { dims: 2, labels: [0, 1, 0, 1, 0, 1] });
  const deltas = mixture({
    weights: new Array<number>(6).fill(1),
    components: Array.from({ length: 6 }, (_, k) => ({ mean: [x[2 * k]!, x[2 * k + 1]!], isotropic: 0 })),
    classOf: [0, 1, 0, 1, 0, 1],
  });
  it.each([undefined, 0, 1])('denoiser, score, density, posterior (label %s)', (label) => {
    const y = points(2, 3, 1.5);
    for (const rho of [0.05, 0.4, 3]) {
      expect(far(e.denoise(y, rho, label), deltas.denoise(y, rho, label))).toBeLessThan(1e-12);
      expect(far(e.score(y, rho, label), deltas.score(y, rho, label))).toBeLessThan(1e-9);
      expect(far(e.logDensity(y, rho, label), deltas.logDensity(y, rho, label))).toBeLessThan(1e-10);
      const one = y.slice(0, 2);
      expect(far(e.posterior(one, rho, label).covariance(), deltas.posterior(one, rho, label).covariance())).toBeLessThan(1e-12);
    }
  });
  it('at ρ → 0 the nearest point', () => {
    const near = [x[4]! + 0.01, x[5]!];
    expect(far(e.denoise(near, 0), [x[4]!, x[5]!])).toBe(0);
    expect(far(e.denoise(near, 1e-9), [x[4]!, x[5]!])).toBe(0);
  });
  it('samples are its points, row by row', () => {
    const noise = createNoise(1);
    const many = e.sample(noise, 600);
    const keys = new Set(Array.from({ length: 6 }, (_, k) => `${x[2 * k]},${x[2 * k + 1]}`));
    const counts = new Map<string, number>();
    for (let i = 0; i < 600; i++)
      counts.set(`${many[2 * i]},${many[2 * i + 1]}`, (counts.get(`${many[2 * i]},${many[2 * i + 1]}`) ?? 0) + 1);
    expect([...counts.keys()].every((k) => keys.has(k))).toBe(true);
    counts.forEach((c) => expect(Math.abs(c - 100)).toBeLessThan(4 * Math.sqrt(600 * (1 / 6) * (5 / 6))));
    expect(far(e.sample(noise.rows(40), 2), many.slice(80, 84))).toBe(0);
  });
});

describe('Fisher information by quadrature', () => {
  /** Trapezoid on one quadrant of a grid of step h (the problems are even), which must resolve the score's poles at distance ∝ width² from the real axis. */
  const information = (p: Distribution, rho: number, radius: number, h: number): number => {
    const m = Math.ceil(radius / h);
    let [total, mass] = [0, 0];
    for (let i = 0; i <= m; i++)
      for (let j = 0; j <= (p.dims === 1 ? 0 : m); j++) {
        const y = p.dims === 1 ? [i * h] : [i * h, j * h];
        const cell = h ** p.dims * (i === 0 ? 1 : 2) * (j === 0 ? 1 : 2);
        const density = Math.exp(p.logDensity(y, rho)[0]!);
        mass += density * cell;
        if (density > 1e-15) total += density * cell * p.score(y, rho).reduce((sum, s) => sum + s * s, 0);
      }
    expect(mass).toBeCloseTo(1, 8);
    return total;
  };
  it.each(FISHER.TWO_POINTS)('two points, ρ = %d: %d', (rho, expected) => {
    expect(Math.abs(information(TWO_POINTS, rho, 1 + 9 * rho, Math.min(rho ** 2 / 4, rho / 3)) - expected)).toBeLessThan(6e-7);
  });
  it.each(FISHER.RING8.filter(([rho]) => rho >= 0.1))('ring of eight, ρ = %d: %d', (rho, expected) => {
    const width = Math.hypot(rho, 0.05);
    expect(
      Math.abs(information(RING8, rho, 2 + 7 * width, Math.min(width / 1.5, Math.max(0.045, width ** 2 / 2))) - expected),
    ).toBeLessThan(6e-7 * Math.max(1, expected));
  });
});

describe('samples of a mixture', () => {
  it('come from its components in their proportions', () => {
    const { points: x, component } = M1.draw(createNoise(2), 10_000);
    const share = component.reduce((sum, k) => sum + (k === 0 ? 1 : 0), 0) / 10_000;
    expect(Math.abs(share - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / 10_000));
    const first = x.filter((_, i) => component[i] === 0);
    const mean = first.reduce((a, b) => a + b) / first.length;
    expect(Math.abs(mean + 1)).toBeLessThan(4 * Math.sqrt(0.04 / first.length));
    expect(far(M1.sample(createNoise(2).rows(7), 3), x.slice(7, 10))).toBe(0);
  });
});

describe('refusals', () => {
  it.each([
    ['weights of another number', () => mixture({ weights: [1], components: [] }), /components|weights/],
    [
      'a negative weight',
      () =>
        mixture({
          weights: [1, -1],
          components: [
            { mean: [0], isotropic: 1 },
            { mean: [0], isotropic: 1 },
          ],
        }),
      /weights/,
    ],
    ['a class without a member', () => mixture({ weights: [1], components: [{ mean: [0], isotropic: 1 }], classOf: [1] }), /member/],
    ['a label where there are none', () => M3.denoise([0, 0, 0], 1, 0), /class/],
    ['an empty set', () => empirical([], { dims: 2 }), /points/],
    ['a point that is NaN', () => empirical([[0], [NaN]]), /finite/],
    ['a density at ρ = 0', () => TWO_POINTS.logDensity([0], 0), /density/],
  ])('%s', (_, act, message) => expect(act).toThrow(message));
});
