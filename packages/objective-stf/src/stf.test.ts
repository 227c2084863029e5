import {
  concat,
  grad,
  keep,
  memory,
  mul,
  profile,
  reverse,
  slice,
  sum,
  tensor,
  tensor2d,
  variableGrads,
  zeros,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { FISHER, G2, mixture, RING8 } from '@tweedie/analytic';
import { fitAffine, tanhScore, testObjective } from '@tweedie/conformance';
import {
  createFeed,
  createNoise,
  edm,
  oneHotRows,
  parseOptions,
  STREAM,
  subVp,
  ve,
  vpLinear,
  type Batch,
  type Dataset,
  type Model,
  type Note,
  type Objective,
  type Schedule,
} from '@tweedie/core';
import { dsm } from '@tweedie/objective-classic';
import { describe, expect, it } from 'vitest';
import { stableTarget, stf, stfOptions } from './stf.ts';

testObjective({ title: 'stf, n = 256', create: () => stf({ reference: 256 }) });
testObjective({ title: 'stf, law vp', create: () => stf({ law: 'vp', reference: 300 }) });
testObjective({
  title: 'stf, law ve, likelihood weighting, in chunks',
  create: () => stf({ law: 've', weighting: 'likelihood', reference: 256, chunk: 100 }),
  settings: [{ schedule: ve(), head: 'score' }],
});

/** One fixed level, λ = σ². */
const at = (sigma: number) => ({ law: 'edm', weighting: 'sigma2', pMean: Math.log(sigma), pStd: 0 }) as const;
const dataOf = async (t: Tensor): Promise<Float32Array> => {
  const values = Float32Array.from(await t.data());
  t.dispose();
  return values;
};
const valueOf = async (objective: Objective, model: Model, batch: Batch, seed = 13): Promise<number> =>
  (await dataOf(objective.loss(model, batch, createNoise(seed))))[0]!;

describe('special cases', () => {
  const schedules: readonly (readonly [string, Schedule])[] = [
    ['edm', edm()],
    ['ve', ve()],
    ['vp', vpLinear()],
    ['sub-vp', subVp()],
  ];
  it.each(schedules.flatMap(([name, schedule]) => (['x0', 'eps', 'score', 'v'] as const).map((head) => [name, head, schedule] as const)))(
    'one reference point is denoising score matching, to the bit, loss and gradient: %s, %s',
    async (_, head, schedule) => {
      const net = tanhScore({ dims: 3 });
      const model = net.model(schedule, head);
      const x0 = createNoise(1).normal([1, 3], { stream: STREAM.data });
      const seen: number[][] = [];
      for (const objective of [dsm({ law: 'vp' }), stf({ law: 'vp', reference: 1 })]) {
        const { value, grads } = variableGrads(
          () => objective.loss(model, { x0, reference: x0, step: 2 }, createNoise(2)),
          [...net.variables],
        );
        const own = [...(await dataOf(value))];
        for (const each of net.variables) own.push(...(await dataOf(grads[each.name]!)));
        seen.push(own);
      }
      expect(seen[0]).toEqual(seen[1]);
      x0.dispose();
      net.dispose();
    },
  );

  it.each(schedules)('every head has the same loss and gradient under %s (1e-4)', async (_, schedule) => {
    const net = tanhScore({ dims: 3 });
    const noise = createNoise(3);
    const reference = noise.normal([40, 3], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [8, 3]);
    const seen: number[][] = [];
    for (const head of ['x0', 'eps', 'score', 'v'] as const) {
      const { value, grads } = variableGrads(
        () =>
          stf({ law: 've', sigmaMin: 0.05, sigmaMax: 5, reference: 40 }).loss(net.model(schedule, head), { x0, reference, step: 1 }, noise),
        [...net.variables],
      );
      const own = [...(await dataOf(value))];
      for (const each of net.variables) own.push(...(await dataOf(grads[each.name]!)));
      seen.push(own);
    }
    const scale = Math.max(...seen[0]!.map(Math.abs));
    for (const other of seen.slice(1)) other.forEach((value, i) => expect(Math.abs(value - seen[0]![i]!) / scale).toBeLessThan(1e-4));
    [reference, x0].forEach((used) => used.dispose());
    net.dispose();
  });

  it('the order of the reference, every point twice, and the chunk change nothing (1e-5)', async () => {
    const noise = createNoise(3);
    const reference = noise.normal([60, 4], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [7, 4]);
    const rho = Float64Array.of(0.05, 0.2, 0.5, 1, 2, 5, 40);
    const y = noise.normal([7, 4], { stream: STREAM.perturb });
    const [backwards, twice] = [reverse(reference, 0), concat([reference, reference], 0)];
    const targets: Float32Array[] = [];
    for (const [points, chunk] of [
      [reference, 4096],
      [backwards, 4096],
      [twice, 4096],
      [reference, 7],
      [reference, 1],
    ] as const) {
      // prettier-ignore
      const { x0: target, ess } = stableTarget(y, rho, { x0, reference: points }, { chunk });
      targets.push(await dataOf(target));
      ess.dispose();
    }
    for (const other of targets.slice(1)) other.forEach((value, i) => expect(Math.abs(value - targets[0]![i]!)).toBeLessThan(1e-5));
    [reference, x0, y, backwards, twice].forEach((used) => used.dispose());
  });

  it('at a tiny σ the target is the own point: denoising score matching', async () => {
    const noise = createNoise(4);
    const reference = noise.normal([64, 16], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [8, 16]);
    const net = tanhScore({ dims: 16 });
    const batch = { x0, reference, step: 0 };
    const [theirs, ours] = [
      await valueOf(dsm(at(0.01)), net.model(edm(), 'eps'), batch),
      await valueOf(stf({ ...at(0.01), reference: 64 }), net.model(edm(), 'eps'), batch),
    ];
    expect(Math.abs(ours / theirs - 1)).toBeLessThan(1e-5);
    [reference, x0].forEach((used) => used.dispose());
    net.dispose();
  });
});

/** Two points ±1 in one dimension: the target depends on how many of the n reference points are +1. */
const twoPoints = (sigma: number) => {
  const normal = (x: number, mean: number): number => Math.exp(-((x - mean) ** 2) / (2 * sigma ** 2)) / Math.sqrt(2 * Math.PI * sigma ** 2);
  const density = (x: number): number => 0.5 * normal(x, 1) + 0.5 * normal(x, -1);
  /** Σ w ∇log p(x | x_k) with `plus` of n points at +1. */
  const target = (x: number, plus: number, n: number): number => {
    const [up, down] = [1, -1].map((sign) => Math.exp((sign * x - Math.abs(x)) / sigma ** 2)) as [number, number];
    const mean = plus === 0 ? -1 : plus === n ? 1 : (plus * up - (n - plus) * down) / (plus * up + (n - plus) * down);
    return (mean - x) / sigma ** 2;
  };
  const score = (x: number): number => (Math.tanh(x / sigma ** 2) - x) / sigma ** 2;
  const binomial = (n: number): number[] => {
    const row = [0.5 ** n];
    for (let k = 1; k <= n; k++) row.push((row[k - 1]! * (n - k + 1)) / k);
    return row;
  };
  /** Mean and variance of the target given x: the own point from the posterior (or left out), the others from the data. */
  const given = (x: number, n: number, own: boolean): { mean: number; variance: number } => {
    const q = 1 / (1 + Math.exp((-2 * x) / sigma ** 2));
    const others = binomial(own ? n - 1 : n);
    const cases = others.flatMap((p, plus) =>
      own
        ? [
            [p * q, target(x, plus + 1, n)],
            [p * (1 - q), target(x, plus, n)],
          ]
        : [[p, target(x, plus, n)]],
    );
    const mean = cases.reduce((total, [p, t]) => total + p! * t!, 0);
    return { mean, variance: cases.reduce((total, [p, t]) => total + p! * (t! - mean) ** 2, 0) };
  };
  /** Trapezoid over ±(1 + 12σ). */
  const integral = (f: (x: number) => number): number => {
    const [end, cells] = [1 + 12 * sigma, 4000];
    let total = 0;
    for (let i = 0; i <= cells; i++) {
      const x = -end + (2 * end * i) / cells;
      total += (f(x) * density(x) * 2 * end) / cells;
    }
    return total;
  };
  return { target, score, given, integral };
};

describe('two points, by enumeration of the reference (objectives.md 5.4)', () => {
  const TABLE = [
    [0.3, [0.163466, 0.081733, 0.032186, 0.012557, 0.005781, 0.00139], [123.29, 1.93, 1.0e-4]],
    [0.7, [0.9375, 0.46875, 0.196234, 0.082909, 0.038943, 0.009408], [3.227, 0.0657, 6.1e-4]],
    [1, [0.4496, 0.2248, 0.097886, 0.043243, 0.020569, 0.004992], [0.5504, 0.01463, 2.8e-4]],
    [4, [0.003676, 0.001838, 0.0009, 0.000443, 0.00022, 0.000055], [2.3e-4, 1.3e-5, 1e-6]],
  ] as const;

  it.each(TABLE)('σ = %d: unbiased for every n (1e-10), of the variance of the table', (sigma, variances) => {
    const { score, given, integral } = twoPoints(sigma);
    for (const [k, n] of [1, 2, 4, 8, 16, 64].entries()) {
      for (let x = -3; x <= 3; x += 0.25) expect(Math.abs(given(x, n, true).mean - score(x))).toBeLessThan(1e-10);
      const v = integral((x) => given(x, n, true).variance);
      expect(Math.abs(v - variances[k]!)).toBeLessThan(0.6e-6);
    }
    const [one, two] = [1, 2].map((n) => integral((x) => given(x, n, true).variance));
    expect(Math.abs(two! / one! - 0.5)).toBeLessThan(1e-9);
    expect(Math.abs(one! - (1 / sigma ** 2 - FISHER.TWO_POINTS.find(([level]) => level === sigma)![1]))).toBeLessThan(1e-6);
  });

  it.each(TABLE)('σ = %d: without the own point it is biased, and less so with n', (sigma, _, biases) => {
    const { score, given, integral } = twoPoints(sigma);
    const found = [1, 4, 16].map((n) => integral((x) => (given(x, n, false).mean - score(x)) ** 2));
    found.forEach((bias, k) => expect(Math.abs(bias / biases[k]! - 1)).toBeLessThan(sigma === 4 && k === 2 ? 1 : 0.05));
    expect(found[0]! > 3 * found[1]! && found[1]! > 3 * found[2]!).toBe(true);
  });

  it('the tensor form is the enumerated target, for every count of +1 (1e-5)', async () => {
    const n = 16;
    for (const sigma of [0.3, 1, 4]) {
      const { target } = twoPoints(sigma);
      for (let plus = 1; plus < n; plus++) {
        const reference = tensor2d(Float32Array.from({ length: n }, (_, k) => (k < plus ? 1 : -1)), [n, 1]); // prettier-ignore
        const x0 = slice(reference, [0, 0], [1, 1]);
        const xs = [-2, -0.4, 0.1, 1.3];
        for (const x of xs) {
          const y = tensor2d([x], [1, 1]);
          const { x0: mean, ess } = stableTarget(y, Float64Array.of(sigma), { x0, reference });
          const wanted = x + sigma ** 2 * target(x, plus, n);
          expect(Math.abs((await dataOf(mean))[0]! - wanted)).toBeLessThan(1e-5);
          [y, ess].forEach((used) => used.dispose());
        }
        [reference, x0].forEach((used) => used.dispose());
      }
    }
  });
});

describe('the ring of eight Gaussians (objectives.md 5.3)', () => {
  /**
   * σ²V_STF(n) is twice the loss at the exact model. Each of 128 rows has a reference of its own: rows and references are 128
   * "classes", which the labels keep apart; the first 128 reference points are the rows.
   */
  const measure = async (sigma: number, n: number, batches: number): Promise<{ value: number; error: number }> => {
    const rows = 128;
    const noise = createNoise(29);
    const exact = RING8.model(edm(), { head: 'eps' });
    const model: Model = { ...exact, raw: (y, rho) => exact.raw(y, rho) };
    const objective = stf({ ...at(sigma), reference: rows * n });
    const label = oneHotRows(Int32Array.from({ length: rows }, (_, i) => i), rows); // prettier-ignore
    const referenceLabel = oneHotRows(Int32Array.from({ length: rows * n }, (_, i) => i % rows), rows); // prettier-ignore
    const values: number[] = [];
    for (let step = 0; step < batches; step++) {
      const points = Float32Array.from(RING8.sample(noise.rows(step * rows * n), rows * n));
      const [x0, reference] = [tensor(points.subarray(0, 2 * rows), [rows, 2]), tensor(points, [rows * n, 2])];
      values.push(2 * (await dataOf(objective.loss(model, { x0, label, reference, referenceLabel, step }, noise)))[0]!);
      [x0, reference].forEach((used) => used.dispose());
    }
    [label, referenceLabel].forEach((used) => used.dispose());
    const value = values.reduce((a, b) => a + b) / batches;
    return { value, error: Math.sqrt(values.reduce((total, v) => total + (v - value) ** 2, 0) / (batches * (batches - 1))) };
  };

  it.each([
    [0.5, 0.898006, [0.771, 0.361, 0.079]],
    [1, 1.10017, [0.78, 0.245, 0.057]],
    [5, undefined, [0.077, 0.019, 0.0047]],
  ] as const)('σ = %d: σ²V of n = 1, 2, 8, 32 (4 standard errors and the table’s 2 %), falling', async (sigma, own, table) => {
    const found: number[] = [];
    for (const [k, n] of [1, 2, 8, 32].entries()) {
      const { value, error } = await measure(sigma, n, 24);
      const wanted = k === 0 ? own : table[k - 1];
      if (wanted !== undefined) expect(Math.abs(value - wanted), `n = ${n}`).toBeLessThan(4 * error + 0.03 * wanted);
      expect(error / value).toBeLessThan(0.1);
      found.push(value);
    }
    for (let k = 1; k < found.length; k++) expect(found[k]!).toBeLessThan(found[k - 1]!);
  });

  it('from n = 8 on it falls like 1/n at σ = 5: slope −1 ± .05', async () => {
    const [few, many] = [await measure(5, 8, 48), await measure(5, 64, 16)];
    const slope = Math.log(many.value / few.value) / Math.log(8);
    const error = Math.hypot(many.error / many.value, few.error / few.value) / Math.log(8);
    expect(Math.abs(slope + 1)).toBeLessThan(0.05 + 2 * error);
    expect(error).toBeLessThan(0.03);
  });
});

describe('the optimum of Gaussian data', () => {
  it('is the affine score (Σ + σ²I)⁻¹(μ − y), as of denoising score matching, with less spread', async () => {
    const sigma = 0.7;
    const [p, q, b] = [1 + sigma ** 2, 0.5 + sigma ** 2, 0.6];
    const det = p * q - b * b;
    const wanted = [q / det, -b / det, -b / det, p / det, (q + b) / det, (-b - p) / det];
    const ours = await fitAffine(stf({ ...at(sigma), reference: 1024 }), G2, { rows: 256, batches: 24 });
    const theirs = await fitAffine(dsm(at(sigma)), G2, { rows: 256, batches: 24 });
    [...ours.matrix, ...ours.offset].forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(5 * ours.errors[i]! + 2e-3));
    const spread = (errors: readonly number[]): number => errors.reduce((total, e) => total + e * e, 0);
    expect(spread(ours.errors)).toBeLessThan(0.7 * spread(theirs.errors));
  });
});

