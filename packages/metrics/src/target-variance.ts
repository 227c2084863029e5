import {
  add,
  concat,
  div,
  exp,
  matMul,
  max,
  maximum,
  mul,
  dispose,
  ones,
  slice,
  square,
  sub,
  sum,
  tensor2d,
  tidy,
  transpose,
  type Rank,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { posterior } from '@tweedie/analytic';
import { createNoise, STREAM, tweedieError, type Dataset } from '@tweedie/core';
import { chooseRows } from './reference.ts';
import { student } from './student.ts';

/**
 * The variance of training targets on a finite data set, which is taken as the population. Y. Xu, S. Tong, T. Jaakkola: Stable Target
 * Field for Reduced Variance Score Estimation (2302.00670), §3; in y = x₀ + σ z, for every schedule σ is ρ:
 *
 *     D = Σ_k w_k x_k over all N points,    w = softmax(−‖y − x_k‖²/2σ²):    the target without variance
 *     x̄_n = the same over n points: x₀ itself and n − 1 others, i.i.d. from the N
 *     σ²V_STF(n) = E‖x̄_n − D‖²/σ²,    σ²V_DSM = σ²V_STF(1) = E‖x₀ − D‖²/σ²,    ESS(n) = E 1/Σw²
 *
 * σ²V is the variance of the target (y − x̄_n)/σ that a network for ε regresses on. Levels share x₀, z and the others, and a smaller
 * reference is the beginning of a larger one: the curves are paired, in σ and in n.
 */

/** A mean over blocks and its 95 % interval, Student's t over independent blocks. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

export interface ReferenceVariance {
  /** Points in the reference, x₀ among them. */
  readonly n: number;
  /** σ²V. */
  readonly variance: Estimate;
  readonly ess: Estimate;
}

export interface LevelVariance {
  readonly sigma: number;
  /** By n, from 1: denoising score matching. */
  readonly references: readonly ReferenceVariance[];
  /** 1/Σw² over the whole population: 1 where the posterior is one point. */
  readonly essOfAll: Estimate;
}

export interface TargetVariance {
  readonly data: string;
  /** N. */
  readonly population: number;
  readonly rows: number;
  readonly blocks: number;
  readonly seed: bigint;
  readonly levels: readonly LevelVariance[];
}

export interface TargetVarianceOptions {
  /** σ. */
  readonly levels: readonly number[];
  /** Sizes n of the reference. 1 is always among them. */
  readonly references: readonly number[];
  /** Draws of (x₀, z). Default 256. */
  readonly rows?: number;
  /** Independent parts of the rows; those of one part share their others. Default 16. */
  readonly blocks?: number;
  /** Points of the data set that are the population, chosen by the seed. Default all. */
  readonly points?: number | undefined;
  readonly seed?: bigint | number;
  /** Numbers that the moments of a group of rows may hold: less memory is more groups, and more passes over the data. Default 2²⁵. */
  readonly memory?: number;
}

const subject = 'target variance';

/**
 * Estimates σ²V and ESS of every level and size of reference. One pass over the data for each group of rows; yields at the start,
 * after every part of a pass and every block. The population is finite: as σ → 0 its posterior is one point, and V is 0.
 *
 * An interval does not see what no row has met: where 1 row in 1000 has another point in reach, 256 rows may well say 0 to 0. Where few
 * rows or references carry the sum, block means are skewed and it holds the truth less often: 84 to 97 % for the two points ±1.
 * Errors: what is no level, a reference larger than the population, rows that are no multiple of the blocks.
 */
export const targetVariance = (
  dataset: Dataset,
  options: TargetVarianceOptions,
): AsyncGenerator<{ readonly done: number; readonly total: number }, TargetVariance, void> => estimate(dataset, settle(dataset, options));

type Settled = Required<Omit<TargetVarianceOptions, 'points'>> & { readonly points: number };

