import { z } from 'zod';
import { tweedieError } from '../contracts/error.ts';
import type { Model } from '../contracts/model.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { discreteTimeLaw, geometricLaw, importanceLaw, logNormalLaw, logUniformLaw, uniformTimeLaw, type NoiseLaw } from './noise-law.ts';
import { subVp } from './sub-vp.ts';
import { vpDiscrete } from './vp-discrete.ts';
import { vpLinear } from './vp-linear.ts';

/**
 * The options that every objective over noise levels shares: by which law levels are drawn, and by which λ(t) they are weighed.
 * An objective spreads them into its own schema: `z.strictObject({ ...noiseOptions, gamma: … })`.
 *
 *     law         ρ = σ/α, one a row                                                              whose
 *     edm         ln ρ ~ N(pMean, pStd²)                                                          Karras et al. (2206.00364), table 1
 *     ve          ln ρ ~ U(ln sigmaMin, ln sigmaMax)                                              Song et al. (2011.13456), appendix C
 *     vp, sub-vp  ρ(t), t ~ U(tMin, 1), β linear                                                  Song et al. (2011.13456), appendix B
 *     ddpm        ρ of one of `count` steps of the discrete table                                 Ho et al. (2006.11239), algorithm 1
 *     ncsn        one of `count` geometric levels                                                 Song and Ermon (1907.05600), §4
 *     importance  t ~ g²/σ² of the model's schedule, weighed back to uniform t                    Song et al. (2101.09258), §4.3
 *
 *     weighting   λ, in units of σ²
 *     sigma2      1                          ½ ‖ε̂ − z‖² in denoising score matching
 *     likelihood  g²/σ²                      the bound on the likelihood
 *     edm         2 ρ² w, w = (ρ² + σ_d²)/(ρ σ_d)²         w ‖D − x₀‖², with no ½
 */
export const noiseOptions = {
  law: z
    .enum(['edm', 've', 'vp', 'sub-vp', 'ddpm', 'ncsn', 'importance'])
    .default('edm')
    .describe(
      'How noise levels are drawn: edm log-normal, ve log-uniform, vp and sub-vp uniform in time, ddpm and ncsn discrete, importance by g²/σ²',
    ),
  weighting: z
    .enum(['edm', 'sigma2', 'likelihood'])
    .optional()
    .describe('λ(t) of each level; by default edm under the law edm, likelihood under importance, sigma2 under the others'),
  pMean: z.number().default(-1.2).describe('Law edm: mean of ln ρ'),
  pStd: z.number().min(0).default(1.2).describe('Law edm: standard deviation of ln ρ'),
  betaMin: z
    .number()
    .positive()
    .optional()
    .describe("Laws vp, sub-vp, ddpm: β at t = 0; without it the model's own schedule, or 0.1 if that has no β"),
  betaMax: z
    .number()
    .positive()
    .optional()
    .describe("Laws vp, sub-vp, ddpm: β at t = 1; without it the model's own schedule, or 20 if that has no β"),
  tMin: z
    .number()
    .positive()
    .optional()
    .describe("Laws vp, sub-vp, importance: least time; without it that of the model's schedule (score_sde trains from 1e-5)"),
  sigmaMin: z.number().positive().optional().describe("Laws ve, ncsn: least ρ; without it that of the model's schedule (ncsn: 0.01)"),
  sigmaMax: z.number().positive().optional().describe("Laws ve, ncsn: greatest ρ; without it that of the model's schedule (ncsn: 1)"),
  count: z.int().min(2).optional().describe('Laws ddpm, ncsn: number of levels; without it 1000 and 10'),
  sigmaData: z.number().positive().optional().describe("Weighting edm: σ_d; without it the model's own, or 0.5 if it has none"),
};
/** The shared options, settled: defaults filled in. */
export type NoiseSettings = z.output<z.ZodObject<typeof noiseOptions>>;