describe('labels', () => {
  const half = mixture({
    weights: [1, 1],
    components: [
      { mean: [-1, 0], isotropic: 0.04 },
      { mean: [1, 0.5], isotropic: 0.04 },
    ],
    classOf: [0, 1],
  });
  it('a target is made of its own class alone; a row without a label has them all', async () => {
    const noise = createNoise(7);
    const { points, component } = half.draw(noise, 200);
    const reference = tensor(Float32Array.from(points), [200, 2]);
    const referenceLabel = oneHotRows(component, 2);
    const x0 = slice(reference, [0, 0], [3, 2]);
    const label = tensor2d([[1, 0], [0, 1], [0, 0]]); // prettier-ignore
    const y = tensor([[0.1, 0.2], [0.1, 0.2], [0.1, 0.2]]); // prettier-ignore
    const rho = new Float64Array(3).fill(0.8);
    const { x0: target, ess } = stableTarget(y, rho, { x0, label, reference, referenceLabel });
    const got = await dataOf(target);
    const average = (kept: (k: number) => boolean): number[] => {
      const weights = Array.from(component, (_, k) =>
        kept(k) ? Math.exp(-((0.1 - points[2 * k]!) ** 2 + (0.2 - points[2 * k + 1]!) ** 2) / (2 * 0.64)) : 0,
      );
      const total = weights.reduce((a, c) => a + c);
      return [0, 1].map((i) => weights.reduce((sum, w, k) => sum + (w * points[2 * k + i]!) / total, 0));
    };
    const wanted = [...average((k) => component[k] === 0), ...average((k) => component[k] === 1), ...average(() => true)];
    wanted.forEach((value, i) => expect(Math.abs(got[i]! - value)).toBeLessThan(1e-5));
    [reference, referenceLabel, x0, label, y, ess].forEach((used) => used.dispose());
  });

  it('are unbiased for the class: the gain of the class’s own model is 1, and is not where classes are mixed', async () => {
    // At the exact class-conditional model the gradient in a gain a, ε̂ = a ε*, vanishes at a = 1 (4 standard errors).
    const noise = createNoise(8);
    const sigma = 1;
    const [rows, n] = [64, 256];
    const model = half.model(edm(), { head: 'eps' });
    const slopes = { masked: [] as number[], mixed: [] as number[] };
    for (let step = 0; step < 40; step++) {
      const { points, component } = half.draw(noise.rows(step * n), n);
      const [reference, x0] = [
        tensor(Float32Array.from(points), [n, 2]),
        tensor(Float32Array.from(points.subarray(0, 2 * rows)), [rows, 2]),
      ];
      const [referenceLabel, label] = [oneHotRows(component, 2), oneHotRows(component.slice(0, rows), 2)];
      for (const kind of ['masked', 'mixed'] as const) {
        const batch: Batch = kind === 'masked' ? { x0, label, reference, referenceLabel, step } : { x0, reference, step };
        const conditional: Model = { ...model, raw: (y, rho) => model.raw(y, rho, label) };
        const lossAt = async (gain: number): Promise<number> =>
          (
            await dataOf(
              stf({ ...at(sigma), reference: n }).loss(
                { ...conditional, raw: (y, rho) => scaledBy(conditional.raw(y, rho), gain) },
                batch,
                noise,
              ),
            )
          )[0]!;
        slopes[kind].push((await lossAt(1.1)) - (await lossAt(0.9)));
      }
      [reference, x0, referenceLabel, label].forEach((used) => used.dispose());
    }
    const [masked, mixed] = [statistics(slopes.masked), statistics(slopes.mixed)];
    expect(Math.abs(masked.mean)).toBeLessThan(4 * masked.error);
    expect(Math.abs(mixed.mean)).toBeGreaterThan(8 * mixed.error);
  });

  const scaledBy = (x: Tensor, gain: number): Tensor => mul(x, gain);
  const statistics = (values: readonly number[]): { mean: number; error: number } => {
    const mean = values.reduce((a, b) => a + b) / values.length;
    return { mean, error: Math.sqrt(values.reduce((total, v) => total + (v - mean) ** 2, 0) / (values.length * (values.length - 1))) };
  };
});

