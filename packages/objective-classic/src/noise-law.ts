import { STREAM, tweedieError, type Noise, type Schedule } from '@tweedie/core';

/**
 * The law that training draws its noise levels from: one ρ a row, float64 on the host.
 *
 * Row i of step k is a function of the noise's seed, k and i alone ({@link STREAM}.time).
 */
export interface NoiseLaw {
  /** Name and parameters: equal ids, equal laws. */
  readonly id: string;
  levels(rows: number, noise: Noise, step: number): Float64Array;
}

/** ln ρ ~ N(mean, std²). T. Karras et al. (2206.00364), table 1: mean −1.2, std 1.2. A std of 0 is one fixed level. */
export const logNormalLaw = ({ mean, std }: { readonly mean: number; readonly std: number }): NoiseLaw => {
  if (!(std >= 0) || !Number.isFinite(mean))
    throw tweedieError({ subject: 'noise law', problem: 'no normal law', got: { mean, std }, expected: 'a finite mean and std ≥ 0' });
  return Object.freeze<NoiseLaw>({
    id: `log-normal(${mean},${std})`,
    levels: (rows, noise, step) => noise.hostNormal([rows], { stream: STREAM.time, step }).map((z) => Math.exp(mean + std * z)),
  });
};

/** ln ρ ~ U(ln min, ln max): a VE schedule at uniform times. Y. Song et al. (2011.13456), appendix C. */
export const logUniformLaw = ({ min, max }: { readonly min: number; readonly max: number }): NoiseLaw => {
  if (!(min > 0 && max >= min && Number.isFinite(max)))
    throw tweedieError({ subject: 'noise law', problem: 'no range of levels', got: { min, max }, expected: '0 < min ≤ max < ∞' });
  const [low, width] = [Math.log(min), Math.log(max / min)];
  return Object.freeze<NoiseLaw>({
    id: `log-uniform(${min},${max})`,
    levels: (rows, noise, step) => noise.hostUniform([rows], { stream: STREAM.time, step }).map((u) => Math.exp(low + u * width)),
  });
};

/** ρ = ρ(t), t ~ U(tMin, tMax) of a schedule. Y. Song et al. (2011.13456), eq. 7, with λ(t) left to the weighting. */
export const uniformTimeLaw = (schedule: Schedule): NoiseLaw =>
  Object.freeze<NoiseLaw>({
    id: `uniform-time(${schedule.id},${schedule.tMin},${schedule.tMax})`,
    levels: (rows, noise, step) =>
      noise
        .hostUniform([rows], { stream: STREAM.time, step })
        .map((u) => schedule.rho(schedule.tMin + u * (schedule.tMax - schedule.tMin))),
  });
