import { G5, M3 } from '@tweedie/analytic';
import { testSampler } from '@tweedie/conformance';
import { createNoise, edm, karras, logSnr, tweedieError, type Denoiser, type Sampler } from '@tweedie/core';
import { fill, memory, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { distance, run, starts, toRows } from '../test/problems.ts';
import { dpmSolverAdaptive } from './adaptive.ts';
import { rk45 } from './rk45.ts';

testSampler({ create: () => rk45() });
testSampler({
  create: () => dpmSolverAdaptive({ atol: 1e-5, rtol: 1e-5 }),
  title: 'dpm-solver-adaptive 23',
});
testSampler({
  create: () => dpmSolverAdaptive({ orders: '12', atol: 1e-4, rtol: 1e-4 }),
  title: 'dpm-solver-adaptive 12',
});

const noise = createNoise(0);
const rowsOf = (values: Float64Array, dims: number): number[][] =>
  Array.from({ length: values.length / dims }, (_, r) => [...values.subarray(r * dims, (r + 1) * dims)]);

/** Largest error against the exact flow, and the calls that it took. */
const measured = async (
  sampler: Sampler,
  truth: typeof G5 | typeof M3,
  levels: Float64Array,
): Promise<{ error: number; calls: number }> => {
  const from = starts(levels[0]!, truth.dims).slice(0, 6);
  let calls = 0;
  const got = await run(sampler, (y, rho) => (calls++, truth.denoiser(y, rho)), from, sampler.plan(edm(), levels), noise);
  const want = rowsOf(truth.flow(from.flat(), levels[0]!, levels.at(-1)!), truth.dims);
  return { error: distance(got, want), calls };
};

const COARSE = [1e-2, 1e-3, 1e-4];
describe('embedded pairs, a step of each image’s own', () => {
  it.each([
    ['rk45', (tol: number) => rk45({ rtol: tol, atol: tol }), [1e-3, 1e-4, 1e-5]],
    ['dpm-solver-23', (tol: number) => dpmSolverAdaptive({ rtol: tol, atol: tol }), COARSE],
    ['dpm-solver-12', (tol: number) => dpmSolverAdaptive({ orders: '12', rtol: tol, atol: tol }), COARSE],
  ] as const)('%s follows the exact flow to its tolerance, and the error falls with it', async (_, create, tolerances) => {
    for (const truth of [G5, M3]) {
      const got = [];
      for (const tol of tolerances) got.push(await measured(create(tol), truth, Float64Array.of(80, 0.02)));
      got.forEach(({ error }, k) => expect(error).toBeLessThan(15 * tolerances[k]!));
      expect(got[2]!.error * 10).toBeLessThan(got[0]!.error);
      expect(got[2]!.calls).toBeGreaterThan(got[0]!.calls);
    }
  });

  it('rk45 has an error of the fifth power of the step: a thousandth of the tolerance costs about four times the calls', async () => {
    const at = (tol: number) => measured(rk45({ rtol: tol, atol: tol }), M3, Float64Array.of(80, 0.02));
    const [loose, tight] = [await at(1e-2), await at(1e-5)];
    expect(tight.calls / loose.calls).toBeLessThan(1000 ** (1 / 5) * 1.3);
    expect(tight.calls / loose.calls).toBeGreaterThan(1000 ** (1 / 5) / 2);
  });

  it('more levels change the result by no more than the tolerance, and 0 is reached by x̂₀', async () => {
    const dense = await measured(rk45(), M3, karras({ steps: 12, max: 80, min: 0.02 }));
    expect(dense.error).toBeLessThan(1e-4);
    const plan = rk45().plan(edm(), Float64Array.of(80, 0.5, 0));
    let last: number[][] = [];
    const end = await run(rk45(), M3.denoiser, starts(80, 3), plan, noise, async ({ x0 }) => void (last = await toRows(x0)));
    expect(end).toEqual(last);
    expect(plan).toMatchObject({ nfe: null, notes: [expect.stringContaining('adaptive'), expect.stringContaining('x̂₀ itself')] });
  });

  it('runs upward on reversed levels, and comes back', async () => {
    const levels = logSnr({ steps: 3, max: 10, min: 0.1 });
    const plan = rk45().plan(edm(), levels);
    const from = starts(10, 3);
    const down = await run(rk45(), M3.denoiser, from, plan, noise);
    const up = await run(rk45(), M3.denoiser, down, { ...plan, levels: levels.slice().reverse() }, noise);
    expect(distance(up, from)).toBeLessThan(5e-3); // the flow upward expands by a hundred what the tolerance left
  });

  it.each([
    ['rk45', rk45],
    ['dpm-solver-adaptive', () => dpmSolverAdaptive({ rtol: 1e-3, atol: 1e-3 })],
  ] as const)('%s: eight rows are the eight rows alone, though some reject where others accept', async (_, create) => {
    const sampler = create();
    const plan = sampler.plan(edm(), Float64Array.of(80, 1, 0.05));
    const from = [...starts(80, 3).slice(0, 4), ...starts(0.8, 3).slice(0, 4)]; // far and near: other steps
    let perRow = false;
    const whole = await run(
      sampler,
      (y, rho) => ((perRow ||= typeof rho !== 'number' && new Set(rho).size > 1), M3.denoiser(y, rho)),
      from,
      plan,
      noise,
    );
    expect(perRow).toBe(true);
    for (const [row, start] of from.entries())
      expect(distance(await run(sampler, M3.denoiser, [start], plan, noise), [whole[row]!])).toBeLessThan(1e-5);
  });

  it.each([
    ['rk45', rk45],
    ['dpm-solver-adaptive', dpmSolverAdaptive],
  ] as const)('%s: an answer that is no number is an error, and so is a model of mere chance; nothing leaks', async (name, create) => {
    const sampler = create();
    const plan = sampler.plan(edm(), Float64Array.of(80, 0.01));
    const attempt = (denoise: Denoiser): Promise<unknown> => run(sampler, denoise, starts(80, 3), plan, noise);
    const before = memory().numTensors;
    await expect(attempt((y) => fill(y.shape, NaN))).rejects.toThrow(new RegExp(`\\[${name}\\] the error of row 0 .* is no number`));
    let call = 0;
    await expect(attempt((y, rho) => (++call === 20 ? fill(y.shape, NaN) : M3.denoiser(y, rho)))).rejects.toThrow(/finite answers/);
    let n = 0;
    const chance: Denoiser = (y) =>
      tensor(
        Float32Array.from({ length: y.size }, () => 30 * Math.sin(12.9898 * ++n)),
        y.shape,
      );
    await expect(attempt(chance)).rejects.toThrow(/(rejected again and again|2000 attempts).*raise the tolerances/);
    const failure = tweedieError({ subject: 'test', problem: 'the network fails' });
    await expect(attempt(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(memory().numTensors).toBe(before);
  });

  it('refuses a tolerance that float32 cannot meet', () => {
    expect(() => rk45({ rtol: 1e-8 })).toThrow();
    expect(() => dpmSolverAdaptive({ atol: 0 })).toThrow();
  });
});