describe('with the feed of core', () => {
  const points: Dataset = {
    id: 'points',
    shape: [2],
    classes: 3,
    size: 50,
    rows: (indices) => ({
      images: Float32Array.from(Array.from(indices).flatMap((i) => [i, -i])),
      labels: Int32Array.from(indices, (i) => i % 3),
    }),
  };
  it('the mini-batch is the first rows of the reference; micro-batches have their own; labels stand beside it, none dropped', async () => {
    const feed = createFeed({ dataset: points, batchSize: 8, noise: createNoise(1), reference: 20, labelDropout: 0.5 });
    const parts = [feed.batch(3, 0, 4), feed.batch(3, 4, 4), feed.batch(3, 4, 4)];
    const others: number[][] = [];
    for (const { x0, reference, referenceLabel, label } of parts) {
      const [own, all, classes] = [await x0.data(), await reference!.data(), await referenceLabel!.data()];
      expect([...all.slice(0, 8)]).toEqual([...own]);
      for (let k = 0; k < 20; k++) expect(classes[3 * k + (all[2 * k]! % 3)]).toBe(1);
      others.push([...all.slice(8)]);
      [x0, reference, referenceLabel, label].forEach((used) => used?.dispose());
    }
    expect(others[0]).not.toEqual(others[1]);
    expect(others[1]).toEqual(others[2]);
  });

  it('one row, no labels, works', async () => {
    const feed = createFeed({ dataset: { ...points, classes: 0 }, batchSize: 1, noise: createNoise(1), reference: 9 });
    const batch = feed.batch(0);
    expect(Number.isFinite(await valueOf(stf({ reference: 9 }), G2.model(edm()), batch))).toBe(true);
    [batch.x0, batch.reference].forEach((used) => used?.dispose());
  });
});

