import {
  adamsBashforth,
  linearSampler,
  tweedieError,
  type LinearStep,
  type Sampler,
  type Schedule,
  type StatisticsFile,
} from '@tweedie/core';
import { z } from 'zod';
import { clipped, gaussianProfile, interpolated, PLATEAU, readProfile, type ProfileTable } from './profile.ts';
import { isVp, publishedCoefficients } from './published.ts';

/**
 * DEIS with score normalization. G. Xia, D. Danier, A. Das, S. Fotiadis, F. Nabiei, U. Sengupta, A. Bernacchia: Score Normalization for
 * a Faster Diffusion Exponential Integrator Sampler (2311.00157).
 *
 * DEIS (2204.13902) interpolates ε̂ = −σ s between levels; its size falls quickly at the end of a trajectory. With r(t) = σ(t) mean |s| =
 * mean |ε̂|, the quotient ε̂/r hardly varies, and is interpolated instead. In y = x/α, ρ = σ/α, dy/dρ = ε̂:
 *
 *     y' = y + Σ_{j ≤ q} C_j ε̂_{−j},   C_j = (1/r(ρ_{−j})) ∫_ρ^{ρ'} r(ρ) l_j(u(ρ)) dρ,   u = t, ρ or log ρ
 *
 * DEIS's steps with other scalars: no network call more. Constant r is DEIS. Without a measured profile r is that of Gaussian data with
 * eigenvalues λ_k, r = √(2/π) (1/d) Σ_k ρ/√(λ_k + ρ²): on an isotropic Gaussian every step is then exact.
 */
const reference = `@inproceedings{xia2023score,
  title     = {Score Normalization for a Faster Diffusion Exponential Integrator Sampler},
  author    = {Xia, Guoxuan and Danier, Duolikun and Das, Ayan and Fotiadis, Stathi and Nabiei, Farhang and Sengupta, Ushnish and Bernacchia, Alberto},
  booktitle = {NeurIPS 2023 Workshop on Diffusion Models},
  year      = {2023},
  eprint    = {2311.00157},
  archivePrefix = {arXiv}
}`;

/** A file's shape, for a schema that can be written as JSON Schema; its contents are read by {@link readProfile}. */
const file = z.looseObject({
  header: z.record(z.string(), z.unknown()),
  tensors: z.record(z.string(), z.unknown()),
}) as unknown as z.ZodType<StatisticsFile>;

export const deisSnOptions = z.strictObject({
  degree: z.int().min(0).max(3).default(3).describe('Degree of the interpolating polynomial; 0 is DDIM with a rescaled step'),
  variable: z.enum(['t', 'rho', 'log-rho']).default('t').describe('What it is a polynomial in'),
  profile: z.union([z.string(), file]).optional().describe('File of `tweedie stats deis-profile RUN`; without it a Gaussian’s profile'),
  clipSteps: z.int().min(0).default(0).describe('Entries of the profile at least noise that take the next one’s value'),
  sigmaData: z.number().positive().default(0.5).describe('Without a profile: standard deviation of the data'),
  spectrum: z.array(z.number().min(0)).min(1).optional().describe('Without a profile: eigenvalues of the data’s covariance'),
  parity: z.enum(['exact', 'published']).default('exact').describe('`published`: with the quirks of the released code, for VP alone'),
});
/** In code the profile may also be a function of ρ. */
export type DeisSnOptions = Omit<z.input<typeof deisSnOptions>, 'profile'> & {
  readonly profile?: string | StatisticsFile | ((rho: number) => number) | undefined;
};

/**
 * DEIS with score normalization. NFE = N.
 *
 * Errors: a profile that is none, a spectrum beside it, what only VP has under another schedule.
 */
