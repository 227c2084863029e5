/**
 * Σ_k π_k N(μ_k, Σ_k): the smallest distribution with a curved flow.
 *
 *   w_k(y) = softmax_k( log π_k + log N(y; μ_k, Σ_k + ρ²I) )
 *   D = Σ w_k D_k,   ∇log p_ρ = Σ w_k ∇log p_ρ,k
 */
import { add, addN, concat, matMul, mul, reshape, slice, softmax, sub, sum, tensor2d, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { STREAM, tweedieError, type Noise } from '@tweedie/core';
import { distribution, shapeOf, type Distribution } from './distribution.ts';
import { exponents, flatten, gaussian, logDeterminant, posteriorMeans, type Gaussian, type GaussianOptions } from './gaussian.ts';

export interface MixtureOptions {
  /** π_k ≥ 0, of any sum > 0. */
  readonly weights: ArrayLike<number>;
  readonly components: readonly (GaussianOptions | Gaussian)[];
  /** The class of each component, 0 to K − 1: makes the mixture class-conditional. */
  readonly classOf?: readonly number[];
  readonly shape?: readonly number[];
}

export interface Mixture extends Distribution {
  readonly kind: 'mixture';
  /** Normalised. */
  readonly weights: Float64Array;
  readonly components: readonly Gaussian[];
  /** Points [n, d] and the component that each came from. */
  draw(noise: Noise, n: number): { readonly points: Float64Array; readonly component: Int32Array };
}

const subject = 'analytic mixture';

/** A mixture of Gaussians. With `classOf`, a label restricts it to the components of its class; a zero row is unconditional. */
export const mixture = (options: MixtureOptions): Mixture => {
  const components = options.components.map((one) => ('kind' in one ? one : gaussian(one)));
  const d = components[0]?.dims ?? 0;
  if (d === 0 || components.some((one) => one.dims !== d))
    throw tweedieError({ subject, problem: 'components differ in dimension', got: components.map((one) => one.dims) });
  const weights = normalised(subject, options.weights, components.length);
  const classOf = options.classOf;
  const classes = classCount(subject, classOf, components.length);
  const shape = shapeOf(subject, d, options.shape);

  /** log π_k, renormalised within a class. */
  const logWeights = (label?: number): Float64Array => {
    const kept = weights.map((w, k) => (label === undefined || classOf![k] === label ? w : 0));
    const total = kept.reduce((a, b) => a + b, 0);
    return kept.map((w) => Math.log(w / total));
  };
  const responsibilities = (
    y: Float64Array,
    rho: number,
    label?: number,
  ): { readonly weights: Float64Array; readonly logDensity: number } => {
    const prior = logWeights(label);
    return softmaxOf(prior.map((p, k) => (p === -Infinity ? p : p + components[k]!.logDensity(y, rho)[0]!)));
  };
  const average = (w: Float64Array, values: (k: number) => Float64Array): Float64Array => {
    const out = new Float64Array(d);
    w.forEach((wk, k) => {
      if (wk > 0) values(k).forEach((v, i) => (out[i]! += wk * v));
    });
    return out;
  };
  const draw = (noise: Noise, n: number): { points: Float64Array; component: Int32Array } => {
    const z = components.map((one) => one.sample(noise, n));
    const u = noise.hostUniform([n], { stream: STREAM.data, draw: 1 });
    const component = Int32Array.from(u, (ui) => pick(weights, ui));
    const points = new Float64Array(n * d);
    component.forEach((k, i) => points.set(z[k]!.subarray(i * d, (i + 1) * d), i * d));
    return { points, component };
  };
  const membership =
    classOf &&
    Float32Array.from({ length: classes * components.length }, (_, i) =>
      classOf[i % components.length] === Math.floor(i / components.length) ? 1 : 0,
    );

  const base = distribution({
    kind: 'mixture',
    shape,
    classes,
    smooth: (rho, label) => ({
      denoise: (y) => (rho === 0 ? y : average(responsibilities(y, rho, label).weights, (k) => components[k]!.denoise(y, rho))),
      score: (y) => average(responsibilities(y, rho, label).weights, (k) => components[k]!.score(y, rho)),
      logDensity: (y) => responsibilities(y, rho, label).logDensity,
    }),
    posterior: (y, rho, label) => {
      const w = responsibilities(y, rho, label).weights;
      const parts = components.map((one) => one.posterior(y, rho));
      const mean = average(w, (k) => parts[k]!.mean);
      return {
        mean,
        weights: w,
        covariance: () => {
          const out = new Float64Array(d * d);
          parts.forEach((part, k) => {
            const c = part.covariance();
            for (let i = 0; i < d; i++)
              for (let j = 0; j < d; j++)
                out[i * d + j]! += w[k]! * (c[i * d + j]! + (part.mean[i]! - mean[i]!) * (part.mean[j]! - mean[j]!));
          });
          return out;
        },
      };
    },
    sample: (noise, n) => draw(noise, n).points,
    denoiser: (y, rho, label) =>
      tidy(() => {
        const flat = flatten(subject, y, d);
        const levels = typeof rho === 'number' ? [rho] : [...rho];
        // log π_k − ½ log det (Σ_k + ρ²I), relative to the first component so that float32 loses nothing.
        const constant = levels.flatMap((at) => {
          const dets = components.map((one) => logDeterminant(one.spectrum, at));
          return dets.map((det, k) => Math.max(-1e30, Math.log(weights[k]!) - 0.5 * (det - dets[0]!)));
        });
        let logits: Tensor2D = add(
          concat(
            components.map((one) => exponents(one, flat, rho)),
            1,
          ),
          tensor2d(Float32Array.from(constant), [levels.length, components.length]),
        );
        if (label !== undefined) {
          if (membership === undefined)
            throw tweedieError({ subject, problem: 'the mixture has no classes', remedy: 'give classOf, or call without a label' });
          logits = add(logits, logAllowed(label, matMul(label, tensor2d(membership, [classes, components.length]))));
        }
        const w = softmax(logits);
        const means = components.map((one, k) => mul(slice(w, [0, k], [-1, 1]), posteriorMeans(one, flat, rho)));
        return reshape(addN(means), y.shape);
      }),
  });
  return Object.freeze({ ...base, kind: 'mixture' as const, weights, components, draw });
};

/** log of what a one-hot label allows, [B, n], with `member` = label · (class of each of n): 0 for its own class and for all of a zero row, −1e30 for others. */
export const logAllowed = (label: Tensor2D, member: Tensor2D): Tensor2D => mul(sub(member, sum(label, 1, true)), 1e30);

export const normalised = (who: string, weights: ArrayLike<number>, expected: number): Float64Array => {
  const list = Float64Array.from(weights);
  const total = list.reduce((a, b) => a + b, 0);
  if (list.length !== expected || list.some((w) => !(w >= 0)) || !(total > 0 && total < Infinity))
    throw tweedieError({
      subject: who,
      problem: 'weights are no weights',
      got: [...list].slice(0, 8),
      expected: `${expected} numbers ≥ 0 with a positive sum`,
    });
  return list.map((w) => w / total);
};

export const classCount = (who: string, classOf: ArrayLike<number> | undefined, expected: number): number => {
  if (classOf === undefined) return 0;
  const list = Array.from(classOf);
  if (list.length !== expected || list.some((c) => !Number.isInteger(c) || c < 0))
    throw tweedieError({
      subject: who,
      problem: 'classOf is no list of classes',
      got: list.slice(0, 8),
      expected: `${expected} integers ≥ 0`,
    });
  const classes = list.reduce((top, c) => Math.max(top, c), 0) + 1;
  if (new Set(list).size !== classes)
    throw tweedieError({
      subject: who,
      problem: 'a class has no member',
      got: [...new Set(list)].sort().slice(0, 16),
      expected: `all of 0 to ${classes - 1}`,
    });
  return classes;
};

/** Softmax and log-sum-exp. */
export const softmaxOf = (logits: Float64Array): { readonly weights: Float64Array; readonly logDensity: number } => {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits.map((l) => Math.exp(l - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return { weights: weights.map((w) => w / total), logDensity: top + Math.log(total) };
};

/** The index whose share of [0, 1) holds u. */
export const pick = (weights: Float64Array, u: number): number => {
  let left = u;
  for (let k = 0; k < weights.length - 1; k++) if ((left -= weights[k]!) < 0) return k;
  return weights.length - 1;
};
