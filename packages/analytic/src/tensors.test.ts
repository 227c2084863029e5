import { grad, memory, mul, sum, tensor, tensor2d, type Tensor, type Rank, type Tensor2D, zeros } from '@tensorflow/tfjs-core';
import { createNoise, edm, vpLinear, type Head } from '@tweedie/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { empirical, G2, G5, gaussian, M3, P256, posterior, posteriorMean, RING8, TWO_POINTS, type Distribution } from './index.ts';

let before = 0;
beforeEach(() => {
  before = memory().numTensors;
});
afterEach(() => {
  expect(memory().numTensors).toBe(before);
});

const cloud = createNoise(4).hostNormal([700, 3], { stream: 1 });
const lowRank = gaussian({ mean: [1, 0, -1], eigen: { values: [4], vectors: [0.6, 0.8, 0], floor: 0.1 } });
const all: Record<string, Distribution> = {
  G2,
  G5,
  P256,
  M3,
  RING8,
  TWO_POINTS,
  lowRank,
  isotropic: gaussian({ mean: [1, 2], isotropic: 0.3 }),
  points: empirical(cloud, { dims: 3, chunk: 128 }),
};
const rowsAt = (p: Distribution, rho: number, n: number): Float64Array => {
  const [x, z] = [p.sample(createNoise(6), n), createNoise(7).hostNormal([n, p.dims], { stream: 3 })];
  return Float64Array.from(x, (v, i) => Math.fround(v + rho * z[i]!));
};
const read = async (t: Tensor): Promise<Float32Array> => {
  const values = (await t.data()) as Float32Array;
  t.dispose();
  return values;
};
const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

describe.each(Object.entries(all))('%s as tensors', (name, p) => {
  it.each([0.02, 0.3, 2, 80])('equals the host to 1e-5 at ρ = %d', async (rho) => {
    const y = rowsAt(p, rho, 6);
    const t = tensor2d(Float32Array.from(y), [6, p.dims]);
    const scale = Math.max(1, ...y.map(Math.abs));
    // A set of points knows its logits to ‖x‖² 6e-8/ρ² only.
    const tolerance = 1e-5 * scale + (p.kind === 'empirical' ? (40 * 6e-8) / rho ** 2 : 0);
    expect(far(await read(p.denoiser(t, rho)), p.denoise(y, rho))).toBeLessThan(tolerance);
    t.dispose();
  });

  it('takes a level a row, and the shape of an image', async () => {
    const rho = Float64Array.of(0.1, 1, 5, 0.4);
    const y = rowsAt(p, 1, 4);
    const t = tensor(Float32Array.from(y), [4, 1, p.dims, 1]);
    const out = p.denoiser(t, rho);
    expect(out.shape).toEqual([4, 1, p.dims, 1]);
    expect(far(await read(out), p.denoise(y, rho))).toBeLessThan(
      2e-5 * Math.max(1, ...y.map(Math.abs)) + (p.kind === 'empirical' ? 4e-4 : 0),
    );
    t.dispose();
  });

  it('differentiates: ∂ΣD/∂y by finite differences on the host', async () => {
    const rho = 0.7;
    const y = rowsAt(p, rho, 2);
    const t = tensor2d(Float32Array.from(y), [2, p.dims]);
    const gradient = await read(grad((v: Tensor) => sum(mul(p.denoiser(v, rho), 1)))(t));
    const total = (at: Float64Array): number => p.denoise(at, rho).reduce((a, b) => a + b, 0);
    for (const i of [0, p.dims - 1, 2 * p.dims - 1]) {
      const [up, down] = [1e-5, -1e-5].map((h) => total(y.map((v, j) => v + (i === j ? h : 0))));
      expect(gradient[i]).toBeCloseTo((up! - down!) / 2e-5, 3);
    }
    t.dispose();
  });

  it.each(['x0', 'eps', 'score', 'v'] as const)('head %s under VP says what the host says', async (head: Head) => {
    const schedule = vpLinear();
    const t = 0.35;
    const [alpha, sigma, rho] = [schedule.alpha(t), schedule.sigma(t), schedule.rho(t)];
    const y = rowsAt(p, rho, 3);
    const x0 = p.denoise(y, rho);
    const eps = y.map((v, i) => (v - x0[i]!) / rho);
    const expected = {
      x0,
      eps,
      score: p.scoreAt(
        schedule,
        y.map((v) => alpha * v),
        t,
      ),
      v: eps.map((e, i) => alpha * e - sigma * x0[i]!),
    }[head];
    const input = tensor2d(Float32Array.from(y), [3, p.dims]);
    const model = p.model(schedule, { head });
    for (const levels of [rho, new Float64Array(3).fill(rho)])
      expect(far(await read(model.raw(input, levels)), expected)).toBeLessThan(5e-5);
    expect([model.head, model.shape, model.classes]).toEqual([head, [p.dims], p.classes]);
    input.dispose();
    expect(name).not.toBe('');
  });
});

