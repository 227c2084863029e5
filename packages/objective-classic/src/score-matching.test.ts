import { matMul, memory, tensor, variableGrads, zeros, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { FISHER, G2, RING8 } from '@tweedie/analytic';
import { fitAffine, hostLosses, tanhScore, testObjective } from '@tweedie/conformance';
import {
  createNoise,
  edm,
  STREAM,
  subVp,
  ve,
  vpLinear,
  type Head,
  type Model,
  type Noise,
  type Objective,
  type Schedule,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { dsm, fdSsm, ism, ssm, ssmVr } from './index.ts';

const GENTLE = { law: 'edm', pMean: -0.5, pStd: 0.8 } as const;
testObjective({ title: 'ism', create: () => ism(GENTLE) });
testObjective({ title: 'ssm', create: () => ssm({ ...GENTLE, projections: 4 }), optimum: { rows: 512 } });
testObjective({ title: 'ssm-vr', create: () => ssmVr(GENTLE) });
testObjective({
  title: 'ssm-vr, law ve, Gaussian directions',
  create: () => ssmVr({ law: 've', sigmaMin: 0.05, sigmaMax: 5, projection: 'gaussian', projections: 2 }),
});
testObjective({ title: 'fd-ssm', create: () => fdSsm(GENTLE) });
testObjective({ title: 'fd-ssm, relative step', create: () => fdSsm({ ...GENTLE, relative: true, projections: 2 }) });

/** One fixed level, λ = σ²: every loss is σ² times the papers'. */
const at = (sigma: number) => ({ law: 'edm', weighting: 'sigma2', pMean: Math.log(sigma), pStd: 0 }) as const;
const EPSILON = 0.1;
const METHODS: readonly (readonly [name: string, make: (sigma: number) => Objective])[] = [
  ['ism', (sigma) => ism(at(sigma))],
  ['ssm', (sigma) => ssm({ ...at(sigma), projections: 2 })],
  ['ssm-vr', (sigma) => ssmVr(at(sigma))],
  ['ssm-vr, sphere', (sigma) => ssmVr({ ...at(sigma), projection: 'sphere' })],
  ['fd-ssm', (sigma) => fdSsm({ ...at(sigma), epsilon: EPSILON, relative: true })],
];

/** Mean and standard error of an objective at the exact model, over batches of fresh data. */
const measured = async (
  objective: Objective,
  data: typeof G2 | typeof RING8,
  batches = 16,
  rows = 2500,
): Promise<{ mean: number; error: number }> => {
  const noise = createNoise(41);
  const model = data.model(edm(), { head: 'eps' });
  const values: number[] = [];
  for (let step = 0; step < batches; step++) {
    const x0 = tensor(Float32Array.from(data.sample(noise.rows(step * rows), rows)), [rows, data.dims]);
    const loss = objective.loss(model, { x0, step }, noise);
    values.push((await loss.data())[0]!);
    [x0, loss].forEach((used) => used.dispose());
  }
  const mean = values.reduce((a, b) => a + b) / batches;
  return { mean, error: Math.sqrt(values.reduce((total, v) => total + (v - mean) ** 2, 0) / (batches * (batches - 1))) };
};

describe('the optimum of Gaussian data is −½ I(p_σ) (objectives.md 5.2; 4 standard errors)', () => {
  it.each(
    FISHER.G2.filter(([sigma]) => sigma > 0).flatMap(([sigma, fisher]) =>
      METHODS.map(([name, make]) => [name, sigma, fisher, make] as const),
    ),
  )('%s at σ = %d', async (_, sigma, fisher, make) => {
    const { mean, error } = await measured(make(sigma), G2);
    expect(Math.abs(mean / sigma ** 2 + fisher / 2)).toBeLessThan((4 * error) / sigma ** 2 + 1e-3 * fisher);
    expect(error / sigma ** 2).toBeLessThan(0.1 * fisher + 0.02 / sigma ** 2); // the interval says something
  });

  it('at σ = 0, in float64: −5.357143 for ism, ssm, ssm-vr and fd-ssm', () => {
    // s = −P (x − μ), J = −P: means over x ~ N(μ, Σ) by 200 000 draws; ssm and fd-ssm over the direction too.
    const noise = createNoise(7);
    const n = 200_000;
    const x = G2.sample(noise, n);
    const [jacobian, u] = [precisionOf(), noise.hostUniform([n], { stream: 1 })];
    const sums = { ism: [0, 0], ssm: [0, 0], vr: [0, 0], fd: [0, 0] };
    const s = (point: Float64Array): Float64Array => G2.score(point, 0);
    const note = (into: number[], value: number): void => {
      into[0]! += value / n;
      into[1]! += value ** 2 / n;
    };
    for (let i = 0; i < n; i++) {
      const point = x.subarray(2 * i, 2 * i + 2);
      const v = [Math.SQRT2 * Math.cos(2 * Math.PI * u[i]!), Math.SQRT2 * Math.sin(2 * Math.PI * u[i]!)];
      note(sums.ism, hostLosses.ism(s, jacobian, point));
      note(sums.ssm, hostLosses.ssm(s, jacobian, point, v));
      note(sums.vr, hostLosses.ssmVr(s, jacobian, point, v));
      const [d, epsilon] = [2, 0.1];
      note(sums.fd, hostLosses.fdSsm(s, point, v.map((each) => (epsilon * each) / Math.SQRT2), d / (2 * epsilon ** 2))); // prettier-ignore
    }
    for (const [mean, squares] of Object.values(sums))
      expect(Math.abs(mean! + 5.357143)).toBeLessThan(4 * Math.sqrt((squares! - mean! ** 2) / n));
  });

  it.each(METHODS)('%s: and of the ring at σ = .5, with its modes', async (_, make) => {
    const { mean, error } = await measured(make(0.5), RING8, 16, 1500);
    const bias = make(0.5).name === 'fd-ssm' ? 0.02 : 2e-3; // O(ε²)
    expect(Math.abs(mean + 0.25 * 0.5 * 4.407977)).toBeLessThan(4 * error + bias);
  });
});

/** (Σ)⁻¹ negated: the Jacobian of the score at σ = 0. */
const precisionOf = (): number[] => {
  const [a, b, d] = [1, 0.6, 0.5];
  const det = a * d - b * b;
  return [-d / det, b / det, b / det, -a / det];
};

describe('each objective is minimised by the affine score of Gaussian data: A = (Σ + σ²I)⁻¹, b = A μ', () => {
  it.each([['dsm', (sigma: number) => dsm(at(sigma))] as const, ...METHODS])('%s', async (_, make) => {
    const sigma = 0.7;
    const [p, q, b] = [1 + sigma ** 2, 0.5 + sigma ** 2, 0.6];
    const det = p * q - b * b;
    const wanted = [q / det, -b / det, -b / det, p / det, (q + b) / det, (-b - p) / det];
    const { matrix, offset, errors } = await fitAffine(make(sigma), G2);
    [...matrix, ...offset].forEach((value, i) => {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(5 * errors[i]! + 2e-3);
      expect(errors[i]).toBeLessThan(0.12);
    });
  });
});

describe('tensors say what float64 says, for every schedule and head (1e-4)', () => {
  const schedules: readonly (readonly [string, Schedule])[] = [
    ['edm', edm()],
    ['ve', ve()],
    ['vp', vpLinear()],
    ['sub-vp', subVp()],
  ];
  it.each(schedules.flatMap(([name, schedule]) => (['x0', 'eps', 'score', 'v'] as const).map((head) => [name, head, schedule] as const)))(
    '%s, %s',
    async (_, head, schedule) => {
      for (const d of [1, 3]) await sameAsHost(schedule, head, d);
    },
  );

  const sameAsHost = async (schedule: Schedule, head: Head, d: number): Promise<void> => {
    const net = tanhScore({ dims: d });
    const noise = createNoise(5);
    const [rows, step] = [6, 2];
    const rho = 0.8;
    const sigma = schedule.sigma(schedule.timeOf(rho));
    const points = noise.hostNormal([rows, d], { stream: STREAM.data }).map(Math.fround);
    const z = noise.hostNormal([rows, d], { stream: STREAM.perturb, step });
    const signs = await dataOf(noise.rademacher([rows, d], { stream: STREAM.projection, step }));
    const normal = noise.hostNormal([rows, d], { stream: STREAM.projection, step });
    const x0 = tensor(Float32Array.from(points), [rows, d]);
    const model = net.model(schedule, head);
    const expected = { dsm: 0, ism: 0, ssm: 0, 'ssm-vr': 0, 'fd-ssm': 0 };
    for (let i = 0; i < rows; i++) {
      const part = (a: ArrayLike<number>): number[] => Array.from({ length: d }, (_, k) => a[i * d + k]!);
      const y = part(points).map((x, k) => x + rho * part(z)[k]!);
      // In y, with λ = ρ²: s_y = −ε̂/ρ, the same number as in x with λ = σ².
      const s = (point: Float64Array): Float64Array => net.eps(point, rho).map((e) => -e / rho);
      const jacobian = net.jacobian(y, rho).map((e) => -e / rho);
      const v = part(signs);
      const length = Math.hypot(...part(normal));
      const epsilon = (EPSILON / sigma) * rho; // ε of x, in y
      const add = (name: keyof typeof expected, value: number): void => void (expected[name] += (rho ** 2 * value) / rows);
      add('dsm', hostLosses.dsm(s, part(points), part(z), rho));
      add('ism', hostLosses.ism(s, jacobian, y));
      add('ssm', hostLosses.ssm(s, jacobian, y, v));
      add('ssm-vr', hostLosses.ssmVr(s, jacobian, y, v));
      add('fd-ssm', hostLosses.fdSsm(s, y, part(normal).map((n) => (epsilon * n) / length), d / (2 * epsilon ** 2))); // prettier-ignore
    }
    for (const objective of [dsm(at(rho)), ism(at(rho)), ssm(at(rho)), ssmVr(at(rho)), fdSsm({ ...at(rho), epsilon: EPSILON })]) {
      const loss = objective.loss(model, { x0, step }, noise);
      const [value] = await dataOf(loss);
      const wanted = expected[objective.name as keyof typeof expected];
      expect(Math.abs(value! - wanted), `${objective.name}, d = ${d}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
    }
    x0.dispose();
    net.dispose();
  };
});

describe('gradients through gradients', () => {
  it.each([
    ['ism', ism(at(0.6))],
    ['ssm', ssm(at(0.6))],
    ['ssm-vr', ssmVr(at(0.6))],
    ['fd-ssm', fdSsm(at(0.6))],
  ] as const)('%s: ∂L/∂θ by central differences (1e-2 of the largest)', async (_, objective) => {
    const net = tanhScore({ dims: 3 });
    const noise = createNoise(6);
    const x0 = noise.normal([32, 3], { stream: STREAM.data });
    const model = net.model(edm(), 'x0');
    const { value, grads } = variableGrads(() => objective.loss(model, { x0, step: 0 }, noise), [...net.variables]);
    const lossAt = async (): Promise<number> => (await dataOf(objective.loss(model, { x0, step: 0 }, noise)))[0]!;
    for (const each of net.variables) {
      const gradient = (await grads[each.name]!.data()) as Float32Array;
      const original = Float32Array.from(await each.data());
      const scale = gradient.reduce((top, g) => Math.max(top, Math.abs(g)), 0);
      expect(scale).toBeGreaterThan(1e-3);
      for (const i of [0, original.length - 1]) {
        const h = 1e-2;
        const shifted = async (by: number): Promise<number> => {
          const moved = tensor(original.map((w, k) => w + (k === i ? by : 0)), each.shape); // prettier-ignore
          each.assign(moved);
          moved.dispose();
          return lossAt();
        };
        const slope = ((await shifted(h)) - (await shifted(-h))) / (2 * h);
        await shifted(0);
        expect(Math.abs(slope - gradient[i]!)).toBeLessThan(1e-2 * scale + 1e-3);
      }
    }
    [value, x0, ...Object.values(grads)].forEach((used) => used.dispose());
    net.dispose();
  });
});

describe('identities in float64 (1e-12)', () => {
  it.each([1, 2, 5, 8])('the exact trace is the mean over all 2^d sign vectors, d = %d', (d) => {
    const net = tanhScore({ dims: d });
    const x = createNoise(2).hostNormal([d], { stream: 1 });
    const s = (point: Float64Array): Float64Array => net.eps(point, 0.7);
    const jacobian = net.jacobian(x, 0.7);
    let mean = 0;
    for (let bits = 0; bits < 2 ** d; bits++) {
      const v = Array.from({ length: d }, (_, i) => ((bits >> i) & 1 ? 1 : -1));
      mean += hostLosses.ssmVr(s, jacobian, x, v) / 2 ** d;
    }
    expect(Math.abs(mean - hostLosses.ism(s, jacobian, x))).toBeLessThan(1e-12);
    net.dispose();
  });

  it('a linear score makes the finite difference exact, at any ε', () => {
    const jacobian = precisionOf();
    const s = (point: Float64Array): Float64Array => G2.score(point, 0);
    for (const epsilon of [1e-3, 0.1, 3]) {
      const v = [0.6, 0.8];
      const slices = hostLosses.ssmVr(s, jacobian, [0.3, -2], v.map((each) => each * Math.SQRT2)); // prettier-ignore
      const differences = hostLosses.fdSsm(s, [0.3, -2], v.map((each) => each * epsilon), 2 / (2 * epsilon ** 2)); // prettier-ignore
      expect(Math.abs(differences - slices)).toBeLessThan(1e-9);
    }
  });

  it('and is off by O(ε²) for another: slope 2', () => {
    const net = tanhScore({ dims: 2 });
    const x = [0.4, -0.3];
    const s = (point: Float64Array): Float64Array => net.eps(point, 0.7);
    const truth = hostLosses.ssmVr(s, net.jacobian(x, 0.7), x, [0.6 * Math.SQRT2, 0.8 * Math.SQRT2]);
    const error = (epsilon: number): number =>
      Math.abs(hostLosses.fdSsm(s, Float64Array.from(x), [0.6 * epsilon, 0.8 * epsilon], 1 / epsilon ** 2) - truth);
    expect(Math.log2(error(0.04) / error(0.02))).toBeGreaterThan(1.9);
    expect(Math.log2(error(0.04) / error(0.02))).toBeLessThan(2.1);
    net.dispose();
  });

  it('in one dimension a component of period 4ε is rewarded without bound: its norm is not seen', () => {
    // s = a sin(πx/2ε) at ±ε about 0: s₊ = a, s₋ = −a. The norm is 0, the difference linear in a.
    const epsilon = 0.2;
    const loss = (a: number): number =>
      hostLosses.fdSsm((x) => x.map((v) => a * Math.sin((Math.PI * v) / (2 * epsilon))), [0], [epsilon], 1 / (2 * epsilon ** 2));
    expect(loss(-2000) / loss(-1000)).toBeCloseTo(2, 10);
    expect(loss(-1000)).toBeCloseTo(-1000 / epsilon, 6);
  });
});

describe('the variance of a single trace, s = −A x (objectives.md 5.5)', () => {
  const A = [1.5, 0.4, -0.2, 0.7];
  const S = [1.5, 0.1, 0.1, 0.7];
  const frobenius = S.reduce((total, value) => total + value ** 2, 0);
  it.each([
    ['gaussian', 2 * frobenius],
    ['rademacher', 2 * (frobenius - 1.5 ** 2 - 0.7 ** 2)],
    ['sphere', undefined],
  ] as const)('%s', async (projection, wanted) => {
    // ε̂ = ρ A y at y = 0: the norm is 0, and −ρ vᵀ(∂ε̂/∂y)v = −vᵀAv at ρ = 1.
    const objective = ssmVr({ ...at(1), projection });
    const noise = createNoise(12);
    const still: Noise = {
      ...noise,
      normal: (shape, draw) => (draw.stream === STREAM.perturb ? zeros([...shape]) : noise.normal(shape, draw)),
    };
    const matrix = tensor(A, [2, 2]) as Tensor2D;
    const model: Model = { ...G2.model(edm(), { head: 'eps' }), raw: (y) => matMul(y as Tensor2D, matrix, false, true) };
    const x0 = zeros([1, 2]);
    const values: number[] = [];
    for (let step = 0; step < 1500; step++) values.push((await dataOf(objective.loss(model, { x0, step }, still)))[0]!);
    [x0, matrix].forEach((used) => used.dispose());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((total, v) => total + (v - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean + 2.2)).toBeLessThan(4 * Math.sqrt(variance / values.length) + 1e-6);
    if (wanted !== undefined) expect(Math.abs(variance / wanted - 1)).toBeLessThan(0.25); // 4 standard errors of a variance with normal tails
  });
});

describe('refusals, before any arithmetic', () => {
  const noise = createNoise(1);
  it('ism beyond 64 coordinates, with the cost that it would have', () => {
    const x0 = tensor(new Float32Array(2 * 784), [2, 28, 28, 1]);
    const model = { ...G2.model(edm()), shape: [28, 28, 1] };
    expect(() => ism().loss(model, { x0, step: 0 }, noise)).toThrow(
      /\[ism\] the exact trace would take 784 forward and backward passes.*got 784 coordinates, expected at most 64; use ssm-vr/,
    );
    x0.dispose();
  });

  it('a model that cannot be differentiated twice, by ism, ssm and ssm-vr; not by fd-ssm', () => {
    const x0 = tensor([[0, 0]]);
    const model = { ...G2.model(edm()), doubleDifferentiable: false };
    for (const objective of [ism(), ssm(), ssmVr()]) {
      expect(objective.needs.derivatives).toBe(2);
      expect(() => objective.loss(model, { x0, step: 0 }, noise)).toThrow(/not safe under double differentiation.*fd-ssm/);
    }
    expect(fdSsm().needs).toEqual({ derivatives: 1, kernel: false });
    fdSsm().loss(model, { x0, step: 0 }, noise).dispose();
    x0.dispose();
  });

  it('a level of 0, a head that is none', () => {
    const before = memory().numTensors;
    const x0 = tensor([[0, 0]]);
    for (const objective of [dsm, ism, ssm, ssmVr, fdSsm])
      expect(() => objective({ pMean: -2000, pStd: 0 }).loss(G2.model(edm()), { x0, step: 0 }, noise)).toThrow(
        /row 0 is trained at a noise level that is none: got 0, expected a finite ρ > 0/,
      );
    const model = { ...G2.model(edm()), head: 'flow' as Head };
    expect(() => fdSsm().loss(model, { x0, step: 0 }, noise)).toThrow(/the head is none.*got flow, expected x0, eps, score or v/);
    expect(() => dsm().loss(model, { x0, step: 0 }, noise)).toThrow(/the head is none/);
    x0.dispose();
    expect(memory().numTensors).toBe(before);
  });
});

const dataOf = async (t: Tensor): Promise<Float32Array> => {
  const values = Float32Array.from(await t.data());
  t.dispose();
  return values;
};
