import { add, addN, mul, tensor, tidy, valueAndGrad, type Tensor } from '@tensorflow/tfjs-core';
import {
  checkNoiseSettings,
  dots,
  drawLevels,
  halfSquares,
  noised,
  noiseOptions,
  predictedNoise,
  requireDoubleDifferentiable,
  STREAM,
  tweedieError,
  type Objective,
} from '@tweedie/core';
import { z } from 'zod';

/**
 * Implicit score matching with the exact trace. A. Hyvärinen: Estimation of Non-Normalized Statistical Models by Score Matching
 * (JMLR 2005), theorem 1, at every noise level: Y. Song et al. (2011.13456), §3.3.
 *
 *     L = mean over rows of λ(t) [ tr ∂s/∂x (x_t, t) + ½ ‖s(x_t, t)‖² ]
 *
 * In y = x_t/α with ε̂ = −σ s, σ² ∂s/∂x = −ρ ∂ε̂/∂y, so that
 *
 *     L = mean (λ/σ²) [ −ρ tr ∂ε̂/∂y + ½ ‖ε̂‖² ].
 *
 * The trace takes one product with the Jacobian a coordinate. Nothing is detached: gradients of gradients are taken.
 */
const reference = `@article{hyvarinen2005estimation,
  title   = {Estimation of Non-Normalized Statistical Models by Score Matching},
  author  = {Hyv{\\"a}rinen, Aapo},
  journal = {Journal of Machine Learning Research},
  volume  = {6},
  pages   = {695--709},
  year    = {2005}
}`;

export const ismOptions = z.strictObject(noiseOptions);
export type IsmOptions = z.input<typeof ismOptions>;

/** Beyond so many coordinates the trace is refused. */
const MOST = 64;

/**
 * Exact implicit score matching, for points of at most 64 coordinates. Uses samples of x_t alone, never its kernel.
 *
 * At the optimum the value is −½ λ I(p_t) a level, with I the Fisher information: negative. Errors: more coordinates (with the cost
 * that it would have), a model whose gradients cannot be differentiated.
 */
export const ism = (options: IsmOptions = {}): Objective => {
  const settings = checkNoiseSettings('ism', ismOptions.parse(options));
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'ism',
    needs: Object.freeze({ derivatives: 2, kernel: false }),
    reference,
    check: ({ shape }) => checkSize(shape.reduce((product, n) => product * n, 1)),
    loss: (model, { x0, label, step }, noise) =>
      tidy(() => {
        requireDoubleDifferentiable('ism', model);
        const rows = x0.shape[0]!;
        const size = x0.size / rows;
        checkSize(size);
        const { rho, weight } = drawLevels('ism', settings, model, rows, noise, step);
        const y = noised(x0, noise.normal(x0.shape, { stream: STREAM.perturb, step }), rho);
        const eps = valueAndGrad((at: Tensor) => predictedNoise(model, { y: at, rho, label }));

        // tr ∂ε̂/∂y = Σ eᵢ · ∂(eᵢ·ε̂)/∂y
        const units = Array.from({ length: size }, (_, i) => unit(i, size, x0.shape));
        const parts = units.map((e) => ({ ...eps(y, e), e }));
        const trace = addN(
          parts.map(({ grad, e }) =>
            dots(
              grad,
              e,
              weight.map((w, i) => -w * rho[i]!),
            ),
          ),
        );
        return mul(add(halfSquares(parts[0]!.value, weight), trace), 1 / rows);
      }),
  });
};

/** The i-th unit vector in every row. */
const unit = (i: number, size: number, shape: readonly number[]): Tensor => {
  const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
  for (let row = 0; row * size < values.length; row++) values[row * size + i] = 1;
  return tensor(values, [...shape]);
};

const checkSize = (size: number): void => {
  if (size <= MOST) return;
  throw tweedieError({
    subject: 'ism',
    problem: `the exact trace would take ${size} forward and backward passes a step, and the memory of as many, to be differentiated once more`,
    got: `${size} coordinates`,
    expected: `at most ${MOST}`,
    remedy: 'use ssm-vr (one random direction), fd-ssm (first order), or dsm',
  });
};
