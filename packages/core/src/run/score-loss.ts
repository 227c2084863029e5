import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Levels, Model } from '../contracts/model.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Batch, Note, Objective } from '../contracts/objective.ts';
import type { Weights } from '../contracts/network.ts';
import { bindModel, type Binding } from '../process/model.ts';
import { probeSecondOrder, requireDoubleDifferentiable } from '../process/second-order.ts';

/** What the drain wants to hear of a loss while it is computed. */
export interface Observer {
  /** The noise levels that a model is asked at. */
  levels?(rho: Levels): void;
  note?(note: Note): void;
}

/** The loss that `train` minimises: of any variables, a score network's or a classifier's. */
export interface Loss {
  (weights: Weights, batch: Batch, noise: Noise, observer?: Observer): Scalar;
  /** What must hold of the engine; awaited once before the first step. */
  readonly ready?: () => Promise<void>;
}

/**
 * An objective's loss of a score network. Refuses, before any step, an objective that the network or the engine cannot serve.
 * A network without classes is not told any.
 */
export const scoreLoss = ({ objective, ...binding }: Omit<Binding, 'weights' | 'train'> & { readonly objective: Objective }): Loss => {
  const subject = `objective ${objective.name}`;
  if (objective.needs.derivatives === 2) requireDoubleDifferentiable(subject, binding.network);
  objective.check?.({ shape: binding.network.shape, head: binding.preconditioner.head, schedule: binding.schedule });
  const loss: Loss = (weights, { label, referenceLabel, ...rest }, noise, observer) => {
    const model = bindModel({ ...binding, weights, train: { noise, step: rest.step } });
    const batch = binding.network.classes === 0 ? rest : { ...rest, ...given('label', label), ...given('referenceLabel', referenceLabel) };
    return objective.loss(observer?.levels === undefined ? model : watched(model, observer.levels), batch, noise, observer?.note);
  };
  return objective.needs.derivatives === 2 ? Object.assign(loss, { ready: () => probeSecondOrder(subject) }) : loss;
};

const given = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

const watched = (model: Model, watch: (levels: Levels) => void): Model => {
  const heard =
    (f: Model['raw']): Model['raw'] =>
    (y: Tensor, rho: Levels, label?: Tensor2D) => {
      watch(rho);
      return f(y, rho, label);
    };
  return { ...model, raw: heard(model.raw), denoise: heard(model.denoise) };
};
