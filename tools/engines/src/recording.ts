import { engine, tensor, type NamedAttrMap, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';

/** A tensor on the host. */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** A kernel as it was called. `inputs` is a list where the kernel takes one. */
export interface Call {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, Value>> | readonly Value[];
  readonly attributes: object;
}

const valueOf = (of: Tensor): Value => ({
  shape: of.shape,
  dtype: of.dtype as Value['dtype'],
  values: of.dataSync().slice() as Value['values'],
});

/**
 * The kernels that run meanwhile, each kind of call once: by name, shapes, types and attributes, with the numbers that it was first given.
 * It needs an engine that reads at once (`cpu`, `wasm`). Kernels that an engine calls within its own are its own business.
 */
export const recorded = async (run: () => Promise<unknown>): Promise<readonly Call[]> => {
  const calls = new Map<string, Call>();
  const hooked = engine() as unknown as { runKernel?: typeof original };
  const original = engine().runKernel.bind(engine()) as (kernel: string, inputs: NamedTensorMap, attributes?: NamedAttrMap) => unknown;
  hooked.runKernel = (kernel, inputs, attributes = {}) => {
    const given = Object.entries(inputs).filter(([, input]) => ((input as Tensor | null | undefined) ?? undefined) !== undefined);
    const signature = JSON.stringify([kernel, given.map(([name, { shape, dtype }]) => [name, shape, dtype]), attributes]);
    if (!calls.has(signature)) {
      const read = given.map(([name, input]) => [name, valueOf(input)] as const);
      const values = Array.isArray(inputs) ? read.map(([, value]) => value) : Object.fromEntries(read);
      calls.set(signature, { kernel, inputs: values, attributes: structuredClone(attributes) });
    }
    return original(kernel, inputs, attributes);
  };
  try {
    await run();
  } finally {
    delete hooked.runKernel; // the prototype's is there again
  }
  return [...calls.values()];
};

/** Outputs of a call on the engine that runs; what it leaves there beside them, in `left`, should be nothing. */
export const replayed = async ({
  kernel,
  inputs,
  attributes,
}: Call): Promise<{ readonly outputs: readonly Value[]; readonly left: number }> => {
  const before = engine().backend.numDataIds();
  const made = Object.entries(inputs).map(([name, { values, shape, dtype }]: [string, Value]): [string, Tensor] => [
    name,
    tensor(values, [...shape], dtype),
  ]);
  const given = Array.isArray(inputs) ? made.map(([, each]) => each) : Object.fromEntries(made);
  const result = engine().runKernel(kernel, given as unknown as NamedTensorMap, attributes as NamedAttrMap) as Tensor | Tensor[];
  const outputs: Value[] = [];
  for (const output of [result].flat()) {
    outputs.push({ shape: output.shape, dtype: output.dtype as Value['dtype'], values: (await output.data()).slice() as Value['values'] });
    output.dispose();
  }
  made.forEach(([, each]) => each.dispose());
  return { outputs, left: engine().backend.numDataIds() - before };
};
