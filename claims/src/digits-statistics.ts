import { join } from 'node:path';
import { decodeStatistics, type Dataset, type Json, type StatisticsFile } from '@tweedie/core';
import { readBytes } from '@tweedie/core/node';
import { mnist } from '@tweedie/data';
import { estimateEms } from '@tweedie/sampler-classic';
import { estimateProfile, gaussianProfile } from '@tweedie/sampler-deis-sn';
import { estimateGaussian } from '@tweedie/sampler-teleport';
import type { Lab } from './claim.ts';
import type { Subject } from './digits.ts';
import { preparedFile, type PreparedFile } from './prepared-file.ts';
import { withModel } from './with-model.ts';

const SEED = 0;
const DATA = 'mnist/train';

/** Mean and covariance of the training images: what teleportation goes by. */
export const dataGaussian = (lab: Lab): PreparedFile => {
  const n = lab.quick ? 2000 : 60_000;
  return preparedFile(lab, { kind: 'gaussian', data: DATA, n }, async () =>
    estimateGaussian({ dataset: await mnist({ split: 'train', fetch: true }), n, seed: BigInt(SEED) }),
  );
};

/** mean |ε̂| of the model without classes at every level: DEIS-SN's measured profile. */
export const measuredProfile = (lab: Lab, subject: Subject): PreparedFile => {
  const [n, steps] = lab.quick ? [16, 100] : [64, 1000];
  return preparedFile(lab, { kind: 'deis-profile', model: subject.modelHash, n, steps, seed: SEED }, () =>
    withModel(subject, lab.root, (model, modelHash) =>
      estimateProfile({ model, modelHash, n, seed: BigInt(SEED), options: { steps, batchSize: 64 } }),
    ),
  );
};

/** The profile of the Gaussian with the covariance of the data, r = √(2/π) (1/d) Σ_k ρ/√(λ_k + ρ²): of no model. */
export const gaussianProfileFile = (lab: Lab, gaussian: PreparedFile): PreparedFile => {
  const levels = Array.from({ length: 400 }, (_, k) => 0.002 * (80 / 0.002) ** (k / 399));
  return preparedFile(lab, { kind: 'deis-profile', of: gaussian.hash, levels: levels.length }, async () => {
    await gaussian.make();
    const { tensors } = await readStatistics(lab, gaussian);
    const profile = gaussianProfile([...tensors['values']!.data]);
    const tensor = (data: readonly number[]) => ({ shape: [data.length], data: Float64Array.from(data) });
    return {
      header: { kind: 'deis-profile', guidance: 1, levels: [0.002, 80], steps: levels.length },
      tensors: { lambda: tensor(levels.map((rho) => -Math.log(rho))), r: tensor(levels.map(profile)) },
    };
  });
};

/** l, s and b of the model without classes: DPM-Solver-v3's statistics. */
export const solverStatistics = (lab: Lab, subject: Subject): PreparedFile => {
  const [n, grid] = lab.quick ? [32, 12] : [256, 60];
  const recipe: { readonly kind: string; readonly [name: string]: Json } = {
    kind: 'v3-ems',
    model: subject.modelHash,
    data: DATA,
    n,
    grid,
    seed: SEED,
  };
  return preparedFile(lab, recipe, async () => {
    const { labels: _, ...images } = await withoutLabels();
    return withModel(subject, lab.root, (model, modelHash) =>
      estimateEms({ model, modelHash, dataset: images, n, seed: BigInt(SEED), options: { grid, batchSize: 64 } }),
    );
  });
};

const withoutLabels = async (): Promise<Dataset & { readonly labels?: undefined }> => {
  const data = await mnist({ split: 'train', fetch: true });
  return { ...data, classes: 0, rows: (indices) => ({ images: data.rows(indices).images }) };
};

export const readStatistics = async ({ root }: Pick<Lab, 'root'>, { path }: PreparedFile): Promise<StatisticsFile> =>
  decodeStatistics(await readBytes(join(root, path), 'run the claims'), path);