/** Refuses what no schema can see: half of β. `subject` is the objective. */
export const checkNoiseSettings = <T extends NoiseSettings>(subject: string, settings: T): T => {
  const { betaMin, betaMax } = settings;
  if ((betaMin === undefined) !== (betaMax === undefined)) {
    throw tweedieError({ subject, problem: 'half of β', got: { betaMin, betaMax }, expected: 'betaMin and betaMax, or neither' });
  }
  return settings;
};

/** The law that the options name, its free parameters taken from the model's schedule. */
export const noiseLawOf = (settings: NoiseSettings, schedule: Schedule): NoiseLaw => {
  const { law, pMean, pStd, betaMin, betaMax, tMin, sigmaMin, sigmaMax, count } = settings;
  const betas = betaMin === undefined || betaMax === undefined ? undefined : { betaMin, betaMax };
  const since = (own: Schedule): Schedule => (tMin === undefined ? own : { ...own, tMin });
  switch (law) {
    case 'edm':
      return logNormalLaw({ mean: pMean, std: pStd });
    case 've':
      return logUniformLaw({ min: sigmaMin ?? schedule.rho(schedule.tMin), max: sigmaMax ?? schedule.rho(schedule.tMax) });
    case 'ncsn':
      return geometricLaw({ min: sigmaMin ?? 0.01, max: sigmaMax ?? 1, count: count ?? 10 });
    case 'vp':
      if (betas === undefined && schedule.beta !== undefined) return uniformTimeLaw(since(schedule));
      return uniformTimeLaw(vpLinear({ ...betas, tMin: tMin ?? TIME_MIN }));
    case 'sub-vp':
      if (betas === undefined && schedule.id.startsWith('sub-vp(')) return uniformTimeLaw(since(schedule));
      return uniformTimeLaw(subVp({ ...betas, tMin: tMin ?? TIME_MIN }));
    case 'ddpm': {
      const steps = count ?? 1000;
      if (betas === undefined && count === undefined && schedule.id.startsWith('vp-discrete('))
        return discreteTimeLaw(schedule, Math.round(1 / schedule.tMin));
      const table = vpDiscrete({ betaMin: (betaMin ?? 0.1) / steps, betaMax: (betaMax ?? 20) / steps, count: steps });
      return discreteTimeLaw(table, steps);
    }
    case 'importance':
      return importanceLaw(since(schedule));
  }
};

/** Least training time of score_sde. */
const TIME_MIN = 1e-5;

/** The levels of a step, one a row, and λ/σ² of each (times the law's importance): float64. Refuses a level that is no level. */
export const drawLevels = (
  subject: string,
  settings: NoiseSettings,
  model: Pick<Model, 'schedule' | 'sigmaData'>,
  rows: number,
  noise: Noise,
  step: number,
): { readonly rho: Float64Array; readonly weight: Float64Array } => {
  const law = noiseLawOf(settings, model.schedule);
  const rho = law.levels(rows, noise, step);
  const bad = rho.findIndex((level) => !(level > 0 && Number.isFinite(level)));
  if (bad >= 0)
    throw tweedieError({
      subject,
      problem: `row ${bad} is trained at a noise level that is none`,
      got: rho[bad],
      expected: 'a finite ρ > 0',
      remedy: `choose other parameters of the law ${settings.law}`,
    });
  return { rho, weight: rho.map((level) => lambdaOverSigma2(settings, model, level) * (law.importance?.(level) ?? 1)) };
};

/** λ/σ² of a level under the weighting. */
export const lambdaOverSigma2 = (
  { law, weighting, sigmaData }: NoiseSettings,
  model: Pick<Model, 'schedule' | 'sigmaData'>,
  rho: number,
): number => {
  switch (weighting ?? (law === 'edm' ? 'edm' : law === 'importance' ? 'likelihood' : 'sigma2')) {
    case 'sigma2':
      return 1;
    case 'edm':
      return 2 * (1 + (rho / (sigmaData ?? model.sigmaData ?? 0.5)) ** 2); // 2 ρ² w
    case 'likelihood': {
      const t = model.schedule.timeOf(rho);
      return model.schedule.diffusion2(t) / model.schedule.sigma(t) ** 2;
    }
  }
};
