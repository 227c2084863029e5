import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { bindModel, toTensors, tweedieError, type Model } from '@tweedie/core';
import { NETWORK, PRECONDITIONER, SCHEDULE, type Experiment } from '@tweedie/core/container';
import { readWeights, valuesFor, WEIGHTS, type WeightsFile } from '@tweedie/core/node';
import { experimentConfig, type ExperimentConfig, type ExperimentInput } from '../config/experiment.ts';
import { parseExperiment } from '../config/parse.ts';
import { composeExperiment } from '../experiment/compose.ts';

/** Trained weights, read and described; nothing is on the engine yet. */
export interface OpenedRun {
  readonly path: string;
  readonly config: ExperimentConfig;
  readonly weights: WeightsFile;
}

/** Opens a RUN folder or a single weights file. Refuses what is neither, what is damaged, and what says nothing of its network. */
export const openRun = async (run: string, cwd = process.cwd()): Promise<OpenedRun> => {
  const given = resolve(cwd, run);
  if (!existsSync(given)) throw tweedieError({ subject: run, problem: 'there is no such run', expected: `a RUN folder or a ${WEIGHTS}`, remedy: 'train one with `tweedie train`, or check the path' });
  const path = statSync(given).isDirectory() ? join(given, WEIGHTS) : given;
  if (!existsSync(path)) throw tweedieError({ subject: run, problem: 'the folder holds no weights yet', expected: WEIGHTS, remedy: 'give the run time for a first checkpoint, or train it with `tweedie train`' });
  const weights = await readWeights(path);
  return { path, config: parseExperiment(weights.config, path), weights };
};

/** Other methods and levels than the run's own. A section that names another method drops the run's options of it. */
export type Overrides = Pick<ExperimentInput, 'sampler' | 'levels' | 'seed' | 'data'>;

export const overridden = (config: ExperimentConfig, { sampler, levels, seed, data }: Overrides): ExperimentConfig =>
  experimentConfig.parse({
    ...config,
    ...(sampler === undefined ? {} : { sampler: sampler.use === undefined || sampler.use === config.sampler.use ? { ...config.sampler, ...sampler } : sampler }),
    ...(data === undefined ? {} : { data: data.use === undefined || data.use === config.data.use ? { ...config.data, ...data } : data }),
    ...(levels === undefined ? {} : { levels: { ...config.levels, ...defined(levels) } }),
    ...(seed === undefined ? {} : { seed }),
  });

const defined = <T extends object>(given: T): T => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;

/** A run's model on the engine, with the experiment it belongs to. `dispose` frees the weights. */
export interface BoundRun {
  readonly experiment: Experiment;
  readonly model: Model;
  readonly dispose: () => void;
}

/** Makes the network of a run again, checks the weights against it name by name, and binds them. */
export const bindRun = async ({ path, weights }: OpenedRun, config: ExperimentConfig, { cwd, data = false }: { readonly cwd: string; readonly data?: boolean }): Promise<BoundRun> => {
  const experiment = await composeExperiment(config, { cwd, data });
  const network = experiment.get(NETWORK);
  const tensors: Record<string, Tensor> = toTensors(network.parameters, valuesFor(network, weights.tensors, path));
  const model = bindModel({ network, weights: tensors, schedule: experiment.get(SCHEDULE), preconditioner: experiment.get(PRECONDITIONER) });
  return Object.freeze({ experiment, model, dispose: () => Object.values(tensors).forEach((tensor) => tensor.dispose()) });
};