const settle = ({ size, id }: Dataset, options: TargetVarianceOptions): Settled => {
  const { levels, rows = 256, blocks = 16, points = size, seed = 0, memory = 2 ** 25 } = options;
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const stray = levels.find((sigma) => !(Number.isFinite(sigma) && sigma > 0));
  if (levels.length === 0 || stray !== undefined)
    throw tweedieError({ subject, problem: 'there is no such noise level', got: stray ?? 'none', expected: 'finite numbers above 0' });
  if (!whole(points, 2) || points > size)
    throw tweedieError({
      subject,
      problem: 'the population is no part of the data set',
      got: points,
      expected: `an integer from 2 to ${size}, the size of ${id}`,
    });
  const bad = options.references.find((n) => !whole(n, 1) || n > points);
  if (bad !== undefined)
    throw tweedieError({
      subject,
      problem: 'there is no reference of this size',
      got: bad,
      expected: `integers from 1 to ${points}, the size of the population`,
      remedy: 'a larger one would hold points twice: leave it out',
    });
  if (!whole(blocks, 8))
    throw tweedieError({ subject, problem: 'too few blocks for an interval', got: blocks, expected: 'an integer ≥ 8' });
  if (!whole(rows, blocks) || rows % blocks !== 0)
    throw tweedieError({
      subject,
      problem: 'the rows cannot be dealt to the blocks',
      got: rows,
      expected: `a multiple of ${blocks}, the number of independent blocks`,
    });
  return { levels, references: [...new Set([1, ...options.references])].sort((a, b) => a - b), rows, blocks, points, seed, memory };
};

/** Numbers that a part of the data may hold. */
const PART = 2 ** 22;

async function* estimate(dataset: Dataset, settled: Settled): ReturnType<typeof targetVariance> {
  const { levels, references, rows, blocks, points, seed, memory } = settled;
  const { d, read, free } = populationOf(dataset, points, seed);
  const noise = createNoise(seed);
  const own = rows / blocks;
  const group = Math.min(blocks, Math.max(1, Math.floor(memory / (own * levels.length * d))));
  const part = Math.min(4096, Math.max(64, Math.floor(PART / Math.max(d, group * own))));
  const total = Math.ceil(blocks / group) * Math.ceil(points / part) + blocks;
  let done = 0;
  /** Points i.i.d. from the population, one for each u. */
  const pick = (u: Float64Array): Float64Array => u.map((each) => Math.floor(each * points));
  const measured: (readonly LevelMeans[])[] = [];
  try {
    yield { done, total };
    for (let first = 0; first < blocks; first += group) {
      const count = own * Math.min(group, blocks - first);
      const here = noise.rows(first * own);
      const chosen = pick(here.hostUniform([count, 1], { stream: STREAM.metric, draw: 0 }));
      const x0 = read(chosen);
      const z = tensor2d(Float32Array.from(here.hostNormal([count, d], { stream: STREAM.perturb })), [count, d]);
      let sums: readonly Sums[] = [];
      try {
        for (let from = 0; from < points; from += part) {
          const indices = Float64Array.from({ length: Math.min(part, points - from) }, (_, i) => from + i);
          const before = sums;
          sums = fold(read, indices, { x0, z, levels }, before);
          before.forEach(dispose);
          yield { done: ++done, total };
        }
        for (let at = 0; at < count; at += own) {
          const others = pick(noise.rows(measured.length).hostUniform([1, references.at(-1)! - 1], { stream: STREAM.metric, draw: 1 }));
          const seen = Float64Array.from([...chosen.subarray(at, at + own), ...others]);
          measured.push(await measureBlock(() => read(seen), { z, sums, at, own, levels, references }));
          yield { done: ++done, total };
        }
      } finally {
        x0.dispose();
        z.dispose();
        sums.forEach(dispose);
      }
    }
  } finally {
    free();
  }
  return Object.freeze<TargetVariance>({
    data: dataset.id,
    population: points,
    rows,
    blocks,
    seed: noise.seed,
    levels: levels.map((sigma, l) => {
      const over = (pick: (means: LevelMeans) => number, bounds: readonly [number, number]): Estimate =>
        overBlocks(
          measured.map((block) => pick(block[l]!)),
          bounds,
        );
      return {
        sigma,
        references: references.map((n, r) => ({
          n,
          variance: over(({ byReference }) => byReference[r]!.variance, [0, Infinity]),
          ess: over(({ byReference }) => byReference[r]!.ess, [1, n]),
        })),
        essOfAll: over(({ ess }) => ess, [1, points]),
      };
    }),
  });
}

