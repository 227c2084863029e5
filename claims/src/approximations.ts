import { add, mul, sub, tensor2d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { gaussian, mixture, moments, posteriorMean, type Gaussian, type Moments } from '@tweedie/analytic';
import type { Dataset } from '@tweedie/core';

/** A denoiser of rows [B, d] that is a formula of the data. */
export type Formula = (y: Tensor2D, rho: number) => Tensor2D;

export const APPROXIMATIONS = ['mean', 'isotropic', 'gaussian', 'mixture', 'delta'] as const;
export type Approximation = (typeof APPROXIMATIONS)[number];

export interface Approximations {
  readonly formulas: { readonly [name in Approximation]: Formula };
  dispose(): void;
}

/**
 * E[x₀ | y] if the data were one point, their mean; an isotropic Gaussian; the Gaussian with their covariance; a mixture of ten, one for
 * each class; or the training images themselves, each with the same probability (B. Wang, J. J. Vastola, 2412.09726, §4: there the
 * mixture is of clusters). Of the first `n` images.
 */
export const approximationsOf = (data: Dataset, n: number): Approximations => {
  const { images, labels = new Int32Array(n) } = data.rows(Int32Array.from({ length: n }, (_, i) => i));
  const dims = images.length / n;
  const byClass = new Map<number, Moments>();
  for (const label of new Set(labels)) {
    const own = moments(dims);
    const members = [...labels.keys()].filter((i) => labels[i] === label);
    for (let from = 0; from < members.length; from += 512)
      own.add(Float32Array.from(members.slice(from, from + 512).flatMap((i) => [...images.subarray(i * dims, (i + 1) * dims)])));
    byClass.set(label, own);
  }
  const all = moments(dims);
  byClass.forEach((own) => all.merge(own.sums()));
  const of = (own: Moments): Gaussian => gaussian(own.result());
  const whole = of(all);
  const variance = whole.spectrum.values.reduce((sum, lambda) => sum + lambda, 0) / dims;
  const alike = gaussian({ mean: whole.mean, isotropic: variance });
  const classes = [...byClass.values()];
  const mixed = mixture({ weights: classes.map((own) => own.sums().n), components: classes.map(of) });
  const mean = tensor2d(Float32Array.from(whole.mean), [1, dims]);
  const centred = tidy(() => sub<Tensor2D>(tensor2d(images, [n, dims]), mean));
  return {
    formulas: {
      mean: (y) => tidy(() => add<Tensor2D>(mul(y, 0), mean)),
      isotropic: (y, rho) => alike.denoiser(y, rho) as Tensor2D,
      gaussian: (y, rho) => whole.denoiser(y, rho) as Tensor2D,
      mixture: (y, rho) => mixed.denoiser(y, rho) as Tensor2D,
      delta: (y, rho) => tidy(() => add<Tensor2D>(posteriorMean(sub<Tensor2D>(y, mean), rho, centred), mean)),
    },
    dispose: () => [mean, centred].forEach((each: Tensor) => each.dispose()),
  };
};
