import { composeExperiment, openRun } from '@tweedie/cli';
import { createFeed, createParameters, partGradient, scoreLoss, type Json, type Network } from '@tweedie/core';
import { DATA, NETWORK, NOISE, OBJECTIVE, PRECONDITIONER, SCHEDULE } from '@tweedie/core/container';
import { valuesFor } from '@tweedie/core/node';
import { fetchDataset } from '@tweedie/data';
import type { Lab } from './claim.ts';
import { round, type Subject } from './digits.ts';
import { onPoints, type NamedObjective } from './on-points.ts';

/** Heads of which the two objectives are one program (`edm`) and two. */
export const HEADS = ['edm', 'eps', 'score', 'v'] as const;

export interface Apart {
  readonly head: (typeof HEADS)[number];
  readonly sigma: number;
  /** max |∇L_LCSS − ∇L_DSM| / max |∇L_DSM|. */
  readonly lcss: number;
  /** The same of another objective with the same optimum but not the same gradient: what the number is where the two differ. */
  readonly control: number;
}

export interface IdentityOptions {
  /** The network and its weights; undefined: the digits network as it is initialised. */
  readonly subject?: Subject | undefined;
  readonly sigmas: readonly number[];
  readonly rows: number;
}

/**
 * How far the gradients of LCSS and DSM in the weights are apart on the same images, noise and level, by head and level. The head says how
 * the output of the network is read; weights trained for one are read by another as well, for the identity asks nothing of the weights.
 */
export const gradientIdentity = (lab: Lab, { subject, sigmas, rows }: IdentityOptions): Promise<readonly Apart[]> =>
  lab.cell({ kind: 'gradient-identity', weights: subject?.modelHash ?? 'fresh', sigmas: [...sigmas], rows, seed: 0 }, async () => {
    await fetchDataset('mnist');
    const whole = await composeExperiment({ network: subject?.config.network ?? { use: 'digits' }, seed: 0 }, { cwd: lab.root });
    const [network, noise] = [whole.get(NETWORK), whole.get(NOISE)];
    const feed = createFeed({ dataset: whole.get(DATA), batchSize: rows, noise });
    const initial = subject === undefined ? network.init(noise) : await weightsOf(subject, network);
    const parameters = createParameters(network.parameters, initial);
    /** ∇_θ of one objective on one batch at one level. */
    const gradientOf = async (objective: NamedObjective, head: Apart['head']): Promise<Float32Array> => {
      const preconditioner = head === 'edm' ? { use: head, sigmaData: 0.6 } : { use: head };
      const { get } = await onPoints(lab, { objective, preconditioner });
      const loss = scoreLoss({ objective: get(OBJECTIVE), network, schedule: get(SCHEDULE), preconditioner: get(PRECONDITIONER) });
      return (await partGradient({ parameters, loss, feed, noise }, 0, { from: 0, count: rows })).gradient;
    };
    const apart: Apart[] = [];
    try {
      for (const head of HEADS)
        for (const sigma of sigmas) {
          const level = { law: 'edm', pMean: Math.log(sigma), pStd: 0, weighting: 'sigma2' };
          const dsm = await gradientOf({ use: 'dsm', ...level }, head);
          const lcss = distance(await gradientOf({ use: 'lcss', ...level }, head), dsm);
          const control = distance(await gradientOf({ use: 'fd-ssm', relative: true, ...level }, head), dsm);
          apart.push({ head, sigma, lcss: round(lcss, 3), control: round(control, 3) });
        }
    } finally {
      parameters.dispose();
    }
    return apart as unknown as Json;
  }) as unknown as Promise<readonly Apart[]>;

const distance = (a: Float32Array, b: Float32Array): number => {
  const greatest = (x: Float32Array): number => x.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  return greatest(a.map((each, i) => each - b[i]!)) / greatest(b);
};

const weightsOf = async ({ path }: Subject, network: Network): Promise<Record<string, Float32Array>> => {
  const { weights } = await openRun(path);
  return valuesFor(network, weights.tensors, path);
};
