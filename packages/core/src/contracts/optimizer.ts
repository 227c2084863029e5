import type { Tensor } from '@tensorflow/tfjs-core';

/** A rule that turns a gradient into new parameters: a pure function of what it is given, so that a run resumes to the bit. */
export interface Optimizer {
  readonly id: string;
  /** Names of the vectors it remembers, each as long as the parameters, zero at first. */
  readonly slots: readonly string[];
  /** `step` counts from 0. Arguments are lent; the tensors returned are the caller's. */
  update(
    parameters: Tensor,
    gradient: Tensor,
    slots: Readonly<Record<string, Tensor>>,
    step: number,
  ): { readonly parameters: Tensor; readonly slots: Readonly<Record<string, Tensor>> };
}

/** Learning rate by step, from 0. */
export type Rate = (step: number) => number;
