import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Levels, Model } from '../contracts/model.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Batch, Objective } from '../contracts/objective.ts';
import type { Weights } from '../contracts/network.ts';
import { bindModel, type Binding } from '../process/model.ts';

/** The loss that `train` minimises: of any variables, a score network's or a classifier's. `watch` hears of the noise levels it visits. */
export type Loss = (weights: Weights, batch: Batch, noise: Noise, watch?: (levels: Levels) => void) => Scalar;

/** An objective's loss of a score network. Refuses, before any step, an objective that the network cannot serve. */
export const scoreLoss = ({ objective, ...binding }: Omit<Binding, 'weights' | 'train'> & { readonly objective: Objective }): Loss => {
  if (objective.needs.derivatives === 2 && !binding.network.doubleDifferentiable) {
    throw tweedieError({
      subject: `objective ${objective.name}`,
      problem: `network ${binding.network.name} is not safe under double differentiation`,
      expected: 'a network that is doubleDifferentiable',
      remedy: 'choose another network, or an objective of first order (dsm)',
    });
  }
  return (weights, batch, noise, watch) => {
    const model = bindModel({ ...binding, weights, train: { noise, step: batch.step } });
    return objective.loss(watch === undefined ? model : watched(model, watch), batch, noise);
  };
};

const watched = (model: Model, watch: (levels: Levels) => void): Model => {
  const heard =
    (f: Model['raw']): Model['raw'] =>
    (y: Tensor, rho: Levels, label?: Tensor2D) => {
      watch(rho);
      return f(y, rho, label);
    };
  return { ...model, raw: heard(model.raw), denoise: heard(model.denoise) };
};
