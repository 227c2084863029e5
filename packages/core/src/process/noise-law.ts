import { tweedieError } from '../contracts/error.ts';
import { STREAM, type Noise } from '../contracts/noise.ts';
import type { Schedule } from '../contracts/schedule.ts';

/**
 * The law that training draws its noise levels from: one ρ a row, float64 on the host.
 *
 * Row i of step k is a function of the noise's seed, k and i alone ({@link STREAM}.time).
 */
export interface NoiseLaw {
  /** Name and parameters: equal ids, equal laws. */
  readonly id: string;
  levels(rows: number, noise: Noise, step: number): Float64Array;
  /** By what a row of this level is multiplied so that its mean is that of another law: uniform-time density over this one's. Default 1. */
  importance?(rho: number): number;
}

/** A law by what it makes of one number a row: uniform in (0, 1), or standard normal. */
const lawOf = (id: string, draw: 'uniform' | 'normal', level: (number: number) => number): NoiseLaw =>
  Object.freeze<NoiseLaw>({
    id,
    levels: (rows, noise, step) =>
      noise[draw === 'uniform' ? 'hostUniform' : 'hostNormal']([rows], { stream: STREAM.time, step }).map(level),
  });

/** ln ρ ~ N(mean, std²). T. Karras et al. (2206.00364), table 1: mean −1.2, std 1.2. A std of 0 is one fixed level. */
export const logNormalLaw = ({ mean, std }: { readonly mean: number; readonly std: number }): NoiseLaw => {
  if (!(std >= 0) || !Number.isFinite(mean))
    throw tweedieError({ subject: 'noise law', problem: 'no normal law', got: { mean, std }, expected: 'a finite mean and std ≥ 0' });
  return lawOf(`log-normal(${mean},${std})`, 'normal', (z) => Math.exp(mean + std * z));
};

/** ln ρ ~ U(ln min, ln max): a VE schedule at uniform times. Y. Song et al. (2011.13456), appendix C. */
export const logUniformLaw = ({ min, max }: { readonly min: number; readonly max: number }): NoiseLaw => {
  checkRange(min, max);
  const width = Math.log(max / min);
  return lawOf(`log-uniform(${min},${max})`, 'uniform', (u) => Math.exp(Math.log(min) + u * width));
};

/** ρ one of `count` levels, geometric from max to min, equally probable. Y. Song, S. Ermon (1907.05600), §4: 10 levels, 1 to 0.01. */
export const geometricLaw = ({ min, max, count }: { readonly min: number; readonly max: number; readonly count: number }): NoiseLaw => {
  checkRange(min, max);
  if (!Number.isInteger(count) || count < 2)
    throw tweedieError({ subject: 'noise law', problem: 'too few levels', got: count, expected: 'an integer ≥ 2' });
  const width = Math.log(min / max);
  return lawOf(`geometric(${min},${max},${count})`, 'uniform', (u) => max * Math.exp((width * Math.floor(u * count)) / (count - 1)));
};

/** ρ = ρ(t), t ~ U(tMin, tMax) of a schedule. Y. Song et al. (2011.13456), eq. 7, with λ(t) left to the weighting. */
export const uniformTimeLaw = (schedule: Schedule): NoiseLaw =>
  lawOf(`uniform-time(${schedule.id},${schedule.tMin},${schedule.tMax})`, 'uniform', (u) =>
    schedule.rho(schedule.tMin + u * (schedule.tMax - schedule.tMin)),
  );

/** ρ = ρ(t), t one of 1/count, 2/count, …, 1, equally probable: DDPM's k ~ U{0, …, count − 1} (J. Ho et al., 2006.11239, algorithm 1). */
export const discreteTimeLaw = (schedule: Schedule, count: number): NoiseLaw =>
  lawOf(`discrete-time(${schedule.id},${count})`, 'uniform', (u) => schedule.rho((Math.floor(u * count) + 1) / count));

/**
 * t with density p(t) ∝ g²/σ², each row weighed by uniform density over p: the mean of uniform times, with bounded weights under the
 * likelihood weighting λ = g². Y. Song, C. Durkan, I. Murray, S. Ermon: Maximum Likelihood Training (2101.09258), §4.3 and appendix.
 *
 * Under every schedule d(ln ρ²)/dt = g²/σ², so that p(t) dt is uniform in ln ρ, and its integral Z = 2 ln(ρ_max/ρ_min).
 */
export const importanceLaw = (schedule: Schedule): NoiseLaw => {
  const { tMin, tMax } = schedule;
  const [min, max] = [schedule.rho(tMin), schedule.rho(tMax)];
  const total = 2 * Math.log(max / min);
  return Object.freeze<NoiseLaw>({
    id: `importance(${schedule.id},${tMin},${tMax})`,
    levels: logUniformLaw({ min, max }).levels,
    importance: (rho) => {
      const t = schedule.timeOf(rho);
      return (total * schedule.sigma(t) ** 2) / (schedule.diffusion2(t) * (tMax - tMin));
    },
  });
};

const checkRange = (min: number, max: number): void => {
  if (!(min > 0 && max >= min && Number.isFinite(max)))
    throw tweedieError({ subject: 'noise law', problem: 'no range of levels', got: { min, max }, expected: '0 < min ≤ max < ∞' });
};
