import { memory, mul, reshape, tensor, tidy, variableGrads, type Tensor2D } from '@tensorflow/tfjs-core';
import { gaussian } from '@tweedie/analytic';
import { tanhScore } from '@tweedie/conformance';
import {
  createNoise,
  edm,
  edmPreconditioner,
  mapLevels,
  scaleRows,
  STREAM,
  subVp,
  ve,
  vpLinear,
  type Batch,
  type Model,
  type Noise,
  type Objective,
  type Schedule,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { dsm, type DsmOptions } from './dsm.ts';

const MEAN = [1, -1];
const COVARIANCE = [1, 0.6, 0.6, 0.5];
const data = gaussian({ mean: MEAN, covariance: COVARIANCE });

const rowsOf = (n: number, noise: Noise): Tensor2D => tensor(Float32Array.from(data.sample(noise, n)), [n, 2]) as Tensor2D;

/** The value of an objective at a model, its batch freed. */
const valueOf = async (objective: Objective, model: Model, batch: Batch, noise: Noise): Promise<number> => {
  const loss = objective.loss(model, batch, noise);
  const [value] = await loss.data();
  loss.dispose();
  return value!;
};

describe('dsm', () => {
  // objectives.md 5.2: ½ (d/σ² − I) with I = tr (Σ + σ²I)⁻¹, from the true score; std is that of σ²·loss a sample.
  it.each([
    [0.05, 394.765445, 0.987],
    [0.1, 95.099936, 0.952],
    [0.3, 8.143962, 0.761],
    [1, 0.337121, 0.418],
    [3, 0.008089, 0.096],
  ])('has the optimum ½(d/σ² − I) at σ = %d: %d (4 standard errors)', async (sigma, optimum, std) => {
    const n = 40_000;
    const noise = createNoise(11n);
    const x0 = rowsOf(n, noise);
    // One fixed level, λ = σ²: the loss is σ² times the table's.
    const objective = dsm({ law: 'edm', weighting: 'sigma2', pMean: Math.log(sigma), pStd: 0 });
    for (const head of ['x0', 'eps', 'score', 'v'] as const) {
      const value = await valueOf(objective, data.model(edm(), { head }), { x0, step: 0 }, noise);
      expect(Math.abs(value - sigma ** 2 * optimum)).toBeLessThan((4 * std) / Math.sqrt(n));
    }
    x0.dispose();
  });

  describe.each([
    ['edm', edm()],
    ['vp', vpLinear()],
    ['sub-VP', subVp()],
    ['ve', ve()],
  ] as const)('under %s', (_, schedule) => {
    it.each([
      ['edm', 'edm'],
      ['vp', 'sigma2'],
      ['vp', 'likelihood'],
      ['ve', 'sigma2'],
    ] as const)('gives every head the same loss and gradient: law %s, weighting %s', async (law, weighting) => {
      const noise = createNoise(13n);
      const x0 = rowsOf(64, noise);
      const net = tanhScore({ dims: 2 });
      const objective = dsm({ law, weighting });
      const seen: number[][] = [];
      for (const head of ['x0', 'eps', 'score', 'v'] as const) {
        const { value, grads } = variableGrads(() => objective.loss(net.model(schedule, head), { x0, step: 5 }, noise), [...net.variables]);
        const own = [...(await value.data())];
        for (const each of net.variables) own.push(...(await grads[each.name]!.data()));
        seen.push(own);
        [value, ...Object.values(grads)].forEach((used) => used.dispose());
      }
      const scale = Math.max(...seen[0]!.map(Math.abs));
      for (const other of seen.slice(1)) other.forEach((value, i) => expect(Math.abs(value - seen[0]![i]!) / scale).toBeLessThan(1e-4));
      x0.dispose();
      net.dispose();
    });
  });

  it('weighs EDM so that w(σ) c_out² = 1: a network that predicts 0 costs its own target, of unit variance', async () => {
    // With D = c_skip y + c_out F, w ‖D − x₀‖² = ‖F − target‖²; on data of variance σ_d² the target has variance 1 at every level.
    const noise = createNoise(14n);
    const sigmaData = 0.5;
    const n = 30_000;
    const x0 = tidy(() => mul(noise.normal([n, 1], { stream: STREAM.data }), sigmaData));
    const { at } = edmPreconditioner({ sigmaData });
    for (const rho of [0.002, 0.05, 0.5, 5, 80]) {
      const w = (rho ** 2 + sigmaData ** 2) / (rho * sigmaData) ** 2;
      expect(w * at(rho, edm()).out ** 2).toBeCloseTo(1, 12);
      const denoise: Model['denoise'] = (y, level) =>
        scaleRows(
          y,
          mapLevels(level, (l) => at(l, edm()).skip),
        );
      const model: Model = {
        schedule: edm(),
        head: 'x0',
        shape: [1],
        classes: 0,
        sigmaData,
        raw: denoise,
        denoise,
        doubleDifferentiable: true,
      };
      const value = await valueOf(dsm({ pMean: Math.log(rho), pStd: 0 }), model, { x0, step: 0 }, noise);
      expect(Math.abs(value - 1)).toBeLessThan(4 * Math.sqrt(2 / n) + 1e-4);
    }
    x0.dispose();
  });

  it('has the published scale: a model that predicts nothing costs ½ d under sigma2, and the three weightings are related as stated', async () => {
    const noise = createNoise(15n);
    const n = 4000;
    const x0 = rowsOf(n, noise);
    const zero: Model['raw'] = (y) => mul(y, 0);
    const model = (schedule: Schedule): Model => ({
      schedule,
      head: 'eps',
      shape: [2],
      classes: 0,
      raw: zero,
      denoise: zero,
      doubleDifferentiable: true,
    });
    const half = await valueOf(dsm({ law: 've', weighting: 'sigma2' }), model(ve()), { x0, step: 0 }, noise);
    expect(Math.abs(half - 1)).toBeLessThan(4 / Math.sqrt(n)); // ½ E‖z‖² = ½ d, per-row std ½√(2d) = 1
    // g²/σ² = 2 ln(σ_max/σ_min) under VE: 17.03 (objectives.md 1.4).
    const likelihood = await valueOf(dsm({ law: 've', weighting: 'likelihood' }), model(ve()), { x0, step: 0 }, noise);
    expect(likelihood / half).toBeCloseTo(2 * Math.log(5000), 3);
    // EDM: no ½, and 1 + (ρ/σ_d)² of it: at ρ = σ_d four times sigma2.
    const fixed: DsmOptions = { law: 'edm', pMean: Math.log(0.5), pStd: 0 };
    const ratio =
      (await valueOf(dsm({ ...fixed, weighting: 'edm' }), model(edm()), { x0, step: 0 }, noise)) /
      (await valueOf(dsm({ ...fixed, weighting: 'sigma2' }), model(edm()), { x0, step: 0 }, noise));
    expect(ratio).toBeCloseTo(4, 5);
    x0.dispose();
  });

  it('is the same number for ever, and the one that float64 gives from the same noise', async () => {
    const noise = createNoise(1n);
    const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const x0 = tensor(values, [6, 2, 2, 1]);
    const raw: Model['raw'] = (y, rho) =>
      scaleRows(
        y,
        mapLevels(rho, (level) => 1 / (1 + level)),
      );
    const model: Model = { schedule: vpLinear(), head: 'x0', shape: [2, 2, 1], classes: 0, raw, denoise: raw, doubleDifferentiable: true };
    const z = noise.hostNormal([6, 4], { stream: STREAM.perturb, step: 3 });
    const u = noise.hostUniform([6], { stream: STREAM.time, step: 3 });
    const g = noise.hostNormal([6], { stream: STREAM.time, step: 3 });
    const mean = (rho: (row: number) => number, weight: (rho: number) => number): number =>
      values.reduce((sum, x, i) => {
        const level = rho(Math.floor(i / 4));
        return sum + weight(level) * ((x + level * z[i]!) / (1 + level) - x) ** 2;
      }, 0) / 6;
    const vpLevel = (t: number): number => Math.sqrt(Math.expm1(0.5 * 19.9 * t * t + 0.1 * t));
    const [low, high] = [vpLevel(1e-3), vpLevel(1)];
    const golden = [
      {
        law: 'edm',
        value: 3.3405,
        again: mean(
          (i) => Math.exp(-1.2 + 1.2 * g[i]!),
          (rho) => (rho ** 2 + 0.25) / (0.5 * rho) ** 2,
        ),
      },
      {
        law: 'vp',
        value: 0.48657,
        again: mean(
          (i) => vpLevel(1e-3 + 0.999 * u[i]!),
          (rho) => 0.5 / rho ** 2,
        ),
      },
      {
        law: 've',
        value: 0.91948,
        again: mean(
          (i) => low * (high / low) ** u[i]!,
          (rho) => 0.5 / rho ** 2,
        ),
      },
    ] as const;
    for (const { law, value, again } of golden) {
      expect(Math.abs(again / value - 1)).toBeLessThan(2e-5);
      expect(Math.abs((await valueOf(dsm({ law }), model, { x0, step: 3 }, noise)) / again - 1)).toBeLessThan(1e-5);
    }
    x0.dispose();
  });

  it('treats every row for itself: a batch is the mean of its rows, and any shard sees the same', async () => {
    const noise = createNoise(16n);
    const x0 = rowsOf(8, noise);
    const objective = dsm({ law: 'vp' });
    const model = data.model(vpLinear(), { head: 'v' });
    const whole = await valueOf(objective, model, { x0, step: 9 }, noise);
    let sum = 0;
    const values = await x0.data();
    for (let row = 0; row < 8; row++) {
      const one = reshape(tensor(values.slice(2 * row, 2 * row + 2)), [1, 2]);
      sum += await valueOf(objective, model, { x0: one, step: 9 }, noise.rows(row));
    }
    expect(Math.abs(whole - sum / 8)).toBeLessThan(1e-5 * Math.abs(whole));
    expect(await valueOf(objective, model, { x0, step: 10 }, noise)).not.toBe(whole);
    x0.dispose();
  });

  it('leaves no tensor behind, and refuses options that say nothing', () => {
    const noise = createNoise(17n);
    const x0 = rowsOf(4, noise);
    const before = memory().numTensors;
    dsm().loss(data.model(edm()), { x0, step: 0 }, noise).dispose();
    expect(memory().numTensors).toBe(before);
    x0.dispose();
    expect(() => dsm({ betaMin: 0.1 })).toThrow(/half of β/);
    expect(() => dsm({ law: 've', sigmaMin: 2, sigmaMax: 1 }).loss(data.model(edm()), { x0: tensor([[0, 0]]), step: 0 }, noise)).toThrow(
      /no range of levels/,
    );
    expect(() => dsm({ pStd: -1 })).toThrow();
    expect(() => dsm({ sigma: 1 } as DsmOptions)).toThrow();
  });
});
