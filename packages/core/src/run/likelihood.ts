import {
  abs,
  add,
  addN,
  concat,
  div,
  grad,
  keep,
  maximum,
  mean,
  mul,
  reshape,
  slice,
  square,
  sub,
  sum,
  tensor,
  tidy,
  tile,
  where,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Model } from '../contracts/model.ts';
import { STREAM, type Noise } from '../contracts/noise.ts';
import { checkLevels } from '../process/levels.ts';
import { scaleRows } from '../process/scale-rows.ts';
import { dormandPrince, stepFactor } from '../solve/dormand-prince.ts';

export interface LikelihoodOptions {
  /** A synchronous, differentiable denoiser and its schedule: a {@link Model}, or as much of one. */
  readonly model: Pick<Model, 'denoise' | 'schedule'>;
  /** Data, [B, …]. Lent. */
  readonly x0: Tensor;
  /** One-hot [B, K]. Lent. */
  readonly label?: Tensor2D;
  /** `rk45`, the default: Dormand and Prince's pair, with steps of each image's own. `heun`: Heun's method on `levels`. */
  readonly method?: 'rk45' | 'heun';
  /** ρ, strictly decreasing as everywhere: from the last, which the data are taken to have, up to the first. Default: the schedule's ends; `heun` puts 128 steps between them, even in log ρ. */
  readonly levels?: Float64Array;
  /** Relative and absolute tolerance of a step. Default 1e-5. */
  readonly rtol?: number;
  readonly atol?: number;
  /** `exact`, the default up to 64 dimensions: the trace, one reverse pass for each dimension. `hutchinson`: ε · ∂(ε · D), unbiased. */
  readonly divergence?: 'hutchinson' | 'exact';
  /** Vectors ε of Hutchinson's estimator, ±1, the same for the whole solve. Default 1. */
  readonly probes?: number;
  /** Where they come from. Row i has those of row i. */
  readonly noise?: Noise;
  /** Another pass over the same data has other vectors. Default 0. */
  readonly pass?: number;
}

/** In nats, one a row; `logDensity` is the sum of the other two. */
export interface Likelihood {
  /** log p(x). */
  readonly logDensity: Float64Array;
  /** Log density of the schedule's prior where the flow ends. */
  readonly prior: Float64Array;
  /** What the flow makes of a volume on the way there, ∫ ∇·f dt in x. */
  readonly volume: Float64Array;
  /** Denoiser calls until the row had arrived; the batch makes as many as its slowest row. */
  readonly nfe: Int32Array;
}

/**
 * log p(x) of each row by the probability-flow ODE, from the least level up to the prior.
 *
 * Y. Song et al.: Score-Based Generative Modeling through SDEs (2011.13456), §4.3 and appendix D.2; W. Grathwohl et al.: FFJORD
 * (1810.01367). In u = log ρ and z = y/s, s = √(1 + ρ²), which is x itself under VP and never grows:
 *
 *     dz/du = (y/s² − D(y; ρ))/s,    d log p(z)/du = −(d/s² − tr ∂D/∂y)
 *
 * so that log p(x) = log prior + ∫ (d/s² − tr ∂D/∂y) du + d log (α s)|ρ_max − d log (α s)|ρ_min. The trace is taken in reverse mode. The
 * state is float32, the log density is summed in float64 on the host, and belongs to the error that `rk45` controls, row by row:
 * a root mean square over d + 1 numbers. (The release takes it over the whole batch.)
 */
