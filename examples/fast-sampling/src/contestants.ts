import type { ExperimentInput } from '@tweedie/cli';
import type { Problem } from './problems.ts';

/** A sampler as a configuration names it, under the name that tables give it. */
export interface Contestant {
  readonly name: string;
  readonly sampler: NonNullable<ExperimentInput['sampler']>;
  /** Its levels, where they are not the run's. */
  readonly levels?: ExperimentInput['levels'];
}

/**
 * DDIM, for scale, and those that were made for few calls: one call a step each, on the same levels. Add a line, and it takes part. Both
 * DEIS extrapolate in log ρ: the time of EDM is ρ itself, and in it one step is longer than all that follow. UniPC is of order 2: over
 * steps so long a third order overshoots.
 */
export const contestants = ({ law: { mean, sigma }, skipTo }: Pick<Problem, 'law' | 'skipTo'>): readonly Contestant[] => {
  const teleport = { use: 'teleport', skipTo, dataMean: mean, sigmaData: sigma };
  const unipc = { use: 'unipc', order: 2 };
  const deisSn = { use: 'deis-sn', variable: 'log-rho', sigmaData: sigma };
  return [
    { name: 'ddim', sampler: { use: 'ddim' } },
    { name: 'dpmpp-2m', sampler: { use: 'dpmpp-2m' } },
    { name: 'unipc', sampler: unipc },
    { name: 'deis', sampler: { use: 'deis', variant: 'log-rho-ab' } },
    { name: 'ipndm', sampler: { use: 'ipndm' } },
    { name: 'deis-sn', sampler: deisSn },
    { name: 'teleport unipc', sampler: { ...teleport, then: unipc } },
    { name: 'teleport deis-sn', sampler: { ...teleport, then: deisSn } },
  ];
};

/** Who is taken for the exact solution of the flow, at so many steps. */
export const EXACT = { sampler: { use: 'heun' }, steps: 64 } as const;