describe('the target', () => {
  it('is a constant: no gradient passes through it', async () => {
    const noise = createNoise(7);
    const reference = noise.normal([30, 3], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [5, 3]);
    const y = noise.normal([5, 3], { stream: STREAM.perturb });
    const through = grad((v: Tensor) => sum(stableTarget(v, new Float64Array(5).fill(0.7), { x0, reference }).x0))(y);
    expect([...(await dataOf(through))].every((g) => g === 0)).toBe(true);
    [reference, x0, y].forEach((used) => used.dispose());
  });

  it('never holds batch × n × d numbers', async () => {
    const [rows, n, d] = [32, 512, 300];
    const noise = createNoise(7);
    const reference = noise.normal([n, d], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [rows, d]);
    const y = noise.normal([rows, d], { stream: STREAM.perturb });
    const before = memory().numBytes;
    const { peakBytes } = await profile(() => stableTarget(y, new Float64Array(rows).fill(2), { x0, reference }, { chunk: 128 }).x0);
    expect(peakBytes - before).toBeLessThan(4 * (4 * n * d + 8 * rows * n + 4 * rows * d));
    expect(4 * (4 * n * d + 8 * rows * n + 4 * rows * d)).toBeLessThan(4 * rows * n * d); // the bound says something
    [reference, x0, y].forEach((used) => used.dispose());
  });

  it('tells of how many points it is made: 1 at small σ, n at large', async () => {
    const noise = createNoise(7);
    const reference = noise.normal([100, 3], { stream: STREAM.data });
    const x0 = slice(reference, [0, 0], [4, 3]);
    for (const [sigma, low, high] of [
      [1e-3, 0.999, 1.001],
      [1000, 99.9, 100.1],
    ] as const) {
      // prettier-ignore
      let heard: Tensor | undefined;
      const note = ({ ess }: Note): void => void (heard = keep(ess!.values.clone()));
      const loss = stf({ ...at(sigma), reference: 100 }).loss(flat(), { x0, reference, step: 0 }, noise, note);
      const values = await dataOf(heard!);
      expect(values).toHaveLength(4);
      values.forEach((v) => expect(v > low && v < high).toBe(true));
      loss.dispose();
    }
    [reference, x0].forEach((used) => used.dispose());
  });
  const flat = (): Model => ({
    schedule: edm(),
    head: 'eps',
    shape: [3],
    classes: 0,
    raw: (y) => zeros(y.shape),
    denoise: (y) => y.clone(),
    doubleDifferentiable: true,
  });
});

