import { add, div, matMul, memory, mul, square, tensor2d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Model } from '../contracts/model.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { createNoise } from '../noise/noise.ts';
import { edm } from '../process/edm.ts';
import { scaleRows, mapLevels } from '../process/scale-rows.ts';
import { subVp } from '../process/sub-vp.ts';
import { ve } from '../process/ve.ts';
import { vpLinear } from '../process/vp-linear.ts';
import { bitsPerDim, dequantisationOffset, logLikelihood, type LikelihoodOptions } from './likelihood.ts';

/** Independent coordinates of one variance, mean 0. */
const isotropic =
  (variance: number): Model['denoise'] =>
  (y, rho) =>
    scaleRows(
      y,
      mapLevels(rho, (level) => variance / (variance + level * level)),
    );

/** Coordinates that pull at each other, nonlinearly: x₀ = m/(1 + m²/4), m a mixture of them that shrinks with ρ. */
const tangled: Model['denoise'] = (y, rho) =>
  tidy(() => {
    const mixed = scaleRows(
      matMul(y as Tensor2D, tensor2d([0.6, 0.3, -0.2, 0.5], [2, 2])),
      mapLevels(rho, (level) => 1 / (1 + level * level)),
    );
    return div(mixed, add(square(mul(mixed, 0.5)), 1));
  });

/** Rows with |x_i| = r, whose mean square is that of N(0, r²). */
const corners = (r: number): Tensor2D =>
  tensor2d([
    [r, r],
    [-r, r],
    [r, -r],
  ]);

const run = async (changes: Partial<LikelihoodOptions> & Pick<LikelihoodOptions, 'model'>, x: Tensor = corners(1)) => {
  const before = memory().numTensors;
  const result = await logLikelihood({ ...changes, x0: x });
  expect(memory().numTensors).toBe(before);
  x.dispose();
  return { ...result, bits: bitsPerDim(result.logDensity, 2) };
};

