import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { bindModel, toTensors, tweedieError, type Binding, type Model } from '@tweedie/core';
import { NETWORK, PRECONDITIONER, SCHEDULE, type Experiment } from '@tweedie/core/container';
import { readWeights, valuesFor, WEIGHTS, type WeightsFile } from '@tweedie/core/node';
import type { ExperimentConfig } from '../config/experiment.ts';
import { layered, type Overrides } from '../config/load.ts';
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
  if (!existsSync(given))
    throw tweedieError({
      subject: run,
      problem: 'there is no such run',
      expected: `a RUN folder or a ${WEIGHTS}`,
      remedy: 'train one with `tweedie train`, or check the path',
    });
  const path = statSync(given).isDirectory() ? join(given, WEIGHTS) : given;
  if (!existsSync(path))
    throw tweedieError({
      subject: run,
      problem: 'the folder holds no weights yet',
      expected: WEIGHTS,
      remedy: 'give the run time for a first checkpoint, or train it with `tweedie train`',
    });
  const weights = await readWeights(path);
  return { path, config: parseExperiment(weights.config, path), weights };
};

/** A run's configuration with other choices laid over it. */
export const overridden = (config: ExperimentConfig, overrides: Overrides): ExperimentConfig => {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return parseExperiment(layered(config, Object.fromEntries(given)), 'options');
};

/** A run's model on the engine, with the experiment it belongs to. `dispose` frees the weights. */
export interface BoundRun {
  readonly experiment: Experiment;
  readonly model: Model;
  /** What the model was bound of: to be written in another form. */
  readonly binding: Binding;
  readonly dispose: () => void;
}

/** Makes the network of a run again, checks the weights against it name by name, and binds them. */
export const bindRun = async (
  { path, weights }: OpenedRun,
  config: ExperimentConfig,
  { cwd, data = false }: { readonly cwd: string; readonly data?: boolean },
): Promise<BoundRun> => {
  const experiment = await composeExperiment(config, { cwd, data, modelHash: weights.modelHash });
  const network = experiment.get(NETWORK);
  const tensors: Record<string, Tensor> = toTensors(network.parameters, valuesFor(network, weights.tensors, path));
  const binding: Binding = {
    network,
    weights: tensors,
    schedule: experiment.get(SCHEDULE),
    preconditioner: experiment.get(PRECONDITIONER),
  };
  return Object.freeze({
    experiment,
    model: bindModel(binding),
    binding,
    dispose: () => Object.values(tensors).forEach((tensor) => tensor.dispose()),
  });
};