describe('refusals, before any arithmetic', () => {
  const x0 = (): Tensor2D => zeros([4, 2]);
  const refused = (batch: Partial<Batch>, message: RegExp): void => {
    const before = memory().numTensors;
    expect(() => stf().loss(G2.model(edm()), { x0: x0(), step: 0, ...batch }, createNoise(1))).toThrow(message);
    expect(memory().numTensors).toBeLessThanOrEqual(before + 4);
  };
  it('no reference, one smaller than the batch, one of another shape, one without labels', () => {
    refused({}, /\[stf\] there is no reference batch.*expected at least 4 points, the mini-batch the first of them; make the feed with/);
    refused({ reference: zeros([3, 2]) }, /the reference batch is smaller than the batch: got 3, expected at least 4/);
    refused({ reference: zeros([9, 3]) }, /another shape than the batch: got \[9,3\], expected \[n, 2\]/);
    refused({ reference: zeros([9, 2]), label: zeros([4, 8]) }, /the reference batch has no labels/);
  });
  it('options by name', async () => {
    await expect(parseOptions(stfOptions, { reference: 0 }, 'stf')).rejects.toThrow(/reference/);
    await expect(parseOptions(stfOptions, { rbatch: 4 }, 'stf')).rejects.toThrow(/rbatch/);
    expect(stf().needs).toEqual({ derivatives: 1, kernel: true, reference: 1024 });
  });
});