/** The points that are the population, by index from 0, as tensors around their mean, where float32 loses the fewest digits. */
const populationOf = (dataset: Dataset, points: number, seed: bigint | number) => {
  const d = dataset.shape.reduce((product, n) => product * n, 1);
  const chosen = points === dataset.size ? undefined : chooseRows(dataset.size, points, BigInt(seed), 2);
  const images = (indices: Float64Array): Float32Array =>
    dataset.rows(chosen === undefined ? indices : indices.map((i) => chosen[i]!)).images;
  const mean = new Float64Array(d);
  for (let from = 0; from < points; from += 1024) {
    const values = images(Float64Array.from({ length: Math.min(1024, points - from) }, (_, i) => from + i));
    for (let at = 0; at < values.length; at += d) for (let i = 0; i < d; i++) mean[i]! += values[at + i]! / points;
  }
  const centre = tensor2d(Float32Array.from(mean), [1, d]);
  return {
    d,
    /** [indices, d]. The tensor is the caller's. */
    read: (indices: Float64Array): Tensor2D => tidy(() => sub(tensor2d(images(indices), [indices.length, d]), centre)),
    free: () => centre.dispose(),
  };
};
type Read = ReturnType<typeof populationOf>['read'];

/** Of each row at one level: the greatest logit so far, and Σ w, Σ w², Σ w x relative to it. [R, 1], [R, 1], [R, 1], [R, d]. */
type Sums = [top: Tensor2D, mass: Tensor2D, squares: Tensor2D, moment: Tensor2D];

/**
 * One part of the population into the sums of every level. The products with x₀ and with z are made once for all levels:
 * log w = (x₀·x_k + σ z·x_k − ½‖x_k‖²)/σ².
 */
const fold = (
  read: Read,
  indices: Float64Array,
  { x0, z, levels }: { readonly x0: Tensor2D; readonly z: Tensor2D; readonly levels: readonly number[] },
  before: readonly Sums[],
): Sums[] =>
  tidy(() => {
    const points = read(indices);
    const across = transpose(points); // one copy for both products
    const clean = sub(matMul(x0, across), mul(sum(square(across), 0, true), 0.5));
    const noisy = matMul(z, across);
    return levels.map((sigma, l) =>
      tidy((): Sums => {
        const logits = mul<Tensor2D>(add(clean, mul(noisy, sigma)), 1 / sigma ** 2);
        const old = before[l];
        const here = max<Tensor2D>(logits, 1, true);
        const top = old === undefined ? here : maximum<Tensor2D>(old[0], here);
        const w = exp<Tensor2D>(sub<Tensor2D>(logits, top));
        const sums: Sums = [top, sum(w, 1, true), sum(square(w), 1, true), matMul(w, points)];
        if (old === undefined) return sums;
        const fade = exp<Tensor2D>(sub<Tensor2D>(old[0], top));
        return [
          top,
          add<Tensor2D>(mul(old[1], fade), sums[1]),
          add<Tensor2D>(mul(old[2], square(fade)), sums[2]),
          add<Tensor2D>(mul(old[3], fade), sums[3]),
        ];
      }),
    );
  });

/** Means over the rows of one block. */
interface LevelMeans {
  readonly ess: number;
  readonly byReference: readonly { readonly variance: number; readonly ess: number }[];
}

interface Block {
  readonly z: Tensor2D;
  readonly sums: readonly Sums[];
  /** The block's rows in z and sums: `own` of them from `at`. */
  readonly at: number;
  readonly own: number;
  readonly levels: readonly number[];
  readonly references: readonly number[];
}

