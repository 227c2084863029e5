import { add, addN, divNoNan, mean, mul, reshape, sqrt, square, sub, sum, tidy, type Tensor } from '@tensorflow/tfjs-core';
import {
  checkLevels,
  drawPrior,
  STREAM,
  tweedieError,
  type Noise,
  type Plan,
  type PlanStep,
  type Sampler,
  type StatisticsFile,
} from '@tweedie/core';
import { z } from 'zod';
import { gainsOf, powerLaw, readFilter } from './filter.ts';
import { both, filter, shiftSkew, type PdsOperator } from './operator.ts';

/**
 * Preconditioned diffusion sampling. H. Ma, X. Zhu, J. Feng, L. Zhang: Preconditioned Score-based Generative Models (2302.06504).
 *
 *     dx = (ε²/2) (M Mᵀ + S) ∇ log p*(x) dt + ε M dw,    Sᵀ = −S                                    eq. of the released README
 *
 * has p* as its stationary law for every constant M and S. M = F⁻¹ diag(W_f) F diag(W_s) here: pixels, then frequencies. With the score
 * s, g = (M Mᵀ + S) s and a = α/α' between two levels, G² = σ² − a² σ'², f = (a − 1) x (VE: a = 1, f = 0; VP: 1 − a² = β):
 *
 *     corrector     step = 2a² (snr ‖M z‖/‖g‖)²,   x ← x + step g + √(2 step) M z
 *     predictor     x' = x − f + ½ G² (s + g) + G M z                                               parity: exact
 *                   x' = x − M Mᵀ f + G² g + G M z                                                  parity: published
 *     Langevin      step = ε σ²,                   x ← x + step g + √(2 step) M z                    NCSN: ε σ_L² is its learning rate
 *
 * A reverse step is half probability flow (½ G² s) and half Langevin (½ G² s + G dw), of which only the latter may be preconditioned:
 * the published form does both. The last step has no noise, and so nothing to precondition: exact is x − f + G² s there, D where it ends at 0.
 *
 * Below everything is in y = x/α, ρ = σ/α: with e = D(y; ρ) − y, s = e/(α ρ²) and G² = α² (ρ² − ρ'²).
 */
const reference = `@article{ma2023preconditioned,
  title   = {Preconditioned Score-based Generative Models},
  author  = {Ma, Hengyuan and Zhu, Xiatian and Feng, Jianfeng and Zhang, Li},
  year    = {2023},
  eprint  = {2302.06504},
  archivePrefix = {arXiv}
}`;

/** A file's shape, for a schema that can be written as JSON Schema; its contents are read by {@link readFilter}. */
const file = z.looseObject({
  header: z.record(z.string(), z.unknown()),
  tensors: z.record(z.string(), z.unknown()),
}) as unknown as z.ZodType<StatisticsFile>;

export const pdsOptions = z.strictObject({
  mode: z.enum(['pc', 'langevin']).default('pc').describe('Predictor and corrector, or annealed Langevin dynamics'),
  filter: z.union([z.string(), file]).optional().describe('File of `tweedie stats pds-filter DATA`; without it nothing is preconditioned'),
  spectrum: z.number().min(0).optional().describe('Without a file: images whose power falls as |k|^−spectrum (natural images: 2)'),
  domains: z.enum(['frequency', 'pixel', 'both']).default('frequency').describe('Which filters of the file are used'),
  alpha: z.number().gt(1).default(5).describe('α of the filter: gains lie in [1, α/(α − 1)]; a greater α preconditions less'),
  snr: z.number().positive().default(0.16).describe('Mode pc: size of the corrector’s step (CIFAR-10 .16, LSUN .075, FFHQ .15)'),
  correctorSteps: z.int().min(0).max(255).optional().describe('Langevin steps a level (mode pc: 1, langevin: 5)'),
  step: z.number().positive().default(0.062).describe('Mode langevin: ε of a step ε σ² (NCSNv2 .062, NCSN .2)'),
  skew: z.number().min(-0.5).max(0.5).default(0).describe('ω of S g = ω (g shifted by +1 − g shifted by −1)'),
  parity: z.enum(['exact', 'published']).default('exact').describe('`published`: the released code, which does not keep the law'),
});
/** In code the operator may also be given itself. */
export type PdsOptions = z.input<typeof pdsOptions> & { readonly operator?: PdsOperator };

/**
 * Predictor–corrector and annealed Langevin sampling with preconditioned noise and score. NFE is N (correctorSteps + 1), or
 * N correctorSteps + 1 in mode `langevin`.
 *
 * Errors: a filter of another kind, range or shape; two filters at once; filters of states that are no images.
 */
