import { memory, tensor, variableGrads, type Tensor } from '@tensorflow/tfjs-core';
import { FISHER, G2, RING8 } from '@tweedie/analytic';
import { fitAffine, hostLosses, tanhScore, testObjective, type HostScore } from '@tweedie/conformance';
import {
  adam,
  createNoise,
  createParameters,
  edm,
  edmPreconditioner,
  parseOptions,
  scoreLoss,
  STREAM,
  subVp,
  train,
  ve,
  vpLinear,
  type Batch,
  type Head,
  type Model,
  type Note,
  type Objective,
  type Schedule,
} from '@tweedie/core';
import { mlp } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';
import { describe, expect, it } from 'vitest';
import { lcss, lcssOptions } from './lcss.ts';

testObjective({ create: () => lcss() });
testObjective({ title: 'lcss, law vp', create: () => lcss({ law: 'vp' }) });
testObjective({
  title: 'lcss, law ve, likelihood weighting',
  create: () => lcss({ law: 've', weighting: 'likelihood' }),
  settings: [{ schedule: ve(), head: 'score' }],
});
testObjective({ title: 'lcss, antithetic, two draws', create: () => lcss({ antithetic: true, draws: 2 }) });
testObjective({ title: 'lcss, γ = 2', create: () => lcss({ gamma: 2 }), optimum: { gain: 2 } });

/** One fixed level, λ = σ². */
const at = (sigma: number) => ({ law: 'edm', weighting: 'sigma2', pMean: Math.log(sigma), pStd: 0 }) as const;
const HEADS = ['x0', 'eps', 'score', 'v'] as const;
const SCHEDULES: readonly (readonly [string, Schedule])[] = [
  ['edm', edm()],
  ['ve', ve()],
  ['vp', vpLinear()],
  ['sub-vp', subVp()],
];

const dataOf = async (t: Tensor): Promise<Float32Array> => {
  const values = Float32Array.from(await t.data());
  t.dispose();
  return values;
};
const valueOf = async (objective: Objective, model: Model, batch: Batch): Promise<number> =>
  (await dataOf(objective.loss(model, batch, createNoise(13))))[0]!;