export const logLikelihood = async (options: LikelihoodOptions): Promise<Likelihood> => {
  const { model, x0, method = 'rk45', rtol = 1e-5, atol = 1e-5 } = options;
  const { schedule } = model;
  const rows = x0.shape[0]!;
  const dims = x0.size / rows;
  const levels = levelsOfRun(options);
  if (!(rtol >= 1e-6 && rtol < 1 && atol > 0))
    throw tweedieError({
      subject,
      problem: 'such tolerances hold nothing',
      got: { rtol, atol },
      expected: '1e-6 ≤ rtol < 1 (float32), atol > 0',
    });
  const [high, low] = [levels[0]!, levels.at(-1)!];
  /** log (α s): 0 under VP. */
  const scale = (rho: number): number => Math.log(schedule.alpha(schedule.timeOf(rho))) + 0.5 * Math.log1p(rho * rho);

  const flow = openFlow(options, dims);
  const start = tidy(() => mul(x0, Math.exp(-scale(low)))); // z = x/(α s)
  let end: Arrival | undefined;
  try {
    end = await (method === 'heun' ? byHeun(flow, start, levels) : byPairs(flow, start, Math.log(low), Math.log(high), { rtol, atol }));
    const z = await end.z.data();
    const t = schedule.timeOf(high);
    const sd = schedule.priorSigma(t);
    const grown = Math.exp(scale(high)); // x = α s z
    const prior = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      let squares = 0;
      for (let at = row * dims; at < (row + 1) * dims; at++) squares += (z[at]! * grown) ** 2;
      prior[row] = -0.5 * (squares / sd ** 2 + dims * Math.log(2 * Math.PI * sd * sd));
    }
    const volume = end.gained.map((gained) => gained + dims * (scale(high) - scale(low)));
    return { logDensity: volume.map((v, row) => v + prior[row]!), prior, volume, nfe: end.nfe };
  } finally {
    end?.z.dispose();
    start.dispose();
    flow.close();
  }
};

const subject = 'likelihood';

/** Dimensions up to which the trace is exact unless somebody says otherwise. */
const EXACT = 64;

/** log₂ of how many levels of an integer there are to a unit of x: 7 for bytes in [−1, 1], 8 for bytes in [0, 1]. */
export const dequantisationOffset = ({
  levels = 256,
  range = [-1, 1],
}: { readonly levels?: number; readonly range?: readonly [number, number] } = {}): number => Math.log2(levels / (range[1] - range[0]));

/**
 * −log p/(d ln 2) + offset, one a row. Without an offset it is what the density says of points. For images of integers it is bits per
 * integer where each was given uniform noise one level wide before it was scaled to [−1, 1], x = 2 (k + u)/256 − 1, and the offset is
 * {@link dequantisationOffset}: without that noise a density may be as large as it likes, and the number means nothing.
 */
export const bitsPerDim = (logDensity: Float64Array, dims: number, offset = 0): Float64Array =>
  logDensity.map((nats) => -nats / (dims * Math.LN2) + offset);

const levelsOfRun = ({ model: { schedule }, method = 'rk45', levels }: LikelihoodOptions): Float64Array => {
  if (levels !== undefined) {
    checkLevels(subject, levels, { reachesZero: false });
    return levels;
  }
  const [high, low] = [schedule.rho(schedule.tMax), schedule.rho(schedule.tMin)];
  const steps = method === 'heun' ? 128 : 1;
  return Float64Array.from({ length: steps + 1 }, (_, i) => (i === 0 ? high : i === steps ? low : high * (low / high) ** (i / steps)));
};

/** The slope of z at ρ, one ρ a row, and that of log p, as it is gained on the way up. */
interface Slope {
  readonly z: Tensor;
  readonly gain: Float64Array;
}

interface Flow {
  /** The tensor is the caller's. */
  at(z: Tensor, u: Float64Array): Promise<Slope>;
  close(): void;
}

interface Arrival {
  readonly z: Tensor;
  readonly gained: Float64Array;
  readonly nfe: Int32Array;
}

const openFlow = (options: LikelihoodOptions, dims: number): Flow => {
  const { model, label } = options;
  const { vectors, copies, weight } = probesOf(options, dims);
  const labels = label === undefined || copies === 1 ? label : tile(label, [copies, 1]);
  const many = (x: Tensor): Tensor => (copies === 1 ? x : tile(x, [copies, ...x.shape.slice(1).map(() => 1)]));
  return {
    at: async (z, u) => {
      const rho = u.map(Math.exp);
      const s = rho.map((level) => Math.sqrt(1 + level * level));
      const levels = repeated(rho, copies);
      const rows = rho.length;
      let answer: Tensor | undefined;
      let parts: readonly [slope: Tensor, traces: Tensor];
      try {
        parts = tidy(() => {
          const y = scaleRows(z, s);
          // Σ ε ∘ ∂(ε · D)/∂y, a row at a time: rows of a batch have nothing to do with each other.
          const pulled = grad((state: Tensor) => {
            answer = keep(model.denoise(state, levels, labels));
            return sum(mul(answer, vectors));
          })(many(y));
          const own = slice(answer!, y.shape.map(() => 0), y.shape); // prettier-ignore
          const slope = scaleRows(sub(scaleRows(y, s.map((v) => 1 / (v * v))), own), s.map((v) => 1 / v)); // prettier-ignore
          const traces = sum(reshape(mul(pulled, vectors), [copies, rows, dims]), [0, 2]);
          return [slope, traces] as [Tensor, Tensor];
        });
      } finally {
        answer?.dispose();
      }
      const [slope, traces] = parts;
      const values = await traces.data();
      traces.dispose();
      return { z: slope, gain: Float64Array.from(values, (trace, row) => dims / s[row]! ** 2 - weight * trace) };
    },
    close: () => {
      vectors.dispose();
      if (labels !== label) labels?.dispose();
    },
  };
};