export const pds = ({ operator: given, ...options }: PdsOptions = {}): Sampler => {
  const { mode, alpha, domains, snr, step, skew, parity, spectrum, ...rest } = pdsOptions.parse(options);
  const published = parity === 'published';
  const corrections = rest.correctorSteps ?? (mode === 'pc' ? 1 : 5);
  if (mode === 'langevin' && corrections === 0)
    throw refusal({ problem: 'Langevin dynamics without a step', got: corrections, expected: 'correctorSteps ≥ 1' });
  if (typeof rest.filter === 'string')
    throw refusal({
      problem: 'a filter is given as a path',
      got: rest.filter,
      expected: 'a file that was read',
      remedy: 'read it with decodeStatistics',
    });
  if ([given, rest.filter, spectrum].filter((each) => each !== undefined).length > 1)
    throw refusal({ problem: 'more than one of filter, spectrum and operator is given', remedy: 'leave out the others' });
  if (rest.filter === undefined && domains !== 'frequency')
    throw refusal({ problem: 'a pixel filter needs a file', remedy: 'make one: tweedie stats pds-filter DATA' });
  const statistics = rest.filter === undefined ? undefined : readFilter(rest.filter);
  const measured = statistics && operatorOf(statistics, domains, alpha);
  const plain = given === undefined && measured === undefined && spectrum === undefined;

  /** M for states of a shape; undefined is M = 1, which costs nothing. */
  const operatorFor = (shape: readonly number[]): PdsOperator | undefined => {
    const own = shape.slice(1);
    if (statistics !== undefined && own.join() !== statistics.shape.join())
      throw refusal({
        problem: 'the filter is of images of another shape',
        got: own,
        expected: `[${statistics.shape.join(', ')}]`,
        remedy: 'make it from data of this shape: tweedie stats pds-filter DATA',
      });
    if (spectrum === undefined) return given ?? measured;
    if (own.length !== 3) throw refusal({ problem: 'a power law is of images', got: own, expected: '[height, width, channels]' });
    return operatorOf({ shape: own, frequency: powerLaw(own, spectrum) }, 'frequency', alpha);
  };
  const notes = [
    ...(plain ? ['no filter is given: M = 1, nothing is preconditioned'] : []),
    ...(published && mode === 'pc' && !plain ? ['this predictor keeps m²/(2m² − 1) of the variance where M has the gain m'] : []),
  ];

  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name: 'pds',
    facts: Object.freeze({
      stochastic: true,
      reachesZero: true,
      batchCoupled: published && mode === 'pc' && corrections > 0,
      likelihood: false,
      guidance: true,
      inpainting: true,
    }),
    reference,

    // Without `start` a run begins at the prior, or where a prefix leaves it.
    ...(published
      ? {
          start: (noise: Noise, shape: readonly number[], plan: Plan): Tensor => {
            const m = operatorFor(shape);
            return tidy(() => applied(m, drawPrior(noise, shape, plan)));
          },
        }
      : {}),

    plan: (schedule, levels) => {
      checkLevels('pds', levels, { reachesZero: true });
      const count = levels.length - 1;
      const alphaAt = (rho: number): number => (rho === 0 ? 1 : schedule.alpha(schedule.timeOf(rho)));
      const steps = Array.from({ length: count }, (_, i): PdsStep => {
        const [rho, next] = [levels[i]!, levels[i + 1]!];
        const last = i === count - 1;
        const ratio = next / rho;
        const fall = (1 - ratio) * (1 + ratio); // 1 − ρ'²/ρ²
        if (mode === 'langevin') return { rho, step, noise: Math.sqrt(2 * step) * rho, ...(last ? { keep: 1, flow: fall } : {}) };
        const a = alphaAt(rho) / alphaAt(next);
        return {
          rho,
          ...(corrections > 0 ? { snr2: 2 * (a * snr) ** 2 } : {}),
          // y' = keep y + keepM M Mᵀ y + flow e + langevin (M Mᵀ + S) e + spread M z
          ...(published
            ? { keep: a, keepM: a * (1 - a), flow: 0, langevin: a * fall }
            : { keep: a * (2 - a), keepM: 0, flow: last ? a * fall : (a * fall) / 2, langevin: last ? 0 : (a * fall) / 2 }),
          spread: last ? 0 : a * rho * Math.sqrt(fall),
        };
      });
      const nfe = mode === 'pc' ? count * (corrections + 1) : count * corrections + 1;
      return Object.freeze({ sampler: 'pds', schedule, levels: levels.slice(), nfe, steps, notes });
    },

    async *steps(denoise, start, plan, noise) {
      const m = operatorFor(start.shape);
      const turn = skew === 0 ? m?.skew : shiftSkew(skew);
      /** (M Mᵀ + S) e. */
      const driven = (e: Tensor): Tensor => {
        const drawn = m === undefined ? e : both(m, e);
        return turn === undefined ? drawn : add(drawn, turn(e));
      };
      const normal = (step: number, draw: number): Tensor => applied(m, noise.normal(start.shape, { stream: STREAM.sampler, step, draw }));

      const corrected = (y: Tensor, x0: Tensor, { rho, snr2, step: fixed, noise: sd }: PdsStep, i: number, draw: number): Tensor =>
        tidy(() => {
          const v = driven(sub(x0, y));
          const w = normal(i, draw);
          if (fixed !== undefined) return addN([y, mul(v, fixed), mul(w, sd!)]);
          // s = e/ρ² in y, so that step = k ρ⁴ with k = 2a² snr² (‖M z‖/‖v‖)².
          const size = divNoNan(norms(w, published), norms(v, published));
          const k = mul(square(size), snr2!);
          return addN([y, mul(v, mul(k, rho * rho)), mul(w, mul(sqrt(k), Math.SQRT2 * rho * rho))]);
        });
      const predicted = (y: Tensor, x0: Tensor, own: PdsStep, i: number): Tensor =>
        tidy(() => {
          const { keep, keepM = 0, flow, langevin = 0, spread = 0 } = own as PdsStep & { readonly keep: number; readonly flow: number };
          const e = sub(x0, y);
          const terms = [mul(y, keep)];
          if (keepM !== 0) terms.push(mul(m === undefined ? y : both(m, y), keepM));
          // Summed first: M = 1 given as an operator is then the plain sampler to the bit, ½p e + ½p e = p e.
          if (m === undefined && turn === undefined) terms.push(mul(e, flow + langevin));
          else if (langevin === 0) terms.push(mul(e, flow));
          else terms.push(flow === 0 ? mul(driven(e), langevin) : add(mul(e, flow), mul(driven(e), langevin)));
          if (spread !== 0) terms.push(mul(normal(i, 0), spread));
          return addN(terms);
        });

      let y = start;
      let x0: Tensor | undefined;
      let returned = false;
      /** Takes the place of y. */
      const move = (next: Tensor): void => {
        x0!.dispose();
        x0 = undefined;
        if (y !== start) y.dispose();
        y = next;
      };
      try {
        for (const [i, own] of (plan.steps as readonly PdsStep[]).entries()) {
          const predicts = own.keep !== undefined;
          x0 = await denoise(y, own.rho);
          yield { i, rho: own.rho, y, x0 };
          for (let j = 0; j < corrections; j++) {
            move(corrected(y, x0!, own, i, j + 1 - (mode === 'pc' ? 0 : 1)));
            if (j + 1 < corrections || predicts) x0 = await denoise(y, own.rho);
          }
          if (predicts) move(predicted(y, x0!, own, i));
        }
        returned = true;
        return y;
      } finally {
        x0?.dispose();
        if (!returned && y !== start) y.dispose();
      }
    },
  });
};

