import { square, sub, sum, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { gaussian as lawOf } from '@tweedie/analytic';
import { createNoise, edm, karras, sample, type Model, type StatisticsFile } from '@tweedie/core';
import { jackknifed } from '@tweedie/metrics';
import { heun } from '@tweedie/sampler-classic';
import { gaussianFlow } from '@tweedie/sampler-teleport';
import { round } from './digits.ts';

/** How far a Gaussian's flow is from a model's at one level, both from the same noise. */
export interface Departure {
  readonly rho: number;
  /** √(E‖y − y_G‖²/E‖y‖²). */
  readonly state: number;
  /** √(E‖x̂₀ − D_G(y_G)‖²/E‖x̂₀‖²). */
  readonly image: number;
  /** √(E‖x̂₀ − μ‖²/E‖x̂₀‖²): of one who says that every image is the mean. */
  readonly mean: number;
  /** E‖x̂₀ − D_G(y_G)‖²/E‖x̂₀ − μ‖². */
  readonly unexplained: number;
  /** Half of its 95 % interval. */
  readonly half: number;
}

const GROUPS = 16;

/**
 * The trajectory of a model by Heun's method on so many levels of Karras et al. from 80 down, beside the flow of the data's Gaussian,
 * which needs no model: y_G(ρ) from the same start, and what the Gaussian makes of it. n is a multiple of 16.
 */
export const initialTrajectory = async ({
  model: { denoise, shape },
  gaussian,
  n,
  steps,
  seed,
}: {
  readonly model: Pick<Model, 'denoise' | 'shape'>;
  readonly gaussian: StatisticsFile;
  readonly n: number;
  readonly steps: number;
  readonly seed: number;
}): Promise<readonly Departure[]> => {
  const { mean: mu, values, vectors } = gaussian.tensors as Record<string, { readonly data: Float32Array | Float64Array }>;
  const law = lawOf({ mean: mu!.data, eigen: { values: values!.data, vectors: vectors!.data }, shape });
  const levels = karras({ steps, max: 80, min: 0.002 });
  const sampler = heun();
  const names = ['state', 'states', 'image', 'images', 'mean'] as const;
  const sums = Array.from({ length: steps }, () => new Map(names.map((name) => [name, new Float64Array(n)] as const)));
  const centre = tensor(Float32Array.from(mu!.data), [1, ...shape]);
  let start: Tensor | undefined;
  try {
    const noise = createNoise(BigInt(seed));
    for await (const event of sample({ sampler, plan: sampler.plan(edm(), levels), denoise, shape, count: n, noise })) {
      if (event.kind !== 'step') continue;
      const { i, rho, y, x0 } = event.step;
      if (i === 0) {
        start?.dispose();
        start = y.clone();
      }
      const parts = tidy(() => {
        const own = gaussianFlow(gaussian, start!, levels[0]!, rho);
        const norms = (t: Tensor): Tensor => sum(square(t), [1, 2, 3]);
        return [norms(sub(y, own)), norms(y), norms(sub(x0, law.denoiser(own, rho))), norms(x0), norms(sub(x0, centre))];
      });
      for (const [k, part] of parts.entries()) sums[i]!.get(names[k]!)!.set(await part.data(), event.first);
      parts.forEach((part) => part.dispose());
    }
  } finally {
    start?.dispose();
    centre.dispose();
  }
  return sums.map((at, i) => {
    const of = (name: (typeof names)[number], without?: number): number =>
      at.get(name)!.reduce((total, v, k) => (k % GROUPS === without ? total : total + v), 0);
    const value = of('image') / of('mean');
    const leftOut = Array.from({ length: GROUPS }, (_, g) => of('image', g) / of('mean', g));
    return {
      rho: round(levels[i]!),
      state: round(Math.sqrt(of('state') / of('states'))),
      image: round(Math.sqrt(of('image') / of('images'))),
      mean: round(Math.sqrt(of('mean') / of('images'))),
      unexplained: round(value),
      half: round(jackknifed({ value, leftOut }).half, 3),
    };
  });
};