interface Probes {
  /** ε of every copy of the batch, [copies · B, …]. */
  readonly vectors: Tensor;
  readonly copies: number;
  /** What a copy's ε · ∂(ε · D) counts for. */
  readonly weight: number;
}

const probesOf = ({ x0, noise, pass = 0, probes = 1, divergence }: LikelihoodOptions, dims: number): Probes => {
  const rows = x0.shape[0]!;
  if ((divergence ?? (dims <= EXACT ? 'exact' : 'hutchinson')) === 'exact') {
    if (dims > EXACT)
      throw tweedieError({ subject, problem: 'so many dimensions have no exact trace', got: dims, expected: `at most ${EXACT}`, remedy: "choose 'hutchinson'" }); // prettier-ignore
    const units = new Float32Array(dims * rows * dims);
    for (let copy = 0; copy < dims; copy++) for (let row = 0; row < rows; row++) units[(copy * rows + row) * dims + copy] = 1;
    return { vectors: tensor(units, [dims * rows, ...x0.shape.slice(1)]), copies: dims, weight: 1 };
  }
  if (noise === undefined) throw tweedieError({ subject, problem: "Hutchinson's estimator has nothing to draw from", expected: '`noise`' });
  if (!Number.isInteger(probes) || probes < 1 || probes > 256)
    throw tweedieError({ subject, problem: 'no such number of probes', got: probes, expected: 'an integer from 1 to 256' });
  const vectors = tidy(() =>
    concat(Array.from({ length: probes }, (_, draw) => noise.rademacher(x0.shape, { stream: STREAM.projection, step: pass, draw }))),
  );
  return { vectors, copies: probes, weight: 1 / probes };
};

const repeated = (values: Float64Array, copies: number): Float64Array =>
  Float64Array.from({ length: values.length * copies }, (_, at) => values[at % values.length]!);

/** Heun's method in u: the trapezium rule for log p. */
const byHeun = async (flow: Flow, start: Tensor, levels: Float64Array): Promise<Arrival> => {
  const rows = start.shape[0]!;
  const gained = new Float64Array(rows);
  let z = start.clone();
  let held: Tensor[] = [];
  try {
    for (let i = levels.length - 1; i > 0; i--) {
      const [u, next] = [Math.log(levels[i]!), Math.log(levels[i - 1]!)];
      const h = next - u;
      const first = await flow.at(z, new Float64Array(rows).fill(u));
      held = [first.z];
      const guess = tidy(() => add(z, mul(first.z, h)));
      held.push(guess);
      const second = await flow.at(guess, new Float64Array(rows).fill(next));
      held.push(second.z, z);
      z = tidy(() => add(z, mul(add(first.z, second.z), h / 2)));
      first.gain.forEach((gain, row) => (gained[row]! += (h / 2) * (gain + second.gain[row]!)));
      held.forEach((tensor) => tensor.dispose());
      held = [];
    }
    return { z, gained, nfe: new Int32Array(rows).fill(2 * (levels.length - 1)) };
  } catch (error) {
    for (const own of new Set([z, ...held])) own.dispose();
    throw error;
  }
};

/** First step in u, and attempts after which no tolerance can be the reason. */
const FIRST = 0.1;
const MOST = 10_000;

