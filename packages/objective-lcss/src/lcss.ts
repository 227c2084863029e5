import { add, addN, mul, tensor, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import {
  checkNoiseSettings,
  dots,
  drawLevels,
  halfSquares,
  noised,
  noiseOptions,
  predictedNoise,
  residualOf,
  STREAM,
  type Objective,
} from '@tweedie/core';
import { z } from 'zod';

/**
 * Local curvature smoothing with Stein's identity. G. Osada, M. Shing, T. Nishide (2412.03962), eqs. 18–20.
 *
 *     J(θ, x₀, t) = E [ γ s_θ(x′, t)·(x′ − α x₀)/σ² + ½ ‖s_θ(x′, t)‖² ],    x′ = α x₀ + σ z          (19; γ: 21, 1 in the paper)
 *     L = E_t λ(t) J                                                                                 (20)
 *
 * Stein's identity (14–16) has put the inner product where Hyvärinen's loss has the Jacobian's trace. Both terms are taken at
 * the perturbed point. With (x′ − α x₀)/σ² = z/σ and ε̂ = −σ s, and never divided by σ²:
 *
 *     score, ε, v   L = (λ/σ²) [ −γ ε̂·z + ½ ‖ε̂‖² ]
 *     x₀, EDM       L = (λ/σ²) [ ½ ‖e‖² + (γ − 1) e·z + (½ − γ) ‖z‖² ],    e = (D − x₀)/ρ = z − ε̂
 *
 * The second line is the first, written in what the head knows. At γ = 1 it reads w (‖D − x₀‖² − ‖σz‖²): the loss of denoising score
 * matching less a term without θ. README: what follows from that.
 */
const reference = `@inproceedings{osada2024lcss,
  title     = {Local Curvature Smoothing with Stein's Identity for Efficient Score Matching},
  author    = {Osada, Genki and Shing, Makoto and Nishide, Takashi},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {37},
  year      = {2024},
  eprint    = {2412.03962},
  archivePrefix = {arXiv}
}`;

export const steinOptions = {
  gamma: z.number().positive().default(1).describe('γ of eq. 21: the optimum is γ times the score'),
  draws: z.int().min(1).max(256).default(1).describe('Perturbations a row, averaged'),
};

export const lcssOptions = z.strictObject({
  ...noiseOptions,
  ...steinOptions,
  antithetic: z.boolean().default(false).describe('Whether each perturbation z is used with −z too: two evaluations'),
  parity: z
    .enum(['exact', 'published'])
    .default('exact')
    .describe('published: the perturbation is g(t) z, as §5 of the paper says in words, not σ(t) z'),
});
export type LcssOptions = z.input<typeof lcssOptions>;

/**
 * Local curvature smoothing with Stein's identity: first order, at the cost of denoising score matching, with its gradient.
 *
 * At the optimum, γ times the score, the value is −½ λ I(p_t) a level (γ = 1): negative. Row i depends on row i alone.
 * For heads x₀ the term without θ is kept apart: float32 would lose the rest in it at large σ.
 */
export const lcss = (options: LcssOptions = {}): Objective => {
  const { gamma, draws, antithetic, parity, ...noiseSettings } = lcssOptions.parse(options);
  const settings = checkNoiseSettings('lcss', noiseSettings);
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'lcss',
    needs: Object.freeze({ derivatives: 1, kernel: true }),
    reference,
    loss: (model, { x0, label, step }, noise, note) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const { schedule } = model;
        const { rho, weight } = drawLevels('lcss', settings, model, rows, noise, step);
        // The perturbation's standard deviation in units of the kernel's.
        const ratio = rho.map((level) => {
          const t = schedule.timeOf(level);
          return parity === 'exact' ? 1 : Math.sqrt(schedule.diffusion2(t)) / schedule.sigma(t);
        });
        let constant = 0;
        const terms = perturbations(draws, antithetic).map(({ draw, sign }) => {
          const host = noise.hostNormal(x0.shape, { stream: STREAM.perturb, step, draw });
          const drawn = tensor(Float32Array.from(host), x0.shape);
          const z = sign === 1 ? drawn : mul(drawn, -1);
          const at = { y: noised(x0, z, rho.map((level, i) => ratio[i]! * level)), rho, label }; // prettier-ignore
          if (model.head !== 'x0' || parity === 'published') return stein(predictedNoise(model, at), z, { ratio, weight, gamma });
          const { residual, unit } = residualOf(model, at, { x0, eps: z });
          constant += (0.5 - gamma) * weighedSquares(host, weight);
          const half = halfSquares(residual, weight, unit);
          return gamma === 1 ? half : add(half, dots(residual, z, weight.map((w, i) => (gamma - 1) * w * unit[i]!))); // prettier-ignore
        });
        const share = 1 / (rows * terms.length);
        const value: Scalar = mul(addN(terms), share);
        if (constant === 0) return value;
        note?.({ informative: { value, constant: constant * share } });
        return add(value, constant * share);
      }),
  });
};

/** Draws of z, each with its opposite where antithetic. */
export const perturbations = (draws: number, antithetic: boolean): readonly { readonly draw: number; readonly sign: 1 | -1 }[] =>
  Array.from({ length: draws }, (_, draw) => (antithetic ? ([1, -1] as const) : ([1] as const)).map((sign) => ({ draw, sign }))).flat();

/** Σ w [ −γ r ε̂·z + ½ r² ‖ε̂‖² ]: s·z τ + ½ τ² ‖s‖² of a perturbation of standard deviation τ = r σ, with s = −ε̂/σ. */
export const stein = (
  eps: Tensor,
  z: Tensor,
  { ratio, weight, gamma }: { readonly ratio: Float64Array; readonly weight: Float64Array; readonly gamma: number },
): Scalar =>
  add(
    halfSquares(
      eps,
      weight.map((w, i) => w * ratio[i]! ** 2),
    ),
    dots(
      eps,
      z,
      weight.map((w, i) => -gamma * w * ratio[i]!),
    ),
  );

/** Σ_i w_i ‖z_i‖², of the float32 numbers that the tensors hold. */
const weighedSquares = (z: Float64Array, weight: Float64Array): number => {
  const size = z.length / weight.length;
  return weight.reduce((total, w, row) => {
    let squares = 0;
    for (let i = row * size; i < (row + 1) * size; i++) squares += Math.fround(z[i]!) ** 2;
    return total + w * squares;
  }, 0);
};
