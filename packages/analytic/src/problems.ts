/**
 * Reference problems: small distributions on which every method's truth is known, named once so that tests, documents
 * and strangers' plugins speak of the same ones.
 */
import { empirical, type Empirical } from './empirical.ts';
import { gaussian, type Gaussian } from './gaussian.ts';
import { mixture, type Mixture } from './mixture.ts';

/** Two correlated dimensions: μ = (1, −1), Σ = [[1, .6], [.6, .5]]. Fisher information 10.714 at ρ = 0. */
export const G2: Gaussian = /* @__PURE__ */ gaussian({ mean: [1, -1], covariance: [1, 0.6, 0.6, 0.5] });

/** Five independent dimensions, from wide to narrow: variances 4, 1, .25, .04, .01. */
export const G5: Gaussian = /* @__PURE__ */ gaussian({ mean: [0.3, -0.2, 0.1, 0, 0.4], diagonal: [4, 1, 0.25, 0.04, 0.01] });

/** Three components in three dimensions: the smallest problem with a curved flow in every direction. */
export const M3: Mixture = /* @__PURE__ */ mixture({
  weights: [0.4, 0.35, 0.25],
  components: [
    { mean: [1, -0.5, 0.2], diagonal: [0.05, 0.3, 0.1] },
    { mean: [-1, 0.6, 0], diagonal: [0.1, 0.05, 0.2] },
    { mean: [0.2, 1, -0.7], diagonal: [0.08, 0.1, 0.06] },
  ],
});

/** Two components on a line: .3 N(−1, .04) + .7 N(.5, .09). */
export const M1: Mixture = /* @__PURE__ */ mixture({
  weights: [0.3, 0.7],
  components: [
    { mean: [-1], isotropic: 0.04 },
    { mean: [0.5], isotropic: 0.09 },
  ],
});

/** 256 independent dimensions with a power-law spectrum like that of images: λ_k = 5/(1 + k)^1.5 + 1e-4, mean 0. */
export const P256: Gaussian = /* @__PURE__ */ gaussian({
  mean: new Float64Array(256),
  diagonal: Float64Array.from({ length: 256 }, (_, k) => 5 / (1 + k) ** 1.5 + 1e-4),
});

/** Eight Gaussians of standard deviation .05 on a circle of radius 2; component k is class k. */
export const RING8: Mixture = /* @__PURE__ */ mixture({
  weights: new Float64Array(8).fill(1),
  components: Array.from({ length: 8 }, (_, k) => ({
    mean: [2 * Math.cos((k * Math.PI) / 4), 2 * Math.sin((k * Math.PI) / 4)],
    isotropic: 0.05 ** 2,
  })),
  classOf: [0, 1, 2, 3, 4, 5, 6, 7],
});

/** The points −1 and +1. */
export const TWO_POINTS: Empirical = /* @__PURE__ */ empirical([[-1], [1]]);

/** I(p_ρ) = E‖∇log p_ρ‖², to the digits given: [ρ, I] of each reference problem. */
export const FISHER: {
  readonly G2: readonly (readonly [number, number])[];
  readonly RING8: readonly (readonly [number, number])[];
  readonly TWO_POINTS: readonly (readonly [number, number])[];
} = Object.freeze({
  G2: [
    [0, 10.714286],
    [0.05, 10.46911],
    [0.1, 9.800128],
    [0.3, 5.934298],
    [1, 1.325758],
    [3, 0.206044],
  ] as const,
  RING8: [
    [0.05, 400],
    [0.1, 160],
    [0.3, 19.144331],
    [0.5, 4.407977],
    [1, 0.89983],
    [2, 0.336141],
    [3, 0.181889],
    [10, 0.019607],
  ] as const,
  TWO_POINTS: [
    [0.3, 10.947645],
    [0.7, 1.103316],
    [1, 0.5504],
    [4, 0.058824],
  ] as const,
});
