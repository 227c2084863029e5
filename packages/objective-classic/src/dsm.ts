import { add, mul, sub, sum, square, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { scaleRows, STREAM, tweedieError, vpLinear, type Model, type Objective, type Schedule } from '@tweedie/core';
import { z } from 'zod';
import { logNormalLaw, logUniformLaw, uniformTimeLaw, type NoiseLaw } from './noise-law.ts';

/**
 * Denoising score matching. P. Vincent: A Connection Between Score Matching and Denoising Autoencoders (Neural Computation, 2011),
 * over noise levels: Y. Song et al. (2011.13456), eq. 7; T. Karras et al. (2206.00364), eqs. 2 and 108, table 1.
 *
 *     L = mean over rows of ½ λ(t) ‖s(x_t, t) − ∇log p(x_t | x₀)‖²,   ‖·‖² summed over all coordinates
 *
 * with x_t = α x₀ + σ z, in y = x_t/α = x₀ + ρ z. The residual of every head is one vector in other units:
 *
 *     score  σ s + z          eps  ε̂ − z          x0  (D − x₀)/ρ          v  α (v̂ − v)/(α² + σ²)      (up to sign)
 *
 * so L = mean ½ (λ/σ²) ‖residual‖², and nothing is ever divided by σ². Weightings:
 *
 *     sigma2      λ = σ²                          ½ ‖ε̂ − z‖²: score_sde's default, DDPM's up to the factor d/2
 *     likelihood  λ = g(t)²                       the bound on the likelihood (Y. Song et al., 2101.09258, theorem 1)
 *     edm         λ = 2 ρ⁴ w,  w = (ρ² + σ_d²)/(ρ σ_d)²          w ‖D − x₀‖², EDM's own, with no ½
 */
const reference = `@article{vincent2011connection,
  title   = {A Connection Between Score Matching and Denoising Autoencoders},
  author  = {Vincent, Pascal},
  journal = {Neural Computation},
  volume  = {23},
  number  = {7},
  pages   = {1661--1674},
  year    = {2011}
}
@inproceedings{song2021sde,
  title     = {Score-Based Generative Modeling through Stochastic Differential Equations},
  author    = {Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben},
  booktitle = {International Conference on Learning Representations},
  year      = {2021},
  eprint    = {2011.13456},
  archivePrefix = {arXiv}
}
@inproceedings{karras2022elucidating,
  title     = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author    = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {35},
  year      = {2022},
  eprint    = {2206.00364},
  archivePrefix = {arXiv}
}`;

export const dsmOptions = z.strictObject({
  law: z
    .enum(['edm', 'vp', 've'])
    .default('edm')
    .describe('How noise levels are drawn: edm log-normal, vp uniform in time, ve log-uniform'),
  weighting: z
    .enum(['edm', 'sigma2', 'likelihood'])
    .optional()
    .describe('λ(t) of each level; by default edm under the law edm, sigma2 under vp and ve'),
  pMean: z.number().default(-1.2).describe('Law edm: mean of ln ρ'),
  pStd: z.number().min(0).default(1.2).describe('Law edm: standard deviation of ln ρ'),
  betaMin: z.number().positive().optional().describe("Law vp: β at t = 0; without it the model's own schedule, or 0.1 if that has no β"),
  betaMax: z.number().positive().optional().describe("Law vp: β at t = 1; without it the model's own schedule, or 20 if that has no β"),
  sigmaMin: z.number().positive().optional().describe("Law ve: least ρ; without it that of the model's schedule"),
  sigmaMax: z.number().positive().optional().describe("Law ve: greatest ρ; without it that of the model's schedule"),
  sigmaData: z.number().positive().optional().describe("Weighting edm: σ_d; without it the model's own, or 0.5 if it has none"),
});
export type DsmOptions = z.input<typeof dsmOptions>;
type Settled = z.output<typeof dsmOptions>;

/**
 * Denoising score matching under a noise law and a weighting. Works for every head; row i of the loss depends on row i alone.
 *
 * The value is a mean over rows of a sum over coordinates. At the optimum it is not 0: with λ = σ² it is ½ (d − σ² I(p_t)) a level.
 */
export const dsm = (options: DsmOptions = {}): Objective => {
  const settled = dsmOptions.parse(options);
  const weighting = settled.weighting ?? (settled.law === 'edm' ? 'edm' : 'sigma2');
  if ((settled.betaMin === undefined) !== (settled.betaMax === undefined)) {
    throw tweedieError({
      subject: 'dsm',
      problem: 'half of β',
      got: { betaMin: settled.betaMin, betaMax: settled.betaMax },
      expected: 'betaMin and betaMax, or neither',
    });
  }
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'dsm',
    needs: Object.freeze({ derivatives: 1, kernel: true }),
    reference,
    loss: (model, { x0, label, step }, noise) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const rho = noiseLawOf(settled, model.schedule).levels(rows, noise, step);
        const z = noise.normal(x0.shape, { stream: STREAM.perturb, step });
        const y = add(x0, scaleRows(z, rho));
        const { residual, unit } = residualOf(model, { x0, z, y, rho, ...(label === undefined ? {} : { label }) });
        // Row weights in float64: ½ λ/σ² × (the head's residual in units of ε)².
        const scale = rho.map((level, i) => Math.sqrt(0.5 * lambdaOverSigma2(weighting, settled, model, level)) * unit[i]!);
        return mul(sum(square(scaleRows(residual, scale))), 1 / rows);
      }),
  });
};