describe('logLikelihood', () => {
  it.each(['rk45', 'heun'] as const)('VP, N(0, I): 2.047096 bits a dimension, and the flow moves nothing; %s', async (method) => {
    const { bits, volume } = await run({ model: { denoise: isotropic(1), schedule: vpLinear() }, method });
    bits.forEach((v) => expect(v).toBeCloseTo(2.047096, 5));
    volume.forEach((v) => expect(Math.abs(v)).toBeLessThan(2e-5));
  });

  // At ρ_min the data have variance v_ε: the mean over them is that at |x_i| = √v_ε.
  it.each([
    ['VP to 1e-5: 1.047098 bits a dimension', vpLinear({ tMin: 1e-5 }), 1.047098],
    ['VP to 1e-3: 1.047333 bits a dimension', vpLinear(), 1.047333],
    ['VE: 1.047384 bits a dimension', { ...ve(), tMin: 0 }, 1.047384],
  ] satisfies [string, Schedule, number][])('N(0, ¼I) under %s', async (_, schedule, bits) => {
    const [alpha, sigma] = [schedule.alpha(schedule.tMin), schedule.sigma(schedule.tMin)];
    const v = 0.25 * alpha ** 2 + sigma ** 2;
    for (const method of ['rk45', 'heun'] as const) {
      const result = await run({ model: { denoise: isotropic(0.25), schedule }, method, rtol: 1e-6, atol: 1e-6 }, corners(Math.sqrt(v)));
      const close = method === 'rk45' ? 3e-6 : 1.5e-4;
      result.bits.forEach((own) => expect(Math.abs(own - bits)).toBeLessThan(close));
      // Δ log p = ½ d log(v_T/v_ε)
      const top = 0.25 * schedule.alpha(schedule.tMax) ** 2 + schedule.sigma(schedule.tMax) ** 2;
      result.volume.forEach((own) => expect(Math.abs(own - Math.log(top / v))).toBeLessThan(1e-4));
    }
  });

  it('is one number under every schedule', async () => {
    const schedules = [edm(), subVp(), vpLinear()];
    for (const schedule of schedules) {
      const low = 0.05;
      const levels = Float64Array.of(schedule.rho(schedule.tMax), low);
      const alpha = schedule.alpha(schedule.timeOf(low));
      const { logDensity } = await run({ model: { denoise: isotropic(0.25), schedule }, levels }, corners(0.3 * alpha));
      const v = 0.25 + low * low;
      const exact = -0.09 / v - Math.log(2 * Math.PI * v) - 2 * Math.log(alpha);
      logDensity.forEach((own) => expect(own).toBeCloseTo(exact, 3));
    }
  });

  it('estimates the trace without bias: 4 standard errors', async () => {
    const [n, at] = [600, [0.7, -0.4]];
    const model = { denoise: tangled, schedule: edm({ sigmaMin: 0.05, sigmaMax: 20 }) };
    const many = (rows: number): Tensor2D =>
      tensor2d(
        Float32Array.from({ length: 2 * rows }, (_, i) => at[i % 2]!),
        [rows, 2],
      );
    const exact = (await run({ model, divergence: 'exact' }, many(1))).logDensity[0]!;
    for (const probes of [1, 4]) {
      const { logDensity } = await run({ model, divergence: 'hutchinson', probes, noise: createNoise(7) }, many(n));
      const mean = logDensity.reduce((a, b) => a + b, 0) / n;
      const sd = Math.sqrt(logDensity.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1));
      expect(sd).toBeGreaterThan(0.01);
      expect(Math.abs(mean - exact)).toBeLessThan((4 * sd) / Math.sqrt(n) + 1e-4);
    }
  });

  it('gives row i what row i gets alone, steps included', async () => {
    const model = { denoise: tangled, schedule: edm() };
    const points = [
      [0.1, -0.2],
      [2, 1],
      [-3, 0.5],
      [0.4, 0.4],
    ];
    for (const divergence of ['exact', 'hutchinson'] as const) {
      const [noise, more] = [createNoise(3), { divergence, probes: 2 }];
      const together = await run({ model, noise, ...more }, tensor2d(points));
      expect(new Set(together.nfe).size).toBeGreaterThan(1);
      for (const [row, point] of points.entries()) {
        const alone = await run({ model, noise: noise.rows(row), ...more }, tensor2d([point]));
        expect(alone.nfe[0]).toBe(together.nfe[row]);
        // Far out it is a sum of 10⁵ in float32, and an engine may sum a row of a batch in another order than a row alone.
        const expected = together.logDensity[row]!;
        expect(Math.abs(alone.logDensity[0]! - expected)).toBeLessThan(Math.max(5e-6, 2e-6 * Math.abs(expected)));
      }
    }
    const [first, second] = [0, 1].map((pass) => ({ model, divergence: 'hutchinson' as const, noise: createNoise(3), pass }));
    expect((await run(first!, tensor2d(points))).logDensity).not.toEqual((await run(second!, tensor2d(points))).logDensity);
  });

  it('refuses what it cannot serve, and leaves no tensor behind', async () => {
    const model = { denoise: isotropic(1), schedule: edm() };
    const x = tensor2d(new Float32Array(2 * 65), [2, 65]);
    const before = memory().numTensors;
    await expect(logLikelihood({ model, x0: x })).rejects.toThrow(/\[likelihood\] Hutchinson's estimator has nothing to draw from/);
    await expect(logLikelihood({ model, x0: x, divergence: 'exact' })).rejects.toThrow(/no exact trace: got 65, expected at most 64/);
    await expect(logLikelihood({ model, x0: x, noise: createNoise(1), probes: 0 })).rejects.toThrow(/no such number of probes/);
    await expect(logLikelihood({ model, x0: x, noise: createNoise(1), rtol: 1e-9 })).rejects.toThrow(/such tolerances hold nothing/);
    await expect(logLikelihood({ model, x0: x, levels: Float64Array.of(1, 2) })).rejects.toThrow(/\[likelihood\] level 1/);
    for (const [method, at] of [
      ['rk45', 9],
      ['heun', 4],
    ] as const) {
      let calls = 0;
      const failing: Model['denoise'] = (y, rho) => {
        if (++calls === at) throw new Error('planted');
        return isotropic(1)(y, rho);
      };
      const asked = { model: { ...model, denoise: failing }, x0: x, noise: createNoise(1), method };
      await expect(logLikelihood(asked)).rejects.toThrow('planted');
    }
    const nowhere: Model['denoise'] = (y) => mul(y, NaN);
    await expect(logLikelihood({ model: { ...model, denoise: nowhere }, x0: x, noise: createNoise(1) })).rejects.toThrow(
      /row 0 does not arrive/,
    );
    expect(memory().numTensors).toBe(before);
    x.dispose();
  });
});

it('bits: an offset of 7 for bytes in [−1, 1], 8 for bytes in [0, 1]', () => {
  expect(dequantisationOffset()).toBe(7);
  expect(dequantisationOffset({ range: [0, 1] })).toBe(8);
  // Uniform bytes: a density of ½ on [−1, 1] is 8 bits a byte.
  expect(bitsPerDim(Float64Array.of(3 * Math.log(0.5)), 3, dequantisationOffset())[0]).toBeCloseTo(8, 12);
});
