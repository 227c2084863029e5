import { tweedieError, type TweedieError } from '@tweedie/core';
import type { Graph } from './graph.ts';
import type { Value } from './values.ts';

/** A recorded kernel, its inputs in the graph; −1 in a shape is what grows with the batch. */
export interface Bound {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputs: readonly { readonly shape: readonly number[]; readonly dtype: string }[];
}

/** Writes the nodes of one TensorFlow.js kernel. */
export type Kernel = (graph: Graph, call: Bound) => readonly Value[];

export const refused = (kernel: string, what: string, got?: unknown): TweedieError =>
  tweedieError({
    subject: 'onnx',
    problem: `the kernel ${kernel} cannot be written: ${what}`,
    ...(got === undefined ? {} : { got }),
    remedy: 'compute this with other operations',
    code: 'ONNX_UNSUPPORTED',
  });