type PdsStep = PlanStep & {
  readonly rho: number;
  /** Corrector: 2a² snr². */
  readonly snr2?: number;
  /** Langevin: ε, and √(2ε) ρ. */
  readonly step?: number;
  readonly noise?: number;
  /** Predictor; absent between the levels of Langevin. */
  readonly keep?: number;
  readonly keepM?: number;
  readonly flow?: number;
  readonly langevin?: number;
  readonly spread?: number;
};

const applied = (m: PdsOperator | undefined, z: Tensor): Tensor => (m === undefined ? z : m.apply(z));

/** ‖·‖ of each row, [B, 1, …]; or its mean over the batch. */
const norms = (v: Tensor, coupled: boolean): Tensor => {
  const rows = v.shape[0]!;
  const each = sqrt(sum(square(reshape(v, [rows, -1])), 1));
  return coupled ? mean(each) : reshape(each, [rows, ...v.shape.slice(1).map(() => 1)]);
};

/** The operator of a file or a law, or undefined where all gains are 1. */
const operatorOf = (
  { shape, frequency, pixel }: { readonly shape: readonly number[]; readonly frequency: Float64Array; readonly pixel?: Float64Array },
  domains: 'frequency' | 'pixel' | 'both',
  alpha: number,
): PdsOperator | undefined => {
  const gains = (a: Float64Array | undefined): Float64Array | undefined => {
    const w = a && gainsOf(a, alpha);
    return w?.every((each) => each === 1) ? undefined : w;
  };
  const [w, s] = [domains === 'pixel' ? undefined : gains(frequency), domains === 'frequency' ? undefined : gains(pixel)];
  if (w === undefined && s === undefined) return undefined;
  return filter({ shape, ...(w === undefined ? {} : { frequency: w }), ...(s === undefined ? {} : { pixel: s }) });
};

const refusal = (complaint: Omit<Parameters<typeof tweedieError>[0], 'subject'>) => tweedieError({ subject: 'pds', ...complaint });
