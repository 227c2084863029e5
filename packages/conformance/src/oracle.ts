import { gaussian, mixture, type Gaussian, type Mixture } from '@tweedie/analytic';

/** Small images [2, 2, 1] with three modes: the truth that samplers are held against. Smooth enough for orders to show on coarse grids. */
export const threeModes: Mixture = mixture({
  weights: [0.4, 0.35, 0.25],
  components: [
    { mean: [1, -0.5, 0.2, 0.4], diagonal: [0.15, 0.3, 0.1, 0.2] },
    { mean: [-1, 0.6, 0, -0.3], diagonal: [0.1, 0.15, 0.2, 0.3] },
    { mean: [0.2, 1, -0.7, 0], diagonal: [0.2, 0.1, 0.16, 0.1] },
  ],
  shape: [2, 2, 1],
});

/** Small images [2, 2, 1], correlated: the truth that objectives and metrics are held against (its denoiser is linear, so any order of derivative is right). */
export const correlated: Gaussian = gaussian({
  mean: [0.3, -0.2, 0.1, 0.4],
  covariance: [0.5, 0.2, 0.1, 0, 0.2, 0.4, 0.1, 0.05, 0.1, 0.1, 0.3, 0.1, 0, 0.05, 0.1, 0.2],
  shape: [2, 2, 1],
});
