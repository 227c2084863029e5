import { tensor1d } from '@tensorflow/tfjs-core';
import { createParameters, partGradient, type GradientOptions } from '@tweedie/core';
import { FEED, LOSS, NETWORK, NOISE } from '@tweedie/core/container';
import { composeExperiment } from '../experiment/compose.ts';
import type { GradientTask, Handler } from './tasks.ts';

let bound: { readonly key: string; readonly options: Promise<GradientOptions> } | undefined;

/** A rank of data-parallel training: composes the experiment once, takes the weights of every step. */
export const gradientTask: Handler<'gradient'> = async ({ config, cwd, step, part, weights, into }) => {
  const key = JSON.stringify([config, cwd]);
  if (bound?.key !== key) {
    await bound?.options.then(({ parameters }) => parameters.dispose());
    bound = { key, options: bind({ config, cwd }) };
  }
  const options = await bound.options;
  const values = tensor1d(Float32Array.from(weights), 'float32'); // a copy: an engine may keep what it is given
  options.parameters.flat.assign(values);
  values.dispose();
  const { gradient, ...rest } = await partGradient(options, step, part);
  if (into === undefined) return { ...rest, gradient };
  into.set(gradient);
  return { ...rest, gradient: new Float32Array() };
};

const bind = async ({ config, cwd }: Pick<GradientTask, 'config' | 'cwd'>): Promise<GradientOptions> => {
  const experiment = await composeExperiment(config, { cwd });
  const network = experiment.get(NETWORK);
  const noise = experiment.get(NOISE);
  return {
    parameters: createParameters(network.parameters, network.init(noise)),
    loss: experiment.get(LOSS),
    feed: experiment.get(FEED),
    noise,
  };
};
