import { engine, keep, tidy, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';

/** A tensor as a recording knows it. */
export interface Traced {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** One kernel that ran. */
export interface Call {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, Traced>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Traced[];
}

export interface Trace {
  readonly calls: readonly Call[];
  /** What was computed with and came from nowhere: weights, and tensors that were made on the host. */
  readonly sources: ReadonlyMap<number, { readonly tensor: Tensor; readonly values: ArrayLike<number> }>;
  readonly results: readonly Traced[];
}

/**
 * The kernels that `f` runs, in order, whatever ops, gradients of one's own (customGrad) or fused ops it is written in.
 *
 * `f` is synchronous, and everything it leaves is freed. Kernels within a kernel are the engine's business and are not recorded.
 */
export const traced = async (f: () => readonly Tensor[]): Promise<Trace> => {
  const state = engine();
  const run = state.runKernel.bind(state);
  const calls: Call[] = [];
  const made = new Set<number>();
  const held = new Map<number, { readonly tensor: Tensor; readonly copy: Tensor }>();
  let depth = 0;
  const hold = (tensor: Tensor): void => {
    if (made.has(tensor.id) || held.has(tensor.id)) return;
    held.set(tensor.id, { tensor, copy: keep(run<Tensor>('Identity', { x: tensor } as NamedTensorMap)) });
  };
  const record: typeof state.runKernel = (kernel, inputs, attributes) => {
    if (depth > 0) return run(kernel, inputs, attributes);
    const given = Object.entries(inputs).filter(([, tensor]) => Boolean(tensor));
    depth++;
    try {
      given.forEach(([, tensor]) => hold(tensor));
      const out = run(kernel, inputs, attributes);
      const outputs = (Array.isArray(out) ? out : [out]) as readonly Tensor[];
      outputs.forEach(({ id }) => made.add(id));
      const described = Object.fromEntries(given.map(([name, tensor]) => [name, describe(tensor)]));
      calls.push({ kernel, inputs: described, attributes: { ...attributes }, outputs: outputs.map(describe) });
      return out as never;
    } finally {
      depth--;
    }
  };
  try {
    state.runKernel = record;
    let results: readonly Traced[] = [];
    try {
      tidy(() => {
        const out = f();
        out.forEach(hold); // a constant, or an argument handed through
        results = out.map(describe);
      });
    } finally {
      Reflect.deleteProperty(state, 'runKernel');
    }
    const sources = new Map<number, { readonly tensor: Tensor; readonly values: ArrayLike<number> }>();
    for (const [id, { tensor, copy }] of held) sources.set(id, { tensor, values: await copy.data() });
    return { calls, sources, results };
  } finally {
    held.forEach(({ copy }) => copy.dispose());
  }
};

const describe = ({ id, shape, dtype }: Tensor): Traced => ({ id, shape: [...shape], dtype });