describe('labels', () => {
  const labelled = empirical(cloud, { dims: 3, chunk: 64, labels: Array.from({ length: 700 }, (_, i) => i % 3) });
  it.each([
    ['ring', RING8, 8],
    ['points', labelled, 3],
  ] as const)('%s: each row has its class, a zero row is unconditional', async (_, p, classes) => {
    const y = rowsAt(p, 0.6, 3);
    const t = tensor2d(Float32Array.from(y), [3, p.dims]);
    const hot = new Float32Array(3 * classes);
    hot[2] = 1;
    hot[classes] = 1;
    const label = tensor2d(hot, [3, classes]);
    const got = await read(p.denoiser(t, 0.6, label));
    const row = (i: number): Float64Array => y.slice(i * p.dims, (i + 1) * p.dims);
    const expected = [...p.denoise(row(0), 0.6, 2), ...p.denoise(row(1), 0.6, 0), ...p.denoise(row(2), 0.6)];
    expect(far(got, expected)).toBeLessThan(2e-5);
    t.dispose();
    label.dispose();
  });
  it('at a level where the classes are far apart, the class still decides', async () => {
    const t = tensor2d([[2, 0.01]]);
    const label = tensor2d([[0, 0, 0, 0, 1, 0, 0, 0]]);
    expect(far(await read(RING8.denoiser(t, 0.002, label)), RING8.denoise([2, 0.01], 0.002, 4))).toBeLessThan(2e-3);
    t.dispose();
    label.dispose();
  });
  it('are refused where there are none', () => {
    const [t, label] = [zeros([1, 3]), zeros<Rank.R2>([1, 3])];
    for (const p of [M3, lowRank, empirical(cloud, { dims: 3 })]) expect(() => p.denoiser(t, 1, label)).toThrow(/class/);
    t.dispose();
    label.dispose();
  });
});

describe('posteriorMean', () => {
  it('knows of how many points it is made: (Σw)²/Σw² against the host, chunk by chunk alike', async () => {
    const p = empirical(cloud, { dims: 3 });
    const points = tensor2d(Float32Array.from(cloud), [700, 3]);
    const y = Float64Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const t = tensor2d(Float32Array.from(y), [4, 3]);
    for (const rho of [0.05, 0.6, 5]) {
      const expected = Array.from(
        { length: 4 },
        (_, row) => 1 / p.posterior(y.slice(3 * row, 3 * row + 3), rho).weights!.reduce((s, w) => s + w * w, 0),
      );
      for (const chunk of [4096, 64]) {
        const { mean, ess } = posterior(t, rho, points, { chunk });
        const got = await read(ess);
        mean.dispose();
        expected.forEach((value, row) => expect(Math.abs(got[row]! / value - 1)).toBeLessThan(2e-4));
      }
    }
    [t, points].forEach((used) => used.dispose());
  });

  it('does not depend on the chunk, and holds B × chunk numbers at most', async () => {
    const [b, n, d] = [8, 500, 64];
    const [y, x] = [createNoise(1).normal([b, d], { stream: 1 }), createNoise(2).normal([n, d], { stream: 1 })] as [Tensor2D, Tensor2D];
    const whole = await read(posteriorMean(y, 2, x));
    for (const chunk of [7, 100, 499]) expect(far(await read(posteriorMean(y, 2, x, { chunk })), whole)).toBeLessThan(2e-6);
    y.dispose();
    x.dispose();
  });
  it('is the mean of all at ρ → ∞ and the nearest at ρ → 0, without overflow', async () => {
    const x = tensor2d([
      [0, 0],
      [1, 0],
      [0, 4],
    ]);
    const y = tensor2d([
      [0.9, 0.2],
      [0, 3],
    ]);
    expect(far(await read(posteriorMean(y, 1e6, x)), [1 / 3, 4 / 3, 1 / 3, 4 / 3])).toBeLessThan(1e-5);
    expect(far(await read(posteriorMean(y, Float64Array.of(1e-4, 0), x)), [1, 0, 0, 4])).toBe(0);
    x.dispose();
    y.dispose();
  });
});

describe('bad tensors', () => {
  it('are refused, and nothing leaks', () => {
    const t = zeros([2, 4]);
    for (const p of Object.values(all)) expect(() => p.denoiser(t, 1)).toThrow(/fit/);
    expect(edm().id).toContain('edm');
    t.dispose();
  });
});
