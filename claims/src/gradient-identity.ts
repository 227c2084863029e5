import { composeExperiment, openRun, type ExperimentInput } from '@tweedie/cli';
import { createParameters, partGradient, scoreLoss } from '@tweedie/core';
import { FEED, NETWORK, NOISE, OBJECTIVE, PRECONDITIONER, SCHEDULE } from '@tweedie/core/container';
import { valuesFor } from '@tweedie/core/node';
import { fetchDataset } from '@tweedie/data';
import type { Lab } from './claim.ts';
import { round, type Subject } from './digits.ts';

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
    const apart: Apart[] = [];
    for (const head of HEADS)
      for (const sigma of sigmas) {
        const of = (objective: string): Promise<Float32Array> => gradientOf(lab, { subject, head, sigma, rows, objective });
        const dsm = await of('dsm');
        apart.push({ head, sigma, lcss: distance(await of('lcss'), dsm), control: distance(await of('fd-ssm'), dsm) });
      }
    return apart.map(({ lcss, control, ...rest }) => ({ ...rest, lcss: round(lcss, 3), control: round(control, 3) }));
  }) as unknown as Promise<readonly Apart[]>;

const distance = (a: Float32Array, b: Float32Array): number => {
  const greatest = (x: ArrayLike<number>): number => Array.from(x).reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  return greatest(a.map((each, i) => each - b[i]!)) / greatest(b);
};

interface GradientAt {
  readonly subject: Subject | undefined;
  readonly head: Apart['head'];
  readonly sigma: number;
  readonly rows: number;
  readonly objective: string;
}

/** ∇_θ of one objective on one batch at one level. */
const gradientOf = async (lab: Lab, { subject, head, sigma, rows, objective }: GradientAt): Promise<Float32Array> => {
  const config: ExperimentInput = {
    data: { use: 'mnist', split: 'train' },
    network: subject?.config.network ?? { use: 'digits' },
    schedule: { use: 'edm' },
    preconditioner: head === 'edm' ? { use: 'edm', sigmaData: 0.6 } : { use: head },
    objective: { use: objective, law: 'edm', pMean: Math.log(sigma), pStd: 0, weighting: 'sigma2', ...(objective === 'fd-ssm' ? { relative: true } : {}) }, // prettier-ignore
    training: { batchSize: rows, steps: 1, labelDropout: 0 },
    seed: 0,
  };
  const { get } = await composeExperiment(config, { cwd: lab.root });
  const network = get(NETWORK);
  const initial = subject === undefined ? network.init(get(NOISE)) : await weightsOf(subject, network);
  const parameters = createParameters(network.parameters, initial);
  try {
    const loss = scoreLoss({ objective: get(OBJECTIVE), network, schedule: get(SCHEDULE), preconditioner: get(PRECONDITIONER) });
    const { gradient } = await partGradient({ parameters, loss, feed: get(FEED), noise: get(NOISE) }, 0, { from: 0, count: rows });
    return gradient;
  } finally {
    parameters.dispose();
  }
};

const weightsOf = async ({ path }: Subject, network: Parameters<typeof valuesFor>[0]): Promise<Record<string, Float32Array>> => {
  const { weights } = await openRun(path);
  return valuesFor(network, weights.tensors, path);
};
