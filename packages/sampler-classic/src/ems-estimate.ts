import { add, grad, mean, mul, square, sub, sum, tensor, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import {
  createNoise,
  logSnr,
  oneHotRows,
  parseOptions,
  STREAM,
  tweedieError,
  type Statistics,
  type StatisticsContext,
  type StatisticsFile,
} from '@tweedie/core';
import { z } from 'zod';
import { KIND } from './ems.ts';

export const estimatorOptions = z.strictObject({
  grid: z.int().min(2).default(120).describe('Intervals of λ; the tables have one row more'),
  batchSize: z.int().min(1).default(64).describe('Points a network call'),
});

/**
 * l, s and b of a model (2310.13268, §3.1 and its appendix on computing them), from n data points, noised anew to each level with the same z and v:
 *
 *     l = E[diag ρ ∂ε̂/∂y] = 1 − E[v ∘ (∂D/∂y)ᵀ v],   v = ±1        one reverse-mode gradient a batch; the release uses forward mode
 *     f = (1 − l) y − D,   f' = (1 − l)(D − y) − l' y − dD/dλ       along the flow dy/dλ = D − y
 *     s = cov(f, f')/var f,   b = E f' − s E f
 *
 * dD/dλ by a central difference along the flow (two calls), l' by differences of the table. Where f hardly varies (a Gaussian's does not
 * at all) s is 0.
 */
export const estimateEms = async (context: StatisticsContext): Promise<StatisticsFile> => {
  const { model, dataset, modelHash, seed, n = 1024, noise = createNoise(seed), options, onProgress } = context;
  const subject = `statistics ${KIND}`;
  if (model === undefined || dataset === undefined)
    throw tweedieError({
      subject,
      problem: 'there is no model, or no data',
      remedy: 'give a trained model and the data it was trained on',
    });
  if (!(Number.isInteger(n) && n >= 2))
    throw tweedieError({ subject, problem: 'too few points', got: n, expected: 'an integer ≥ 2, and rather 1024' });
  if (dataset.shape.join() !== model.shape.join())
    throw tweedieError({ subject, problem: 'the data have another shape than the model', got: dataset.shape, expected: `[${model.shape.join(', ')}]` }); // prettier-ignore
  const { grid, batchSize } = await parseOptions(estimatorOptions, options, subject);
  const { schedule, shape } = model;
  const [max, min] = [schedule.rho(schedule.tMax), schedule.rho(schedule.tMin)];
  const levels = logSnr({ steps: grid, max, min });
  const size = shape.reduce((product, k) => product * k, 1);
  const count = Math.min(n, dataset.size);

  /** Shows `take` what `measure` gives for each batch at a level, each [size], with its number of rows. */
  const eachBatch = async (measure: (at: At) => readonly Tensor[], take: (values: readonly ArrayLike<number>[], rows: number) => void) => {
    for (let from = 0; from < count; from += batchSize) {
      const rows = Math.min(batchSize, count - from);
      const { images, labels } = dataset.rows(Int32Array.from({ length: rows }, (_, i) => Math.floor(((from + i) * dataset.size) / count)));
      const hot = model.classes === 0 || labels === undefined ? undefined : oneHotRows(labels, model.classes);
      const own = noise.rows(from);
      try {
        const parts = tidy(() => {
          const x0 = tensor(images, [rows, ...shape]);
          const z = own.normal([rows, ...shape], { stream: STREAM.perturb });
          const v = own.rademacher([rows, ...shape], { stream: STREAM.projection });
          return [...measure({ x0, z, v, ...(hot && { hot }) })];
        });
        const values = await Promise.all(parts.map((part) => part.data())).finally(() => parts.forEach((part) => part.dispose()));
        const bad = values.flatMap((list) => [...list]).find((value) => !Number.isFinite(value));
        if (bad !== undefined)
          throw tweedieError({ subject, problem: 'the model’s answers are not finite', got: bad, remedy: 'train it longer' });
        take(values, rows);
      } finally {
        hot?.dispose();
      }
    }
  };

  let done = 0;
  const tick = (): void => onProgress?.(++done, 2 * levels.length);
  const l: Float64Array[] = [];
  for (const rho of levels) {
    const own = new Float64Array(size).fill(1);
    await eachBatch(
      ({ x0, z, v, hot }) => {
        const y = add(x0, mul(z, rho));
        return [sum(mul(v, grad((at) => sum(mul(model.denoise(at, rho, hot), v)))(y)), 0)];
      },
      ([curved]) => own.forEach((_, k) => (own[k]! -= curved![k]! / count)),
    );
    l.push(own);
    tick();
  }
  const slopes = l.map((_, i) => {
    const [a, b] = [Math.max(0, i - 1), Math.min(grid, i + 1)];
    const width = Math.log(levels[a]! / levels[b]!);
    return l[b]!.map((value, k) => (value - l[a]![k]!) / width);
  });
  const [s, b]: [Float64Array[], Float64Array[]] = [[], []];
  for (const [i, rho] of levels.entries()) {
    // Means, and sums of products about them, merged batch by batch: about 0 float32 would lose the variance.
    const zeros = (): Float64Array => new Float64Array(size);
    const [f, g, ff, fg] = [zeros(), zeros(), zeros(), zeros()];
    let seen = 0;
    await eachBatch(
      ({ x0, z, hot }) => {
        const y = add(x0, mul(z, rho));
        const d = model.denoise(y, rho, hot);
        const flow = sub(d, y);
        const at = (by: number): Tensor => model.denoise(add(y, mul(flow, by)), rho * Math.exp(-by), hot);
        const change = mul(sub(at(DELTA), at(-DELTA)), 1 / (2 * DELTA));
        const rest = tensor(
          Float32Array.from(l[i]!, (value) => 1 - value),
          [1, ...shape],
        );
        const slope = tensor(Float32Array.from(slopes[i]!), [1, ...shape]);
        const own = sub(mul(y, rest), d);
        const rate = sub(sub(mul(flow, rest), mul(y, slope)), change);
        const [middle, centre] = [mean(own, 0, true), mean(rate, 0, true)];
        const away = sub(own, middle);
        return [middle, centre, sum(square(away), 0), sum(mul(away, sub(rate, centre)), 0)];
      },
      ([middle, centre, squares, products], rows) => {
        const shared = (seen * rows) / (seen + rows);
        for (let k = 0; k < size; k++) {
          const [df, dg] = [middle![k]! - f[k]!, centre![k]! - g[k]!];
          ff[k]! += squares![k]! + df * df * shared;
          fg[k]! += products![k]! + df * dg * shared;
          f[k]! += (df * rows) / (seen + rows);
          g[k]! += (dg * rows) / (seen + rows);
        }
        seen += rows;
      },
    );
    const own = f.map((mu, k) => (ff[k]! / count > ROUNDING * (1 + mu * mu) ? fg[k]! / ff[k]! : 0));
    s.push(own);
    b.push(g.map((mu, k) => mu - own[k]! * f[k]!));
    tick();
  }
  const table = (rows: readonly Float64Array[]) => ({
    shape: [grid + 1, ...shape],
    data: Float32Array.from(rows.flatMap((row) => [...row])),
  });
  return Object.freeze({
    header: {
      kind: KIND,
      ...(modelHash === undefined ? {} : { model: modelHash }),
      guidance: 1,
      data: dataset.id,
      shape: [...shape],
      layout: 'NHWC',
      levels: [min, max],
      grid,
      n: count,
      seed: Number(seed),
    },
    tensors: {
      lambda: { shape: [grid + 1], data: levels.map((rho) => -Math.log(rho)) },
      l: table(l),
      s: table(s),
      b: table(b),
    },
  });
};

interface At {
  readonly x0: Tensor;
  readonly z: Tensor;
  readonly v: Tensor;
  readonly hot?: Tensor2D;
}

/** Step of the central difference in λ: its own error is δ²/6, float32's about 1e-7/δ. */
const DELTA = 5e-3;
/** A variance of f below this, in units of 1 + (E f)², is rounding. */
const ROUNDING = 1e-9;

/** The statistics of DPM-Solver-v3. */
export const v3Ems: Statistics = Object.freeze<Statistics>({
  kind: KIND,
  summary: 'l, s and b of every pixel at every noise level: what DPM-Solver-v3 is made of',
  needs: 'model',
  option: 'statistics',
  options: estimatorOptions,
  estimate: estimateEms,
});
