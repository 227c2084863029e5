import { grad, memory, mul, square, sum, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { STREAM } from '../contracts/noise.ts';
import { createNoise } from '../noise/noise.ts';
import { detached } from './detached.ts';
import { simulated } from './simulated.ts';
import { vpLinear } from './vp-linear.ts';

describe('simulated', () => {
  const schedule = vpLinear();
  const process = simulated({
    id: 'vp',
    drift: (x, t) => mul(x, tensor(Float32Array.from(t, schedule.drift), [t.length, 1])),
    diffusion: (t) => Math.sqrt(schedule.diffusion2(t)),
    steps: 200,
  });

  it('an affine process has its kernel: mean α x₀, deviation σ (4 standard errors + weak order 1)', async () => {
    const before = memory().numTensors;
    const n = 20_000;
    const x0 = tensor(new Float32Array(n).fill(1.5), [n, 1]);
    const half = Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0.3 : 0.8));
    const xt = process.simulate(x0, half, createNoise(1), 0);
    const values = await xt.data();
    for (const [parity, t] of [0.3, 0.8].entries()) {
      const own = Array.from(values).filter((_, i) => i % 2 === parity);
      const mean = own.reduce((a, b) => a + b) / own.length;
      const deviation = Math.sqrt(own.reduce((total, v) => total + (v - mean) ** 2, 0) / own.length);
      expect(Math.abs(mean - 1.5 * schedule.alpha(t))).toBeLessThan((4 * schedule.sigma(t)) / Math.sqrt(n / 2) + 0.01);
      expect(Math.abs(deviation / schedule.sigma(t) - 1)).toBeLessThan(4 / Math.sqrt(n) + 0.01);
    }
    [x0, xt].forEach((used) => used.dispose());
    expect(memory().numTensors).toBe(before);
  });

  it('is a function of seed, step and row', async () => {
    const [x0, t] = [tensor([1, 2, 3], [3, 1]), Float64Array.of(0.2, 0.5, 0.9)];
    const read = async (x: Tensor): Promise<number[]> => {
      const values = [...(await x.data())];
      x.dispose();
      return values;
    };
    const all = await read(process.simulate(x0, t, createNoise(1), 3));
    const row = tensor([2], [1, 1]);
    expect(await read(process.simulate(row, Float64Array.of(0.5), createNoise(1).rows(1), 3))).toEqual([all[1]]);
    expect(await read(process.simulate(x0, t, createNoise(1), 4))).not.toEqual(all);
    [x0, row].forEach((used) => used.dispose());
  });

  it('refuses no steps', () =>
    expect(() => simulated({ id: 'still', drift: (x) => x, diffusion: () => 1, steps: 0 })).toThrow(
      '[still] a process is simulated in steps: got 0',
    ));
});

describe('detached', () => {
  it('computes, and passes no gradient', async () => {
    const before = memory().numTensors;
    const x = createNoise(1).normal([4], { stream: STREAM.data });
    const both = grad((v: Tensor) => sum(mul(v, detached(square, v))))(x);
    const [values, gradient] = [await x.data(), await both.data()];
    // d/dv Σ v·const(v²) = v², not 3 v²
    gradient.forEach((g, i) => expect(g).toBeCloseTo(values[i]! ** 2, 5));
    [x, both].forEach((used) => used.dispose());
    expect(memory().numTensors).toBe(before);
  });
});