/** `points` are the x₀ of the block's rows and then the others. A row sees the others and its own x₀, never that of another row. */
const measureBlock = async (points: () => Tensor2D, { z, sums, at, own, levels, references }: Block): Promise<LevelMeans[]> => {
  const height = levels.length * own; // row l·own + i is row i at level l
  const most = references.at(-1)!;
  const rho = Float64Array.from({ length: height }, (_, row) => levels[Math.floor(row / own)]!);
  const hidden = new Float32Array(height * (own + most - 1));
  for (let row = 0; row < height; row++) for (let i = 0; i < own; i++) if (i !== row % own) hidden[row * (own + most - 1) + i] = -1e30;
  // For each reference ‖x̄ − D‖² and 1/Σw² of each row; last 1/Σw² over the population.
  const columns = tidy(() => {
    const all = points();
    const allowed = tensor2d(hidden, [height, own + most - 1]);
    const mine = slice(all, [0, 0], [own, -1]);
    const ours = (x: Tensor2D): Tensor2D => slice(x, [at, 0], [own, -1]);
    const y = concat<Tensor2D>(levels.map((sigma) => add<Tensor2D>(mine, mul(ours(z), sigma))));
    const exact = concat<Tensor2D>(sums.map(([, mass, , moment]) => div<Tensor2D>(ours(moment), ours(mass))));
    const ess = concat<Tensor2D>(sums.map(([, mass, squares]) => div<Tensor2D>(square(ours(mass)), ours(squares))));
    const away = (mean: Tensor2D): Tensor2D => sum<Tensor2D>(square(sub(mean, exact)), 1, true);
    const measured = references.flatMap((n) => {
      if (n === 1) return [away(concat<Tensor2D>(levels.map(() => mine))), ones<Rank.R2>([height, 1])];
      const folded = posterior(y, rho, slice(all, [0, 0], [own + n - 1, -1]), { allowed: slice(allowed, [0, 0], [-1, own + n - 1]) });
      return [away(folded.mean), folded.ess];
    });
    return concat([...measured, ess], 1);
  });
  const values = await columns.data();
  columns.dispose();
  const width = 2 * references.length + 1;
  const mean = (l: number, column: number): number => {
    let total = 0;
    for (let i = 0; i < own; i++) total += values[(l * own + i) * width + column]!;
    return total / own;
  };
  return levels.map((sigma, l) => ({
    ess: mean(l, width - 1),
    byReference: references.map((_, r) => ({ variance: mean(l, 2 * r) / sigma ** 2, ess: mean(l, 2 * r + 1) })),
  }));
};

/** The mean of independent numbers with its interval, cut at what the quantity can be. */
const overBlocks = (values: readonly number[], [least, most]: readonly [number, number]): Estimate => {
  const k = values.length;
  const value = values.reduce((a, b) => a + b) / k;
  const error = Math.sqrt(values.reduce((total, v) => total + (v - value) ** 2, 0) / (k * (k - 1)));
  const half = student(k - 1) * error;
  return { value, interval: [Math.max(least, value - half), Math.min(most, value + half)] };
};

/**
 * Where a curve over σ first rises above `threshold` and last falls below it, linear in log σ between its points; null at an end of the
 * range where it is above already, undefined where it never is. Of σ²V_DSM with a tenth of its greatest value: the middle one of the
 * three phases low – high – low.
 */
export const rangeAbove = (
  sigmas: readonly number[],
  values: readonly number[],
  threshold: number,
): { readonly from: number | null; readonly to: number | null } | undefined => {
  const first = values.findIndex((value) => value > threshold);
  const last = values.findLastIndex((value) => value > threshold);
  if (first < 0) return undefined;
  const crossing = (below: number, above: number): number | null => {
    if (below < 0 || below >= values.length) return null;
    const share = (threshold - values[below]!) / (values[above]! - values[below]!);
    return sigmas[below]! * (sigmas[above]! / sigmas[below]!) ** share;
  };
  return { from: crossing(first - 1, first), to: crossing(last + 1, last) };
};
