import { mul, square, sub, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { G2 } from '@tweedie/analytic';
import { tanhScore, testObjective, hostLosses } from '@tweedie/conformance';
import {
  adam,
  bindModel,
  createNoise,
  createParameters,
  edm,
  scoreLoss,
  scorePreconditioner,
  simulated,
  STREAM,
  toTensors,
  train,
  vpLinear,
  type Batch,
  type Process,
} from '@tweedie/core';
import { mlp } from '@tweedie/networks';
import { describe, expect, it } from 'vitest';
import { pathLcss } from './index.ts';

/** x_t = x₀ + t z: a process that happens to have a kernel, simulated in one step of dx = √… : what the kit knows the optimum of. */
const brownian = (): Process => ({
  id: 'brownian',
  simulate: (x0, t, noise, step) => {
    const z = noise.normal(x0.shape, { stream: STREAM.process, step });
    const moved = mul(z, tensor(Float32Array.from(t), [t.length, ...x0.shape.slice(1).map(() => 1)]));
    const x = sub(x0, mul(moved, -1));
    return x;
  },
});

testObjective({
  title: 'path-lcss of a Brownian path',
  create: () => pathLcss({ process: brownian(), tau: 0.02 }),
  settings: [
    { schedule: edm({ sigmaMin: 0.3, sigmaMax: 2 }), head: 'eps' },
    { schedule: edm({ sigmaMin: 0.3, sigmaMax: 2 }), head: 'x0' },
    { schedule: edm({ sigmaMin: 0.3, sigmaMax: 2 }), head: 'score' },
  ],
  optimum: { batches: 48 },
});

describe('path-lcss', () => {
  it('reads a clock with α ≠ 1 in x: s = −ε̂(x/α, ρ)/σ (1e-4)', async () => {
    const net = tanhScore({ dims: 2 });
    const noise = createNoise(13);
    const schedule = vpLinear({ tMin: 0.1 });
    const [rows, step, tau] = [4, 3, 0.3];
    const still: Process = { id: 'still', simulate: (x0) => mul(x0, 1) };
    const x0 = noise.normal([rows, 2], { stream: STREAM.data });
    const points = Float64Array.from(await x0.data());
    const z = noise.hostNormal([rows, 2], { stream: STREAM.perturb, step });
    const u = noise.hostUniform([rows], { stream: STREAM.time, step });
    let wanted = 0;
    for (let i = 0; i < rows; i++) {
      const t = 0.1 + 0.9 * u[i]!;
      const s = (x: Float64Array): Float64Array =>
        net
          .eps(
            x.map((v) => v / schedule.alpha(t)),
            schedule.rho(t),
          )
          .map((e) => -e / schedule.sigma(t));
      wanted += (tau ** 2 * hostLosses.lcss(s, points.subarray(2 * i, 2 * i + 2), z.subarray(2 * i, 2 * i + 2), tau)) / rows;
    }
    for (const head of ['x0', 'eps', 'score', 'v'] as const) {
      const loss = pathLcss({ process: still, tau, antithetic: false }).loss(net.model(schedule, head), { x0, step }, noise);
      expect(Math.abs((await loss.data())[0]! - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
      loss.dispose();
    }
    x0.dispose();
    net.dispose();
  });

  it('is the pair of eq. 18 at the simulated point, as float64 says it (1e-4)', async () => {
    const net = tanhScore({ dims: 2 });
    const noise = createNoise(13);
    const [rows, step, tau] = [4, 3, 0.3];
    const schedule = edm({ sigmaMin: 0.5, sigmaMax: 2 });
    const still: Process = { id: 'still', simulate: (x0) => mul(x0, 1) };
    const x0 = noise.normal([rows, 2], { stream: STREAM.data });
    const points = Float64Array.from(await x0.data());
    const z = noise.hostNormal([rows, 2], { stream: STREAM.perturb, step });
    const u = noise.hostUniform([rows], { stream: STREAM.time, step });
    for (const [antithetic, gamma] of [
      [true, 1],
      [false, 1],
      [true, 0.5],
    ] as const) {
      // prettier-ignore
      let wanted = 0;
      for (let i = 0; i < rows; i++) {
        const sigma = 0.5 + 1.5 * u[i]!;
        const s = (y: Float64Array): Float64Array => net.eps(y, sigma).map((e) => -e / sigma);
        const own = z.subarray(2 * i, 2 * i + 2);
        const x = points.subarray(2 * i, 2 * i + 2);
        const signs = antithetic ? [1, -1] : [1];
        for (const sign of signs) wanted += (tau ** 2 * hostLosses.lcss(s, x, own.map((v) => sign * v), tau, gamma)) / (rows * signs.length); // prettier-ignore
      }
      for (const head of ['x0', 'eps', 'score'] as const) {
        const loss = pathLcss({ process: still, tau, antithetic, gamma }).loss(net.model(schedule, head), { x0, step }, noise);
        expect(Math.abs((await loss.data())[0]! - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
        loss.dispose();
      }
    }
    x0.dispose();
    net.dispose();
  });

  it('says that it needs no kernel, and refuses a τ that is none', () => {
    expect(pathLcss({ process: brownian() }).needs).toEqual({ derivatives: 1, kernel: false });
    expect(() => pathLcss({ process: brownian(), tau: 0 })).toThrow(/\[path-lcss\] tau/);
  });
});

/**
 * dx = (x − x³) dt + ½ dw from x₀ ~ .5 N(−1.6, .01) + .5 N(.2, .01): a double well, whose kernel has no formula. The density solves
 * the Fokker–Planck equation ∂p/∂t = −∂(fp)/∂x + ⅛ ∂²p/∂x², here on a grid in float64: what the learnt score is held against.
 */
const G = 0.5;
const well = (steps = 40): Process => simulated({ id: 'double-well', drift: (x) => mul(x, sub(1, square(x))), diffusion: () => G, steps });
const start = (noise: ReturnType<typeof createNoise>, n: number): Float64Array => {
  const [u, z] = [noise.hostUniform([n], { stream: STREAM.data }), noise.hostNormal([n], { stream: STREAM.data, draw: 1 })];
  return z.map((v, i) => (u[i]! < 0.5 ? -1.6 : 0.2) + 0.1 * v);
};

/** Density at each time on a grid, by finite volumes with upwind-free central fluxes and small explicit steps. */
const fokkerPlanck = (times: readonly number[]): { x: Float64Array; p: Float64Array[] } => {
  const [from, to, cells] = [-3, 3, 600];
  const h = (to - from) / cells;
  const x = Float64Array.from({ length: cells }, (_, i) => from + (i + 0.5) * h);
  const normal = (v: number, mean: number): number => Math.exp(-((v - mean) ** 2) / 0.02) / Math.sqrt(0.02 * Math.PI);
  let p = x.map((v) => 0.5 * normal(v, -1.6) + 0.5 * normal(v, 0.2));
  const dt = (0.2 * h * h) / (G * G);
  const faces = Float64Array.from({ length: cells + 1 }, (_, i) => from + i * h);
  const drift = faces.map((v) => v - v ** 3);
  const out: Float64Array[] = [];
  let now = 0;
  for (const time of times) {
    while (now < time - 1e-12) {
      const step = Math.min(dt, time - now);
      const flux = new Float64Array(cells + 1);
      for (let i = 1; i < cells; i++) flux[i] = (drift[i]! * (p[i - 1]! + p[i]!)) / 2 - ((G * G) / 2) * ((p[i]! - p[i - 1]!) / h);
      p = p.map((v, i) => v - (step / h) * (flux[i + 1]! - flux[i]!));
      now += step;
    }
    out.push(Float64Array.from(p));
  }
  return { x, p: out };
};

describe('a process without a kernel: the double well', () => {
  const times = [0.25, 0.6, 1];

  it('is simulated in law: mean and variance at each time against Fokker–Planck (5 standard errors + weak order 1)', async () => {
    const { x, p } = fokkerPlanck(times);
    const h = x[1]! - x[0]!;
    const n = 20_000;
    const noise = createNoise(3);
    const x0 = tensor(Float32Array.from(start(noise, n)), [n, 1]);
    for (const [k, time] of times.entries()) {
      const moved = well().simulate(x0, new Float64Array(n).fill(time), noise, 0);
      const values = Float64Array.from(await moved.data());
      moved.dispose();
      const [mean, square2] = [values.reduce((a, b) => a + b) / n, values.reduce((a, b) => a + b * b, 0) / n];
      const exact = (power: number): number => x.reduce((total, v, i) => total + v ** power * p[k]![i]! * h, 0);
      expect(Math.abs(exact(0) - 1)).toBeLessThan(1e-9);
      expect(Math.abs(mean - exact(1))).toBeLessThan(5 * Math.sqrt(exact(2) / n) + 0.01);
      expect(Math.abs(square2 - exact(2))).toBeLessThan(5 * Math.sqrt(exact(4) / n) + 0.02);
    }
    x0.dispose();
  });

  it('rows do not know each other', async () => {
    const noise = createNoise(3);
    const x0 = tensor([0.1, -1, 2], [3, 1]);
    const [all, one] = [
      well(8).simulate(x0, Float64Array.of(0.2, 0.5, 1), noise, 4),
      well(8).simulate(tensor([-1], [1, 1]), Float64Array.of(0.5), noise.rows(1), 4),
    ];
    expect((await all.data())[1]).toBe((await one.data())[0]);
    [x0, all, one].forEach((used) => used.dispose());
  });

  it('learns the score of p_t: mean squared error below 8 % of the Fisher information at three times', async () => {
    const [steps, rows] = [600, 256];
    const noise = createNoise(21);
    const schedule = edm({ sigmaMin: 0.1, sigmaMax: 1.1 }); // a clock: ρ = t
    const network = mlp({ shape: [1], width: 48, depth: 2, features: 8 });
    const parameters = createParameters(network.parameters, network.init(noise));
    const objective = pathLcss({ process: well(24), tau: 0.05 });
    const loss = scoreLoss({ objective, network, schedule, preconditioner: scorePreconditioner() });
    const feed = {
      batchSize: rows,
      indices: (step: number) => Int32Array.from({ length: rows }, (_, i) => rows * step + i),
      batch: (step: number): Batch => ({ x0: tensor(Float32Array.from(start(noise.rows(rows * step), rows)), [rows, 1]), step }),
    };
    const run = train({
      parameters,
      loss,
      feed,
      noise,
      optimizer: adam({ rate: (step) => 5e-3 * Math.min(1, (2 * (steps - step)) / steps) }),
      steps,
    });
    let next = await run.next();
    while (next.done !== true) next = await run.next();
    const weights = toTensors(network.parameters, parameters.values(next.value.ema));
    parameters.dispose();
    const model = bindModel({ network, weights, schedule, preconditioner: scorePreconditioner() });
    const { x, p } = fokkerPlanck(times);
    const h = x[1]! - x[0]!;
    for (const [k, time] of times.entries()) {
      const y = tensor(Float32Array.from(x), [x.length, 1]);
      const out = model.raw(y, new Float64Array(x.length).fill(time));
      const learnt = await out.data();
      [y, out].forEach((used: Tensor) => used.dispose());
      let [error, fisher] = [0, 0];
      for (let i = 1; i + 1 < x.length; i++) {
        const density = p[k]![i]!;
        if (density < 1e-8) continue;
        const score = (Math.log(p[k]![i + 1]!) - Math.log(p[k]![i - 1]!)) / (2 * h);
        error += density * h * (learnt[i]! - score) ** 2;
        fisher += density * h * score ** 2;
      }
      expect(fisher).toBeGreaterThan(1);
      expect(error / fisher, `t = ${time}`).toBeLessThan(0.08);
    }
    Object.values(weights).forEach((used) => used.dispose());
  }, 120_000);
});

it('at a Gaussian, the smoothed score: −½ τ² I(p ∗ N(0, τ²)) is its value at that score', async () => {
  const tau = 0.5;
  const noise = createNoise(2);
  const n = 40_000;
  const x0 = tensor(Float32Array.from(G2.sample(noise, n)), [n, 2]);
  const still: Process = { id: 'still', simulate: (x) => mul(x, 1) };
  const schedule = edm({ sigmaMin: 0.5, sigmaMax: 0.5000001 }); // the clock stands: ε̂ = −½ s
  const model = { ...G2.model(schedule, { head: 'score' }), raw: (y: Tensor) => G2.model(edm(), { head: 'score' }).raw(y, tau) };
  const loss = pathLcss({ process: still, tau, antithetic: false }).loss(model, { x0, step: 0 }, noise);
  const [p, q, b] = [1 + tau ** 2, 0.5 + tau ** 2, 0.6];
  expect(Math.abs((await loss.data())[0]! + 0.5 * tau ** 2 * ((p + q) / (p * q - b * b)))).toBeLessThan(4 / Math.sqrt(n));
  [x0, loss].forEach((used) => used.dispose());
});
