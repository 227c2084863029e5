import { createNoise, edm, vpLinear } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { FISHER, G2, G5, gaussian, P256 } from './index.ts';

const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

/** A random orthonormal frame [d, r] by Gram–Schmidt, and a full covariance made of it. */
const frame = (d: number, r: number, seed = 3): Float64Array => {
  const u = createNoise(seed).hostNormal([d, r], { stream: 1 });
  for (let k = 0; k < r; k++) {
    for (let l = 0; l < k; l++) {
      let dot = 0;
      for (let i = 0; i < d; i++) dot += u[i * r + k]! * u[i * r + l]!;
      for (let i = 0; i < d; i++) u[i * r + k]! -= dot * u[i * r + l]!;
    }
    let norm = 0;
    for (let i = 0; i < d; i++) norm += u[i * r + k]! ** 2;
    for (let i = 0; i < d; i++) u[i * r + k]! /= Math.sqrt(norm);
  }
  return u;
};
const full = gaussian({ mean: [1, -2, 0.5, 0, 3, -1], eigen: { values: [5, 2, 1, 0.3, 0.05, 0.01], vectors: frame(6, 6) } });
const lowRank = gaussian({ mean: [1, -2, 0.5, 0, 3, -1], eigen: { values: [5, 2], vectors: frame(6, 2), floor: 0.1 } });
const flat = gaussian({ mean: [1, -2, 0.5, 0, 3, -1], eigen: { values: [5, 2], vectors: frame(6, 2) } });
const iso = gaussian({ mean: [1, -2], isotropic: 0.25 });
const all = { G2, G5, full, lowRank, iso };
const points = (d: number, n = 4, scale = 3): Float64Array =>
  createNoise(9)
    .hostNormal([n, d], { stream: 2 })
    .map((v) => v * scale);

describe('the formulas of a Gaussian', () => {
  it.each(Object.entries(all))('%s: score = (D − y)/ρ², and the gradient of the log-density', (_, g) => {
    const y = points(g.dims);
    for (const rho of [0.05, 0.7, 20]) {
      const [d, s] = [g.denoise(y, rho), g.score(y, rho)];
      expect(
        far(
          s,
          d.map((v, i) => (v - y[i]!) / rho ** 2),
        ),
      ).toBeLessThan(1e-9 / Math.min(1, rho ** 2));
      const one = y.slice(0, g.dims);
      one.forEach((_v, i) => {
        const h = 1e-4;
        const [up, down] = [h, -h].map(
          (step) =>
            g.logDensity(
              one.map((v, j) => v + (i === j ? step : 0)),
              rho,
            )[0]!,
        );
        expect((up! - down!) / (2 * h)).toBeCloseTo(s[i]!, 4);
      });
    }
  });

  it('Tweedie: E[x₀ | x_t] = (x_t + σ²∇log p_t(x_t))/α under VP', () => {
    const schedule = vpLinear();
    const t = 0.4;
    const [alpha, sigma] = [schedule.alpha(t), schedule.sigma(t)];
    const x = points(5);
    const s = full.scoreAt(schedule, points(6), t);
    expect(s.length).toBe(24);
    const direct = G5.scoreAt(schedule, x, t).map((v, i) => (x[i]! + sigma ** 2 * v) / alpha);
    expect(
      far(
        direct,
        G5.denoise(
          x.map((v) => v / alpha),
          sigma / alpha,
        ),
      ),
    ).toBeLessThan(1e-12);
    // −(α²Σ + σ²I)⁻¹(x − αμ), coordinate by coordinate.
    const variances = [4, 1, 0.25, 0.04, 0.01];
    const mean = [0.3, -0.2, 0.1, 0, 0.4];
    expect(
      far(
        G5.scoreAt(schedule, x, t),
        x.map((v, i) => -(v - alpha * mean[i % 5]!) / (alpha ** 2 * variances[i % 5]! + sigma ** 2)),
      ),
    ).toBeLessThan(1e-12);
  });

  it('the posterior of a full covariance: mean and covariance against the 2 × 2 inverse', () => {
    const [rho, y] = [0.6, [0.2, 0.4]];
    const [a, b, c] = [1 + rho ** 2, 0.6, 0.5 + rho ** 2];
    const det = a * c - b * b;
    const [u, v] = [y[0]! - 1, y[1]! + 1];
    const [p, q] = [(c * u - b * v) / det, (-b * u + a * v) / det];
    const got = G2.posterior(y, rho);
    expect(far(got.mean, [1 + p + 0.6 * q, -1 + 0.6 * p + 0.5 * q])).toBeLessThan(1e-14);
    // ρ²(I − ρ²(Σ + ρ²I)⁻¹)
    const expected = [1 - (rho ** 2 * c) / det, (rho ** 2 * b) / det, (rho ** 2 * b) / det, 1 - (rho ** 2 * a) / det].map(
      (value) => rho ** 2 * value,
    );
    expect(far(got.covariance(), expected)).toBeLessThan(1e-14);
    expect(G2.logDensity(y, rho)[0]).toBeCloseTo(-Math.log(2 * Math.PI) - 0.5 * Math.log(det) - 0.5 * (u * p + v * q), 12);
  });

  it('Fisher information: tr (Σ + ρ²I)⁻¹', () => {
    for (const [rho, information] of FISHER.G2) expect(Math.abs(G2.fisherInformation(rho) - information)).toBeLessThan(1.01e-6);
    expect(lowRank.fisherInformation(0.5)).toBeCloseTo(1 / 5.25 + 1 / 2.25 + 4 / 0.35, 12);
  });

  it('the covariance comes back from every form', () => {
    expect(far(G2.covariance(), [1, 0.6, 0.6, 0.5])).toBeLessThan(1e-15);
    expect(far(gaussian({ mean: full.mean, covariance: full.covariance() }).covariance(), full.covariance())).toBeLessThan(1e-13);
    const wide = P256.spectrum.values;
    expect([wide[0], wide[255]]).toEqual([5.0001, 5 / 256 ** 1.5 + 1e-4]);
  });
});

