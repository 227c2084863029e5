import { memory } from '@tensorflow/tfjs-core';
import { gaussian, RING8 } from '@tweedie/analytic';
import { createNoise, edm, judge, STREAM, ve, vpLinear, type Dataset, type Model, type Schedule } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { modelBitsPerDim, type BitsPerDimOptions } from './bits-per-dim.ts';
import { chooseRows } from './reference.ts';

const SEED = 5n;

const dataset = (values: Float32Array, shape: readonly number[], labels?: Int32Array, classes = 0): Dataset => {
  const dims = shape.reduce((product, n) => product * n, 1);
  return {
    id: 'made up',
    shape,
    classes,
    size: values.length / dims,
    ...(shape.length === 3 ? { range: [-1, 1] as const } : {}),
    rows: (indices) => ({
      images: Float32Array.from(Array.from(indices).flatMap((row) => [...values.subarray(row * dims, (row + 1) * dims)])),
      ...(labels === undefined ? {} : { labels: Int32Array.from(indices, (row) => labels[row]!) }),
    }),
  };
};

/** Images whose bytes look like draws of N(0, variance), clipped. */
const bytes = (rows: number, shape: readonly number[], variance: number): Float32Array =>
  Float32Array.from(createNoise(1).hostNormal([rows, ...shape], { stream: STREAM.data }), (z) => {
    const k = Math.round(127.5 * (1 + Math.max(-1, Math.min(1, Math.sqrt(variance) * z))));
    return k / 127.5 - 1;
  });

const run = async (options: BitsPerDimOptions, model: Model, reference: Dataset) => {
  const before = memory().numTensors;
  const accumulator = await modelBitsPerDim(options).start({ model, reference, seed: SEED });
  const result = await accumulator.result();
  expect(memory().numTensors).toBe(before);
  return result;
};

const isotropic = (variance: number, shape: readonly number[], schedule: Schedule): Model =>
  gaussian({ mean: new Float64Array(shape.reduce((product, n) => product * n, 1)), isotropic: variance, shape }).model(schedule);