/** The law that the options name, its free parameters taken from the model's schedule. */
const noiseLawOf = ({ law, pMean, pStd, betaMin, betaMax, sigmaMin, sigmaMax }: Settled, schedule: Schedule): NoiseLaw => {
  if (law === 'edm') return logNormalLaw({ mean: pMean, std: pStd });
  if (law === 've') return logUniformLaw({ min: sigmaMin ?? schedule.rho(schedule.tMin), max: sigmaMax ?? schedule.rho(schedule.tMax) });
  if (betaMin !== undefined && betaMax !== undefined) return uniformTimeLaw(vpLinear({ betaMin, betaMax, tMin: TIME_MIN }));
  return uniformTimeLaw(schedule.beta === undefined ? vpLinear({ tMin: TIME_MIN }) : schedule);
};

/** Least training time of score_sde. */
const TIME_MIN = 1e-5;

const lambdaOverSigma2 = (weighting: 'edm' | 'sigma2' | 'likelihood', { sigmaData }: Settled, model: Model, rho: number): number => {
  if (weighting === 'sigma2') return 1;
  if (weighting === 'edm') {
    const data = sigmaData ?? model.sigmaData ?? 0.5;
    return 2 * (1 + (rho / data) ** 2); // 2 ρ² w
  }
  const { schedule } = model;
  const t = schedule.timeOf(rho);
  return schedule.diffusion2(t) / schedule.sigma(t) ** 2;
};

interface Perturbed {
  readonly x0: Tensor;
  readonly z: Tensor;
  readonly y: Tensor;
  readonly rho: Float64Array;
  readonly label?: Parameters<Model['raw']>[2];
}

/** The residual of the model's own head, and by what each row of it must be multiplied to be one of ε. */
const residualOf = ({ head, schedule, raw }: Model, { x0, z, y, rho, label }: Perturbed): { residual: Tensor; unit: Float64Array } => {
  const prediction = raw(y, rho, label);
  const at = rho.map((level) => schedule.timeOf(level));
  const alpha = at.map((t) => schedule.alpha(t));
  const sigma = at.map((t) => schedule.sigma(t));
  switch (head) {
    case 'x0':
      return { residual: sub(prediction, x0), unit: rho.map((level) => 1 / level) };
    case 'eps':
      return { residual: sub(prediction, z), unit: rho.map(() => 1) };
    case 'score':
      return { residual: add(scaleRows(prediction, sigma), z), unit: rho.map(() => 1) };
    case 'v':
      // v = α z − σ x₀ and x₀ = (α x_t − σ v)/(α² + σ²), so (D − x₀)/ρ = −α (v̂ − v)/(α² + σ²).
      return {
        residual: sub(prediction, sub(scaleRows(z, alpha), scaleRows(x0, sigma))),
        unit: alpha.map((a, i) => a / (a ** 2 + sigma[i]! ** 2)),
      };
  }
};
