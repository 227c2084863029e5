/**
 * The distribution of a finite set of points, each with probability 1/n: its denoiser is the best that any network can do
 * on the training set, and memorises it.
 */
import { add, matMul, reshape, sub, tensor2d, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { STREAM, tweedieError } from '@tweedie/core';
import { distribution, shapeOf, type Distribution } from './distribution.ts';
import { integrateFlow } from './flow.ts';
import { flatten } from './gaussian.ts';
import { classCount, logAllowed, softmaxOf } from './mixture.ts';
import { foldPosterior, type Chunk } from './posterior-mean.ts';

export interface EmpiricalOptions {
  /** Dimension of a point, where `shape` is not given. */
  readonly dims?: number;
  readonly shape?: readonly number[];
  /** The class of each point: makes the distribution class-conditional. */
  readonly labels?: ArrayLike<number>;
  /** Points that the tensor form handles at a time. Default 4096. */
  readonly chunk?: number;
}

export interface Empirical extends Distribution {
  readonly kind: 'empirical';
  readonly size: number;
}

const subject = 'analytic empirical';

/**
 * The distribution of `points`: [n, d] row-major with `shape` or `dims`, or a list of points. At ρ = 0 the denoiser gives
 * the nearest point, its limit; score and density are refused there. The points are not copied: do not change them.
 */
export const empirical = (points: ArrayLike<number> | readonly ArrayLike<number>[], options: EmpiricalOptions = {}): Empirical => {
  const nested = typeof points[0] !== 'number';
  const first = nested ? (points as readonly ArrayLike<number>[])[0] : undefined;
  const d = options.shape?.reduce((product, n) => product * n, 1) ?? options.dims ?? first?.length ?? 0;
  const flat = nested
    ? Float64Array.from((points as readonly ArrayLike<number>[]).flatMap((p) => Array.from(p)))
    : (points as ArrayLike<number>);
  if (!(d > 0) || flat.length === 0 || flat.length % d !== 0)
    throw tweedieError({
      subject,
      problem: 'points do not fit their dimension',
      got: `${flat.length} numbers, dimension ${d}`,
      remedy: 'give shape or dims, and [n, d] numbers',
    });
  for (let i = 0; i < flat.length; i++)
    if (!Number.isFinite(flat[i]!))
      throw tweedieError({ subject, problem: 'a point is not finite', got: `${flat[i]} in row ${Math.floor(i / d)}` });
  const n = flat.length / d;
  const { labels, chunk = 4096 } = options;
  const classes = classCount(subject, labels, n);

  const weightsAt = (y: Float64Array, rho: number, label?: number): { readonly weights: Float64Array; readonly logDensity: number } => {
    const squares = new Float64Array(n);
    let members = 0;
    let least = Infinity;
    for (let r = 0; r < n; r++) {
      if (label !== undefined && labels![r] !== label) {
        squares[r] = Infinity;
        continue;
      }
      members++;
      let total = 0;
      for (let i = 0; i < d; i++) total += (y[i]! - flat[r * d + i]!) ** 2;
      squares[r] = total;
      least = Math.min(least, total);
    }
    const logits = squares.map((s) => (rho === 0 ? (s === least ? 0 : -Infinity) : -s / (2 * rho * rho)));
    const { weights, logDensity } = softmaxOf(logits);
    return { weights, logDensity: logDensity - Math.log(members) - 0.5 * d * Math.log(2 * Math.PI * rho * rho) };
  };
  const average = (w: Float64Array): Float64Array => {
    const out = new Float64Array(d);
    w.forEach((wr, r) => {
      if (wr > 0) for (let i = 0; i < d; i++) out[i]! += wr * flat[r * d + i]!;
    });
    return out;
  };
  const noisy = (rho: number): void => {
    if (rho === 0) throw tweedieError({ subject, problem: 'a set of points has no density at ρ = 0', remedy: 'ask at a level above 0' });
  };

  // The tensor form works around the mean, where ‖x‖² and so float32's error is least.
  const centre = average(new Float64Array(n).fill(1 / n));
  const centre32 = Float32Array.from(centre);
  let centred: Float32Array | undefined;
  const points32 = (): Float32Array => (centred ??= Float32Array.from({ length: n * d }, (_, i) => flat[i]! - centre32[i % d]!));

  const base = distribution({
    kind: 'empirical',
    shape: shapeOf(subject, d, options.shape),
    classes,
    smooth: (rho, label) => ({
      denoise: (y) => average(weightsAt(y, rho, label).weights),
      score: (y) => {
        noisy(rho);
        return average(weightsAt(y, rho, label).weights).map((v, i) => (v - y[i]!) / (rho * rho));
      },
      logDensity: (y) => {
        noisy(rho);
        return weightsAt(y, rho, label).logDensity;
      },
    }),
    posterior: (y, rho, label) => {
      const { weights } = weightsAt(y, rho, label);
      const mean = average(weights);
      return {
        mean,
        weights,
        covariance: () => {
          const out = new Float64Array(d * d);
          weights.forEach((w, r) => {
            if (w > 0)
              for (let i = 0; i < d; i++)
                for (let j = 0; j < d; j++) out[i * d + j]! += w * (flat[r * d + i]! - mean[i]!) * (flat[r * d + j]! - mean[j]!);
          });
          return out;
        },
      };
    },
    flow: (y, from, to, label) => {
      noisy(Math.min(from, to));
      return integrateFlow(
        (rho) => (at) => average(weightsAt(at, rho, label).weights).map((v, i) => (v - at[i]!) / (rho * rho)),
        y,
        from,
        to,
      );
    },
    sample: (noise, count) => {
      const u = noise.hostUniform([count], { stream: STREAM.data, draw: 1 });
      const out = new Float64Array(count * d);
      u.forEach((ui, row) => {
        const r = Math.min(n - 1, Math.floor(ui * n));
        for (let i = 0; i < d; i++) out[row * d + i] = flat[r * d + i]!;
      });
      return out;
    },
    denoiser: (y, rho, label) =>
      tidy(() => {
        if (label !== undefined && labels === undefined)
          throw tweedieError({ subject, problem: 'the points have no classes', remedy: 'give labels, or call without a label' });
        const origin = tensor2d(centre32, [1, d]);
        const centredY: Tensor2D = sub(flatten(subject, y, d), origin);
        const chunks = function* (): Generator<() => Chunk> {
          for (let from = 0; from < n; from += chunk) {
            const m = Math.min(chunk, n - from);
            yield () => ({
              points: tensor2d(points32().subarray(from * d, (from + m) * d), [m, d]),
              ...(label === undefined
                ? {}
                : { allowed: logAllowed(label, matMul(label, classesOf(labels!, from, m, classes), false, true)) }),
            });
          }
        };
        return reshape(add(foldPosterior(centredY, rho, chunks()).mean, origin), y.shape);
      }),
  });
  return Object.freeze({ ...base, kind: 'empirical' as const, size: n });
};

/** One-hot classes of points, [m, K]. */
const classesOf = (labels: ArrayLike<number>, from: number, m: number, classes: number): Tensor2D => {
  const hot = new Float32Array(m * classes);
  for (let i = 0; i < m; i++) hot[i * classes + labels[from + i]!] = 1;
  return tensor2d(hot, [m, classes]);
};