describe('the identity with denoising score matching', () => {
  const random = tanhScore({ dims: 3 });
  const s: HostScore = (x) => random.eps(x, 0.6);
  const x = [0.3, -1.2, 0.7];
  const z = [0.9, 0.1, -1.4];
  const squares = z.reduce((total, v) => total + v ** 2, 0);

  it.each([0.01, 0.3, 1, 7])('L_DSM = L_LCSS + ‖z‖²/2σ² for any network, point and noise, in float64 (1e-12), σ = %d', (sigma) => {
    const dsmValue = hostLosses.dsm(s, x, z, sigma);
    expect(Math.abs(dsmValue - hostLosses.lcss(s, x, z, sigma) - squares / (2 * sigma ** 2)) / dsmValue).toBeLessThan(1e-12);
  });

  it('the antithetic pair is the finite difference with v = τz, and ⅛ ‖s₊ − s₋‖² more (1e-12)', () => {
    for (const tau of [0.05, 0.4, 2]) {
      const pair = (hostLosses.lcss(s, x, z, tau) + hostLosses.lcss(s, x, z.map((v) => -v), tau)) / 2; // prettier-ignore
      const v = z.map((each) => tau * each);
      const [plus, minus] = [1, -1].map((sign) => s(Float64Array.from(x, (value, i) => value + sign * v[i]!)));
      const curvature = plus!.reduce((total, value, i) => total + (value - minus![i]!) ** 2, 0) / 8;
      expect(Math.abs(pair - hostLosses.fdSsm(s, Float64Array.from(x), v, 1 / (2 * tau ** 2)) - curvature)).toBeLessThan(
        1e-12 * (1 + Math.abs(pair)),
      );
    }
  });

  describe.each(SCHEDULES)('under %s, as tensors', (_, schedule) => {
    it.each(HEADS)('head %s: same gradient in every weight (1e-5 of the largest), and values ½ λ‖z‖²/σ² apart', async (head) => {
      for (const options of [
        { law: 'edm' },
        { law: 'vp' },
        { law: 've', weighting: 'likelihood' },
        { law: 'vp', weighting: 'likelihood' },
      ] as const) {
        const net = tanhScore({ dims: 3 });
        const noise = createNoise(4);
        const model = net.model(schedule, head, head === 'x0' ? 0.5 : undefined);
        const x0 = noise.normal([16, 3], { stream: STREAM.data });
        const seen: { value: number; gradients: number[] }[] = [];
        for (const objective of [dsm(options), lcss(options)]) {
          const { value, grads } = variableGrads(() => objective.loss(model, { x0, step: 1 }, noise), [...net.variables]);
          const gradients: number[] = [];
          for (const each of net.variables) gradients.push(...(await grads[each.name]!.data()));
          seen.push({ value: (await dataOf(value))[0]!, gradients });
          Object.values(grads).forEach((g) => g.dispose());
        }
        const [theirs, ours] = seen as [(typeof seen)[0], (typeof seen)[0]];
        const scale = Math.max(...theirs.gradients.map(Math.abs));
        ours.gradients.forEach((g, i) => expect(Math.abs(g - theirs.gradients[i]!) / scale).toBeLessThan(1e-5));
        expect(ours.value).toBeLessThan(theirs.value);
        x0.dispose();
        net.dispose();
      }
    });

    it.each(HEADS)('head %s says what float64 says, γ and antithetic included (1e-4)', async (head) => {
      const net = tanhScore({ dims: 3 });
      const [rows, step, rho] = [5, 2, 0.8];
      const noise = createNoise(13);
      const points = noise.hostNormal([rows, 3], { stream: STREAM.data }).map(Math.fround);
      const x0 = tensor(Float32Array.from(points), [rows, 3]);
      const score: HostScore = (y) => net.eps(y, rho).map((e) => -e / rho);
      for (const [gamma, antithetic, draws] of [
        [1, false, 1],
        [0.5, false, 1],
        [10, true, 2],
      ] as const) {
        // prettier-ignore
        let wanted = 0;
        for (let draw = 0; draw < draws; draw++) {
          const normal = noise.hostNormal([rows, 3], { stream: STREAM.perturb, step, draw });
          for (const sign of antithetic ? [1, -1] : [1])
            for (let i = 0; i < rows; i++) {
              const row = (a: Float64Array): Float64Array => a.subarray(3 * i, 3 * i + 3);
              const value = hostLosses.lcss(score, row(points), row(normal).map((v) => sign * v), rho, gamma); // prettier-ignore
              wanted += (rho ** 2 * value) / (rows * draws * (antithetic ? 2 : 1));
            }
        }
        const got = await valueOf(lcss({ ...at(rho), gamma, antithetic, draws }), net.model(schedule, head), { x0, step });
        expect(Math.abs(got - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
      }
      x0.dispose();
      net.dispose();
    });
  });

  it('so that training with either ends with the same weights (1e-4 after 100 steps)', async () => {
    const network = mlp({ shape: [2], width: 32, depth: 1 });
    const noise = createNoise(8);
    const ends: Float32Array[] = [];
    for (const objective of [dsm(), lcss()]) {
      const parameters = createParameters(network.parameters, network.init(noise));
      const loss = scoreLoss({ objective, network, schedule: edm(), preconditioner: edmPreconditioner() });
      const feed = {
        batchSize: 64,
        indices: (step: number) => Int32Array.from({ length: 64 }, (_, i) => 64 * step + i),
        batch: (step: number): Batch => ({ x0: tensor(Float32Array.from(RING8.sample(noise.rows(64 * step), 64)), [64, 2]), step }),
      };
      const run = train({ parameters, loss, feed, noise, optimizer: adam({ rate: 2e-3 }), steps: 100 });
      let next = await run.next();
      while (next.done !== true) next = await run.next();
      ends.push(next.value.parameters);
      parameters.dispose();
    }
    const start = createParameters(network.parameters, network.init(noise));
    const initial = await start.flat.data();
    start.dispose();
    const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((top, v, i) => Math.max(top, Math.abs(v - b[i]!)), 0);
    expect(far(ends[0]!, initial)).toBeGreaterThan(0.05);
    expect(far(ends[0]!, ends[1]!)).toBeLessThan(1e-4);
  });
});

/** Mean and standard error over batches at the exact model of Gaussian data, and the spread of one row. */
const atOptimum = async (objective: Objective, head: Head, batches = 40, rows = 1000) => {
  const noise = createNoise(17);
  const model = G2.model(edm(), { head });
  const values: number[] = [];
  for (let step = 0; step < batches; step++) {
    const x0 = tensor(Float32Array.from(G2.sample(noise.rows(step * rows), rows)), [rows, 2]);
    values.push((await dataOf(objective.loss(model, { x0, step }, noise)))[0]!);
    x0.dispose();
  }
  const mean = values.reduce((a, b) => a + b) / batches;
  return { mean, spread: Math.sqrt((values.reduce((total, v) => total + (v - mean) ** 2, 0) / (batches - 1)) * rows) };
};

describe('the optimum of Gaussian data (objectives.md 5.2)', () => {
  it.each([
    [0.05, 0.161, 0.987],
    [0.1, 0.307, 0.952],
    [0.3, 0.647, 0.761],
    [1, 0.908, 0.418],
    [3, 0.998, 0.096],
  ])(
    'σ = %d: −½ σ² I(p_σ) (4 standard errors), a row spread by %d where DSM has %d (4 standard errors of a deviation)',
    async (sigma, std, dsmStd) => {
      const fisher = FISHER.G2.find(([level]) => level === sigma)![1];
      for (const head of ['x0', 'eps'] as const) {
        const { mean, spread } = await atOptimum(lcss(at(sigma)), head);
        expect(Math.abs(mean + 0.5 * sigma ** 2 * fisher)).toBeLessThan((4 * std) / Math.sqrt(40_000) + 1e-5);
        expect(Math.abs(spread / std - 1)).toBeLessThan(4 / Math.sqrt(2 * 39));
      }
      expect(Math.abs((await atOptimum(dsm(at(sigma)), 'eps')).spread / dsmStd - 1)).toBeLessThan(4 / Math.sqrt(2 * 39));
    },
  );

  it.each([
    ['γ = 1', 1, false],
    ['γ = .5', 0.5, false],
    ['γ = 10', 10, false],
    ['antithetic', 1, true],
  ] as const)('the best affine score is γ (Σ + σ²I)⁻¹(μ − y): %s', async (_, gamma, antithetic) => {
    const sigma = 0.7;
    const [p, q, b] = [1 + sigma ** 2, 0.5 + sigma ** 2, 0.6];
    const det = p * q - b * b;
    const wanted = [q / det, -b / det, -b / det, p / det, (q + b) / det, (-b - p) / det];
    const { matrix, offset, errors } = await fitAffine(lcss({ ...at(sigma), gamma, antithetic }), G2);
    [...matrix, ...offset].forEach((value, i) => {
      expect(Math.abs(value - gamma * wanted[i]!)).toBeLessThan(5 * errors[i]! + 2e-3);
      expect(errors[i]).toBeLessThan(0.02 * (1 + gamma));
    });
  });

  it('the misreading with the norm at the clean point is least elsewhere, so that these tests would see it', () => {
    // Gaussian data: with s = −A y (mean 0), E[s(x′)·z/σ] = −tr A, E ½‖s(x)‖² = ½ tr AᵀAΣ: least at A = Σ⁻¹, not (Σ + σ²I)⁻¹.
    const sigma = 0.7;
    const noise = createNoise(3);
    const n = 40_000;
    const x = G2.sample(noise, n);
    const z = noise.hostNormal([n, 2], { stream: STREAM.perturb });
    const mean = (loss: typeof hostLosses.lcss, s: HostScore): number => {
      let total = 0;
      for (let i = 0; i < n; i++) total += loss(s, x.subarray(2 * i, 2 * i + 2), z.subarray(2 * i, 2 * i + 2), sigma) / n;
      return total;
    };
    const smoothed: HostScore = (y) => G2.score(y, sigma);
    const clean: HostScore = (y) => G2.score(y, 0);
    expect(mean(hostLosses.lcss, smoothed)).toBeLessThan(mean(hostLosses.lcss, clean) - 0.3);
    expect(mean(hostLosses.lcssCleanNorm, clean)).toBeLessThan(mean(hostLosses.lcssCleanNorm, smoothed) - 0.3);
    expect(Object.keys(lcssOptions.shape)).not.toContain('norm'); // and no option reaches it
  });
});

describe("Stein's identity, and its price (objectives.md 5.5)", () => {
  it('E[s(x + σz)·z/σ] is the mean trace: a random network, 200 000 draws, 4 standard errors', () => {
    const net = tanhScore({ dims: 3 });
    const [sigma, n] = [0.5, 200_000];
    const x = Float64Array.of(0.2, -0.4, 0.9);
    const z = createNoise(2).hostNormal([n, 3], { stream: 1 });
    let [stein, square, trace] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const own = z.subarray(3 * i, 3 * i + 3);
      const y = x.map((v, k) => v + sigma * own[k]!);
      const value = net.eps(y, 1).reduce((total, v, k) => total + v * own[k]!, 0) / sigma;
      const jacobian = net.jacobian(y, 1);
      const difference = value - (jacobian[0]! + jacobian[4]! + jacobian[8]!);
      stein += difference / n;
      square += difference ** 2 / n;
      trace += (jacobian[0]! + jacobian[4]! + jacobian[8]!) / n;
    }
    expect(Math.abs(stein)).toBeLessThan(4 * Math.sqrt(square / n));
    expect(Math.abs(trace)).toBeGreaterThan(20 * Math.sqrt(square / n)); // there is something to see
    net.dispose();
  });

  it.each([0.03, 0.1, 0.3, 1, 3])('one draw of s = −Ax has variance ‖Ax‖²/σ² + 2‖S‖², a pair 2‖S‖²: σ = %d (5 %)', (sigma) => {
    const A = [1.5, 0.4, -0.2, 0.7];
    const frobenius = 1.5 ** 2 + 2 * 0.1 ** 2 + 0.7 ** 2;
    const s: HostScore = (y) => Float64Array.of(-(A[0]! * y[0]! + A[1]! * y[1]!), -(A[2]! * y[0]! + A[3]! * y[1]!));
    const x = Float64Array.of(0.8, -0.5);
    const norm = s(x).reduce((total, v) => total + v ** 2, 0);
    const n = 100_000;
    const z = createNoise(5).hostNormal([n, 2], { stream: 1 });
    const [one, pair]: number[][] = [[], []];
    for (let i = 0; i < n; i++) {
      const own = z.subarray(2 * i, 2 * i + 2);
      const trace = (sign: number): number =>
        (sign * s(x.map((v, k) => v + sign * sigma * own[k]!)).reduce((total, v, k) => total + v * own[k]!, 0)) / sigma;
      one!.push(trace(1));
      pair!.push((trace(1) + trace(-1)) / 2);
    }
    const variance = (values: number[]): number => {
      const mean = values.reduce((a, b) => a + b) / n;
      return values.reduce((total, v) => total + (v - mean) ** 2, 0) / n;
    };
    expect(Math.abs(variance(one!) / (norm / sigma ** 2 + 2 * frobenius) - 1)).toBeLessThan(0.05);
    expect(Math.abs(variance(pair!) / (2 * frobenius) - 1)).toBeLessThan(0.05);
  });
});

describe('at σ = 80 and an EDM head', () => {
  it('the value in float32 has lost what depends on the network; the note has not, and sums to it in float64', async () => {
    const before = memory().numTensors;
    const noise = createNoise(9);
    const d = 3072;
    const rows = 4;
    const x0 = noise.normal([rows, d], { stream: STREAM.data });
    const model = (gain: number): Model => ({
      schedule: edm(),
      head: 'x0',
      shape: [d],
      classes: 0,
      sigmaData: 0.5,
      raw: (y) => tensor(new Float32Array(y.size).fill(gain), y.shape),
      denoise: (y) => y.clone(),
      doubleDifferentiable: true,
    });
    const options = { law: 'edm', pMean: Math.log(80), pStd: 0 } as const;
    const told = async (gain: number): Promise<{ informative: number; constant: number; loss: number }> => {
      let heard = { value: NaN, constant: NaN };
      const reads: Promise<void>[] = [];
      const note = (said: Note): void => {
        const own = said.informative!.value.clone();
        heard = { value: NaN, constant: said.informative!.constant };
        reads.push(dataOf(own).then(([value]) => void (heard.value = value!)));
      };
      const [loss] = await dataOf(lcss(options).loss(model(gain), { x0, step: 0 }, noise, note));
      await Promise.all(reads);
      return { informative: heard.value, constant: heard.constant, loss: loss! };
    };
    const [zero, small] = [await told(0), await told(0.01)];
    // The same constant; the informative part is DSM's own loss, and moves when the network does.
    expect(zero.constant).toBe(small.constant);
    expect(zero.constant).toBeLessThan(-7e7);
    expect(Math.abs(zero.informative / (await valueOfAt(dsm(options), model(0), x0)) - 1)).toBeLessThan(1e-5);
    const truth = 4 * (1 + (0.5 / 80) ** 2) * (await meanSquares(x0, 0.01)) - 4 * (1 + (0.5 / 80) ** 2) * (await meanSquares(x0, 0));
    expect(Math.abs(small.informative - zero.informative - truth)).toBeLessThan(0.1);
    expect(Math.abs(truth)).toBeGreaterThan(0.5);
    // Float32 keeps numbers of this size to 8: the difference is gone in the value itself.
    expect(Math.abs(small.loss - (zero.informative + zero.constant))).toBeLessThan(16);
    expect(Math.abs(small.loss % 8)).toBe(0);
    x0.dispose();
    expect(memory().numTensors).toBe(before);
  });

  const valueOfAt = async (objective: Objective, model: Model, x0: Tensor): Promise<number> =>
    (await dataOf(objective.loss(model, { x0, step: 0 }, createNoise(9))))[0]!;
  /** Mean over rows of ‖c − x₀‖², in float64. */
  const meanSquares = async (x0: Tensor, c: number): Promise<number> => {
    const values = await x0.data();
    return Array.from(values).reduce((total, x) => total + (Math.fround(c) - x) ** 2, 0) / x0.shape[0]!;
  };
});

describe('parity: published', () => {
  it('perturbs by g(t): the optimum is the score at σ = g, under the label of t', async () => {
    // VE: g = σ √(2 ln(σ_max/σ_min)) = 4.127 σ. At the score of p ∗ N(0, g²) the loss is −½ g² I(p_g).
    const schedule = ve();
    const sigma = 0.2;
    const g = Math.sqrt(schedule.diffusion2(schedule.timeOf(sigma)));
    expect(g / sigma).toBeCloseTo(4.127, 3);
    const model: Model = {
      ...G2.model(schedule, { head: 'score' }),
      raw: (y) => G2.model(edm(), { head: 'score' }).raw(y, g),
    };
    const [p, q, b] = [1 + g ** 2, 0.5 + g ** 2, 0.6];
    const fisher = (p + q) / (p * q - b * b);
    const noise = createNoise(17);
    const n = 40_000;
    const x0 = tensor(Float32Array.from(G2.sample(noise, n)), [n, 2]);
    const value = await valueOf(lcss({ ...at(sigma), parity: 'published' }), model, { x0, step: 0 });
    expect(Math.abs(value + 0.5 * g ** 2 * fisher)).toBeLessThan(4 / Math.sqrt(n));
    x0.dispose();
  });
});

describe('options', () => {
  it('are refused by name', async () => {
    await expect(parseOptions(lcssOptions, { gama: 1 }, 'lcss')).rejects.toThrow(/gama/);
    await expect(parseOptions(lcssOptions, { gamma: 0 }, 'lcss')).rejects.toThrow(/gamma/);
    await expect(parseOptions(lcssOptions, { draws: 0 }, 'lcss')).rejects.toThrow(/draws/);
    expect(() => lcss({ betaMin: 0.1 })).toThrow(/\[lcss\] half of β/);
  });
});