describe('the flow of a Gaussian', () => {
  it.each(Object.entries(all))('%s equals the numerical probability-flow ODE to 1e-10', (_, g) => {
    const y0 = points(g.dims, 2, 5);
    const [from, to, steps] = [8, 0.02, 3000];
    // RK4 in u = log ρ: dy/du = y − D.
    let y = y0;
    const h = Math.log(to / from) / steps;
    const slope = (u: number, v: Float64Array): Float64Array => g.denoise(v, Math.exp(u)).map((d, i) => v[i]! - d);
    for (let n = 0; n < steps; n++) {
      const u = Math.log(from) + n * h;
      const k1 = slope(u, y);
      const k2 = slope(
        u + h / 2,
        y.map((v, i) => v + (h / 2) * k1[i]!),
      );
      const k3 = slope(
        u + h / 2,
        y.map((v, i) => v + (h / 2) * k2[i]!),
      );
      const k4 = slope(
        u + h,
        y.map((v, i) => v + h * k3[i]!),
      );
      y = y.map((v, i) => v + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
    }
    expect(far(g.flow(y0, from, to), y)).toBeLessThan(1e-10);
  });

  it.each(Object.entries(all))('%s: composition, inverse and identity to 1e-13', (_, g) => {
    const y = points(g.dims);
    expect(far(g.flow(g.flow(y, 10, 3), 3, 0.1), g.flow(y, 10, 0.1))).toBeLessThan(1e-13 * 20);
    expect(far(g.flow(g.flow(y, 10, 0.5), 0.5, 10), y)).toBeLessThan(1e-12);
    expect(far(g.flow(y, 2, 2), y)).toBe(0);
    expect([...g.flow(y, 3, 0)].every(Number.isFinite)).toBe(true);
  });

  it('golden numbers: EDM 80 → 20 and 80 → 5, and ψ', () => {
    const g = gaussian({ mean: [0.5, -0.2], diagonal: [4, 0.25] });
    expect(far(g.flow([100, -50], 80, 20), [25.4912570596, -12.6536467844])).toBeLessThan(1e-9);
    expect(far(g.flow([100, -50], 80, 5), [7.1957066474, -3.3279626946])).toBeLessThan(1e-9);
    const psi = gaussian({ mean: [0, 0, 0], diagonal: [100, 1, 0] });
    expect(far(psi.flow([1, 1, 1], 80, 10), [0.1754116, 0.12561363, 0.125])).toBeLessThan(1e-7);
  });

  it('data on a plane: outside it only the noise is scaled', () => {
    const y = points(6, 1);
    const at = flat.flow(y, 4, 1);
    const exact = gaussian({ mean: flat.mean, covariance: flat.covariance() }).flow(y, 4, 1);
    expect(far(at, exact)).toBeLessThan(1e-7); // the covariance form knows its zeros to √rounding
    expect(() => flat.score(y, 0)).toThrow(/no density/);
    expect(() => flat.flow(y, 0, 1)).toThrow(/no way up/);
    expect(far(flat.denoise(y, 0), y)).toBeLessThan(1e-14);
  });
});

describe('samples', () => {
  it('have the mean and covariance, and row i depends on row i alone', () => {
    const noise = createNoise(5);
    const n = 20_000;
    const x = lowRank.sample(noise, n);
    const mean = new Float64Array(6);
    x.forEach((v, i) => (mean[i % 6]! += v / n));
    const sigma = lowRank.covariance();
    mean.forEach((m, i) => expect(Math.abs(m - lowRank.mean[i]!)).toBeLessThan(4 * Math.sqrt(sigma[i * 7]! / n)));
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) {
        let total = 0;
        for (let r = 0; r < n; r++) total += (x[r * 6 + i]! - lowRank.mean[i]!) * (x[r * 6 + j]! - lowRank.mean[j]!);
        const se = Math.sqrt((sigma[i * 7]! * sigma[j * 7]! + sigma[i * 6 + j]! ** 2) / n);
        expect(Math.abs(total / n - sigma[i * 6 + j]!)).toBeLessThan(4.5 * se);
      }
    expect(far(lowRank.sample(noise.rows(17), 1), x.slice(17 * 6, 18 * 6))).toBe(0);
  });
});

describe('refusals', () => {
  it.each([
    ['a covariance that is not symmetric', () => gaussian({ mean: [0, 0], covariance: [1, 0.5, 0.4, 1] }), /symmetric/],
    ['an indefinite covariance', () => gaussian({ mean: [0, 0], covariance: [1, 2, 2, 1] }), /negative/],
    ['a basis that is not orthonormal', () => gaussian({ mean: [0, 0], eigen: { values: [1], vectors: [1, 1] } }), /orthonormal/],
    ['a diagonal of another length', () => gaussian({ mean: [0, 0], diagonal: [1] }), /fit/],
    ['a mean that is no number', () => gaussian({ mean: [NaN], isotropic: 1 }), /finite/],
    ['points of another dimension', () => G2.denoise([1, 2, 3], 1), /fit/],
    ['a negative level', () => G2.denoise([1, 2], -1), /level/],
    ['a label', () => G2.denoise([1, 2], 1, 0), /class/],
    ['one level too many', () => G2.denoise([1, 2], new Float64Array(2)), /levels/],
  ])('%s', (_, act, message) => expect(act).toThrow(message));

  it('says so in one sentence with a subject', () => expect(() => G2.model(edm()).denoise(undefined as never, 1)).toThrow());
});