/**
 * Dormand and Prince's pair in u, a step of each row's own. A row's error is the greater of that of its state, a root mean square, and that
 * of its log density, by dimension. A row that has arrived waits with a step of 0.
 */
const byPairs = async (
  flow: Flow,
  start: Tensor,
  from: number,
  to: number,
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
): Promise<Arrival> => {
  const { nodes, stages, error: difference } = dormandPrince;
  const rows = start.shape[0]!;
  const dims = start.size / rows;
  const u = new Float64Array(rows).fill(from);
  const pace = new Float64Array(rows).fill(FIRST);
  const gained = new Float64Array(rows);
  const nfe = new Int32Array(rows).fill(1);
  const owned = new Set<Tensor>();
  const own = <T extends Tensor>(tensor: T): T => (owned.add(tensor), tensor);
  const slopeAt = async (at: Tensor, levels: Float64Array): Promise<Slope> => {
    const slope = await flow.at(at, levels);
    own(slope.z);
    return slope;
  };
  let z = own(start.clone());
  try {
    let first = await slopeAt(z, u);
    for (let attempt = 0; u.some((at) => at < to); attempt++) {
      const next = u.map((at, row) => (at + 1.01 * pace[row]! >= to ? to : at + pace[row]!));
      const h = next.map((at, row) => at - u[row]!);
      const along = (slopes: readonly Slope[], weights: readonly number[]): Tensor =>
        scaleRows(addN(weights.flatMap((w, j) => (w === 0 ? [] : [mul(slopes[j]!.z, w)]))), h);
      const gain = (slopes: readonly Slope[], weights: readonly number[], row: number): number =>
        h[row]! * weights.reduce((total, w, j) => total + w * slopes[j]!.gain[row]!, 0);

      const slopes = [first];
      let state = z;
      for (let s = 1; s < nodes.length; s++) {
        if (state !== z && owned.delete(state)) state.dispose();
        state = own(tidy(() => add(z, along(slopes, stages[s]!))));
        slopes.push(await slopeAt(state, nodes[s] === 1 ? next : u.map((at, row) => at + nodes[s]! * h[row]!)));
      }
      const spread = tidy(() => {
        const tolerated = add(mul(maximum(abs(z), abs(state)), rtol), atol);
        return mean(reshape(square(div(along(slopes, difference), tolerated)), [rows, dims]), 1);
      });
      const squares = await spread.data();
      spread.dispose();

      const accepted = new Uint8Array(rows);
      for (let row = 0; row < rows; row++) {
        if (h[row] === 0) continue;
        nfe[row]! += nodes.length - 1;
        const more = gain(slopes, stages[6]!, row);
        const tolerated = dims * atol + rtol * Math.max(Math.abs(gained[row]!), Math.abs(gained[row]! + more));
        const error = Math.max(Math.sqrt(squares[row]!), Math.abs(gain(slopes, difference, row)) / tolerated);
        if (!Number.isFinite(error) || attempt === MOST)
          throw tweedieError({
            subject,
            problem: `row ${row} does not arrive at ρ = ${Math.exp(to)}`,
            got: `an error of ${error} tolerances at ρ = ${Math.exp(u[row]!)}, attempt ${attempt}`,
            remedy: 'look at what the model answers there, or raise the tolerances',
          });
        if (error <= 1) {
          accepted[row] = 1;
          u[row] = next[row]!;
          gained[row]! += more;
        }
        pace[row] = h[row]! * stepFactor(error);
      }

      const last = slopes[6]!;
      const before = { z, first };
      z = own(chosen(accepted, state, before.z));
      first = {
        z: own(chosen(accepted, last.z, before.first.z)),
        gain: before.first.gain.map((old, row) => (accepted[row] === 1 ? last.gain[row]! : old)),
      };
      for (const each of [...owned].filter((tensor) => tensor !== z && tensor !== first.z)) {
        owned.delete(each);
        each.dispose();
      }
    }
    owned.delete(z);
    return { z, gained, nfe };
  } finally {
    owned.forEach((tensor) => tensor.dispose());
  }
};

/** Row by row, the one or the other. */
const chosen = (first: Uint8Array, one: Tensor, other: Tensor): Tensor =>
  tidy(() => where(tensor(first, [first.length, ...one.shape.slice(1).map(() => 1)], 'bool'), one, other));