export const deisSn = ({ profile, ...rest }: DeisSnOptions = {}): Sampler => {
  const measured = typeof profile === 'function' ? profile : undefined;
  const { degree, variable, clipSteps, sigmaData, spectrum, parity, ...given } = deisSnOptions.parse(
    measured === undefined ? { ...rest, ...(profile === undefined ? {} : { profile }) } : rest,
  );
  if (typeof given.profile === 'string')
    throw refusal({
      problem: 'a profile is given as a path',
      got: given.profile,
      expected: 'a file that was read, or a function of ρ',
      remedy: 'read it with decodeStatistics',
    });
  if (profile !== undefined && spectrum !== undefined)
    throw refusal({ problem: 'a profile and a spectrum are given', remedy: 'leave out one: the spectrum takes the place of a profile' });
  if (parity === 'published' && variable !== 't')
    throw refusal({ problem: 'the released code has another variable', got: variable, expected: 't', remedy: 'use parity: exact' });
  const table = given.profile === undefined ? undefined : readProfile(given.profile);
  if (table !== undefined && clipSteps >= table.r.length)
    throw refusal({ problem: 'clipSteps leaves no entry of the profile', got: clipSteps, expected: `less than ${table.r.length}` });
  const formula = measured ?? gaussianProfile(spectrum ?? [sigmaData ** 2]);
  const fallback = profile === undefined;

  return linearSampler({
    name: 'deis-sn',
    facts: {
      // The released quadrature is right to 1e-4 at best: it has no order.
      ...(parity === 'exact' ? { order: degree + 1 } : {}),
      stochastic: false,
      reachesZero: true,
      batchCoupled: false,
      likelihood: false,
      guidance: true,
      inpainting: true,
    },
    reference,
    remembered: 'eps',
    coefficients: (schedule, levels) => {
      const count = levels.length - 1;
      const zero = levels[count] === 0;
      const noisy = [...levels].filter((rho) => rho > 0);
      if ((parity === 'published' || (clipSteps > 0 && table === undefined)) && !isVp(schedule))
        throw refusal({
          problem:
            parity === 'published' ? 'the released code is for VP alone' : 'clipSteps counts thousandths of VP’s time where no file is',
          got: schedule.id,
          expected: 'a VP schedule',
          remedy: parity === 'published' ? 'use parity: exact' : 'leave clipSteps out, or give a file',
        });
      const r = positive(table === undefined ? held(formula, clipSteps, schedule) : interpolated(clipped(table, clipSteps)), noisy);
      const u = variable === 't' ? schedule.timeOf : variable === 'rho' ? (rho: number) => rho : Math.log;
      const steps = Array.from({ length: count }, (_, i): LinearStep => {
        // log ρ has no value at 0; a polynomial in it is not carried there.
        const own = levels[i + 1] === 0 && variable === 'log-rho' ? 0 : degree;
        const model =
          parity === 'exact'
            ? adamsBashforth({ levels, i, degree: own, variable: u, profile: r })
            : publishedCoefficients({ schedule, levels, i, degree, profile: table?.r ?? formula, clipSteps });
        if (!model.every(Number.isFinite))
          throw refusal({
            problem: `step ${i} from ρ = ${levels[i]} to ${levels[i + 1]} has no finite coefficients`,
            got: model,
            remedy: 'use levels that are farther apart',
          });
        return { keep: 1, model };
      });
      const notes = [
        ...(count <= degree ? [`${count} step${count === 1 ? '' : 's'}: history for degree ${count - 1} at most`] : []),
        ...(variable === 't' && degree > 0 && schedule.timeOf(levels[0]!) === levels[0]
          ? ['t is ρ under this schedule; log-rho is usually the better variable there']
          : []),
        ...(zero && variable === 'log-rho' ? ['the last step, to ρ = 0, is of degree 0 in log ρ'] : []),
        ...(fallback ? [`no profile: that of Gaussian data ${spectrum ? 'with the given spectrum' : `of deviation ${sigmaData}`}`] : []),
        ...(table === undefined ? [] : remarks(table, noisy)),
      ];
      return { steps, notes };
    },
  });
};

const refusal = (complaint: Omit<Parameters<typeof tweedieError>[0], 'subject'>): Error =>
  tweedieError({ subject: 'deis-sn', ...complaint });

/** A formula as a table of 1000 entries over the schedule's time would be clipped: held below n/1000. */
const held = (formula: (rho: number) => number, clipSteps: number, schedule: Schedule): ((rho: number) => number) => {
  if (clipSteps === 0) return formula;
  const least = schedule.rho((schedule.tMax * clipSteps) / 1000);
  return (rho) => formula(Math.max(rho, least));
};

/** r is divided by: never less than a millionth of its greatest. */
const positive = (r: (rho: number) => number, noisy: readonly number[]): ((rho: number) => number) => {
  const values = noisy.map(r);
  const bad = values.findIndex((value) => !(Number.isFinite(value) && value >= 0));
  const greatest = Math.max(...values);
  if (bad >= 0 || greatest === 0)
    throw refusal({
      problem: `the profile at ρ = ${noisy[Math.max(bad, 0)]} is not a size`,
      got: values[Math.max(bad, 0)],
      expected: 'a finite number > 0, mean |ε̂|',
    });
  const floor = 1e-6 * greatest;
  return (rho) => Math.max(r(rho), floor);
};

/** What a plan has to say of a measured profile. */
const remarks = ({ lambda, r, error }: ProfileTable, noisy: readonly number[]): string[] => {
  const [least, greatest] = [Math.exp(-lambda[0]!), Math.exp(-lambda.at(-1)!)];
  const [low, high] = [Math.min(...noisy), Math.max(...noisy)];
  const right = r.at(-1)!;
  return [
    ...(Math.abs(right - PLATEAU) > Math.max(0.002, 3 * error)
      ? [`the profile ends at ${right.toPrecision(4)} in pure noise, where mean |ε̂| of a good model is √(2/π) = 0.798 ± 0.002`]
      : []),
    ...(low < least * 0.5 || high > greatest * 2
      ? [
          `levels ${high.toPrecision(3)} … ${low.toPrecision(3)} reach beyond the profile's ${greatest.toPrecision(3)} … ${least.toPrecision(3)}`,
        ]
      : []),
  ];
};