describe('closed forms, exact score', () => {
  // Rows with |x_i| = √v_ε, whose mean square is that of p_ε: what a mean over p_ε would be, without its noise.
  it.each([
    ['VP, N(0, I): 2.047096 bits', vpLinear(), 1, 2.047096],
    ['VP to 1e-5, N(0, ¼I): 1.047098 bits', vpLinear({ tMin: 1e-5 }), 0.25, 1.047098],
    ['VP to 1e-3, N(0, ¼I): 1.047333 bits', vpLinear(), 0.25, 1.047333],
    ['VE, N(0, ¼I): 1.047384 bits', { ...ve(), tMin: 0 }, 0.25, 1.047384],
  ] satisfies [string, Schedule, number, number][])('%s', async (_, schedule, variance, bits) => {
    const v = variance * schedule.alpha(schedule.tMin) ** 2 + schedule.sigma(schedule.tMin) ** 2;
    const rows = Float32Array.from({ length: 8 * 4 }, (__, i) => (i % 3 === 0 ? -1 : 1) * Math.sqrt(v));
    const model = isotropic(variance, [4], schedule);
    const result = await run({ dequantise: false, rtol: 1e-6, atol: 1e-6 }, model, dataset(rows, [4]));
    expect(result).toMatchObject({ name: 'nats/dim', n: 8, details: { offset: 0, labels: 'none', dimensions: 4 } });
    expect(Math.abs(result.value / Math.LN2 - bits)).toBeLessThan(1e-5);
    expect(result.interval![1] - result.interval![0]).toBeLessThan(1e-5);
  });

  it('bytes are dequantised and counted: −log₂ p of 2 (k + u)/256 − 1, and 7', async () => {
    const [shape, variance, n] = [[4, 4, 1], 0.09, 64] as const;
    const schedule = edm();
    const values = bytes(n, shape, variance);
    const v = variance + schedule.sigma(schedule.tMin) ** 2;
    // E over u of x²: the middle of the level, and 1/12 of its width squared.
    const exact = values.map((x) => {
      const middle = (2 * (Math.round((x + 1) * 127.5) + 0.5)) / 256 - 1;
      return (0.5 * Math.log(2 * Math.PI * v) + (middle ** 2 + (2 / 256) ** 2 / 12) / (2 * v)) / Math.LN2 + 7;
    });
    const mean = exact.reduce((sum, x) => sum + x, 0) / exact.length;
    const result = await run({}, isotropic(variance, shape, schedule), dataset(values, shape));
    expect(result.name).toBe('bits/dim');
    expect(result.details['offset']).toBe(7);
    // u moves a value by 2/256/√12: over 1024 of them, 2.4e-4 bits is one standard error. Without dequantisation it is .005.
    expect(Math.abs(result.value - mean)).toBeLessThan(1e-3);
    const rows = Array.from({ length: n }, (_, row) => exact.subarray(row * 16, (row + 1) * 16).reduce((sum, x) => sum + x, 0) / 16);
    const deviation = Math.sqrt(rows.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
    // t₆₃ at 97.5 %.
    expect((result.interval![1] - result.interval![0]) / 2).toBeCloseTo((1.9983 * deviation) / 8, 3);
  });

  it('Hutchinson: one ε a solve gives the formula for that ε, where another at every call would not', async () => {
    const [side, n] = [9, 3];
    const [d, schedule] = [side * side, edm({ sigmaMin: 0.01, sigmaMax: 20 })];
    // Σ = .04 I + .36 q qᵀ, q = 1/√d: eigenvalue .4 along q, .04 beside it. ε · J ε then depends on ε.
    const covariance = Float64Array.from({ length: d * d }, (_, i) => 0.36 / d + (i % (d + 1) === 0 ? 0.04 : 0));
    const model = gaussian({ mean: new Float64Array(d), covariance }).model(schedule);
    const data = createNoise(3).hostNormal([n, d], { stream: STREAM.data }).map((z) => 0.2 * z); // prettier-ignore
    for (const pass of [0, 1]) {
      const indices = chooseRows(n, n, SEED);
      const [low, high] = [schedule.rho(schedule.tMin), schedule.rho(schedule.tMax)];
      const signs = createNoise(SEED).rademacher([n, d], { stream: STREAM.projection, step: pass });
      const epsilon = await signs.data();
      signs.dispose();
      let total = 0;
      for (let row = 0; row < n; row++) {
        const x = Float32Array.from(data.subarray(indices[row]! * d, (indices[row]! + 1) * d));
        const e = epsilon.subarray(row * d, (row + 1) * d);
        const along = (of: ArrayLike<number>): number => Array.from(of).reduce((sum, value) => sum + value / side, 0) ** 2;
        const [xq, eq, xx] = [along(x), along(e), x.reduce((sum, value) => sum + value * value, 0)];
        const grown = (lambda: number): number => (lambda + high ** 2) / (lambda + low ** 2);
        const volume = 0.5 * (eq * Math.log(grown(0.4)) + (d - eq) * Math.log(grown(0.04)));
        const squares = xq * grown(0.4) + (xx - xq) * grown(0.04);
        const prior = -0.5 * (squares / high ** 2 + d * Math.log(2 * Math.PI * high ** 2));
        total -= (prior + volume) / d;
      }
      const reference = dataset(Float32Array.from(data), [d]);
      const one = await run({ dequantise: false, rows: n }, model, reference);
      const value = pass === 0 ? one.value : 2 * (await run({ dequantise: false, rows: n, passes: 2 }, model, reference)).value - one.value;
      expect(Math.abs(value - total / n), `pass ${pass}`).toBeLessThan(3e-4);
      expect(one.details['protocol']).toBe(
        'values as they are, probability-flow ODE, Hutchinson, Rademacher, one ε a solve, Dormand–Prince, rtol 0.00001, atol 0.00001',
      );
    }
  });

  it('labels are given only where they are asked for', async () => {
    const points = Float32Array.from(RING8.components.flatMap(({ mean }) => [...mean]));
    const reference = dataset(points, [2], Int32Array.from({ length: 8 }, (_, k) => k), 8); // prettier-ignore
    const model = RING8.model(edm({ sigmaMin: 0.01 }));
    const free = await run({ dequantise: false, rtol: 1e-4, atol: 1e-4 }, model, reference);
    const told = await run({ dequantise: false, conditional: true, rtol: 1e-4, atol: 1e-4 }, model, reference);
    // At the middle of one of eight equal components: log 8 nats, over 2 dimensions.
    expect(free.value - told.value).toBeCloseTo(Math.log(8) / 2, 2);
    expect([free.details['labels'], told.details['labels']]).toEqual(['none', "the data's"]);
    await expect(run({ dequantise: false, conditional: true }, model, dataset(points, [2]))).rejects.toThrow(
      /labels of the data.*got 0 classes, expected 8/,
    );
  });
});

describe('rows', () => {
  const shape = [2, 2, 1];
  const reference = dataset(bytes(30, shape, 0.09), shape);
  const model = isotropic(0.09, shape, edm());

  it('do not depend on the batch, and fewer have no interval', async () => {
    const whole = await run({ rows: 12 }, model, reference);
    const cut = await run({ rows: 12, batchSize: 5 }, model, reference);
    expect(cut.value).toBeCloseTo(whole.value, 6);
    expect((await run({ rows: 12 }, model, reference)).value).toBe(whole.value);
    const two = await run({ rows: 2 }, model, reference);
    expect(two).not.toHaveProperty('interval');
    expect((await run({ rows: 200 }, model, reference)).n).toBe(30);
  });

  it('have another u at another pass', async () => {
    const one = await run({}, model, reference);
    const two = await run({ passes: 2 }, model, reference);
    expect(Math.abs(one.value - two.value)).toBeGreaterThan(1e-5);
    expect(Math.abs(one.value - two.value)).toBeLessThan(0.05);
  });

  it('are those of the reference: a drain asks for no image, and wants a model', async () => {
    async function* none() {
      await Promise.reject(new Error('a batch was asked for'));
      yield { images: undefined as never, first: 0 };
    }
    const [result] = await judge([modelBitsPerDim({ rows: 4 })], { model, reference, seed: SEED }, none());
    expect(result!.value).toBe((await run({ rows: 4 }, model, reference)).value);
    await expect(judge([modelBitsPerDim()], { reference, seed: SEED }, none())).rejects.toThrow(/bits-per-dim\] no model was given/);
  });

  it('that are no bytes are refused, unless nats are asked for', async () => {
    const floats = dataset(
      Float32Array.from({ length: 8 }, (_, i) => 0.1 * i + 0.0123),
      shape,
    );
    await expect(run({}, model, floats)).rejects.toThrow(/a value is no byte.*expected k\/127\.5 − 1.*dequantise: false/);
    expect((await run({ dequantise: false }, model, floats)).details['offset']).toBe(0);
    const points = isotropic(0.09, [2], edm());
    await expect(run({}, points, dataset(new Float32Array(8), [2]))).rejects.toThrow(/no images of bytes: got no range/);
    await expect(run({}, points, reference)).rejects.toThrow(/another shape than the model: got \[2,2,1\], expected \[2\]/);
  });
});
