import { engine, type Tensor } from '@tensorflow/tfjs-core';

/** What a kernel took while it was watched: without the kernels that it called itself. */
export interface KernelRow {
  readonly kernel: string;
  readonly calls: number;
  readonly milliseconds: number;
}

interface KernelRun {
  readonly kernelName?: string;
  readonly inputs?: Readonly<Record<string, Tensor>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
}
interface Watched {
  runKernelFunc(run: KernelRun): Tensor | Tensor[];
}

/**
 * Times every kernel from now on, and counts the floating-point operations of convolutions and products, until it is stopped. An engine
 * that computes later than it is asked to (WebGPU) cannot be watched like this.
 */
export const watchKernels = (): { stop(): { readonly rows: readonly KernelRow[]; readonly operations: number } } => {
  const watched = engine() as unknown as Watched;
  const run = watched.runKernelFunc.bind(watched);
  const rows = new Map<string, { calls: number; milliseconds: number }>();
  const inner: number[] = [];
  let operations = 0;
  watched.runKernelFunc = (params) => {
    const { kernelName, inputs = {}, attrs = {} } = params;
    if (kernelName === undefined) return run(params); // customGrad: its own kernels come through here
    const outermost = inner.length === 0;
    inner.push(0);
    const started = performance.now();
    const out = run(params);
    const taken = performance.now() - started;
    const within = inner.pop()!;
    if (outermost) operations += operationsOf(kernelName, inputs, attrs, out);
    else inner[inner.length - 1]! += taken;
    const row = rows.get(kernelName) ?? { calls: 0, milliseconds: 0 };
    rows.set(kernelName, { calls: row.calls + 1, milliseconds: row.milliseconds + taken - within });
    return out;
  };
  return {
    stop: () => {
      watched.runKernelFunc = run;
      const sorted = [...rows].map(([kernel, row]) => ({ kernel, ...row })).sort((a, b) => b.milliseconds - a.milliseconds);
      return { rows: sorted, operations };
    },
  };
};

/** 2 × the multiplications of the definition, whatever algorithm is used. */
const operationsOf = (
  kernel: string,
  inputs: Readonly<Record<string, Tensor>>,
  attrs: Readonly<Record<string, unknown>>,
  out: Tensor | Tensor[],
): number => {
  const size = Array.isArray(out) ? 0 : out.size;
  const taps = (shape: readonly number[]): number => shape[0]! * shape[1]! * shape[2]!;
  switch (kernel) {
    case 'Conv2D':
    case 'FusedConv2D':
      return 2 * size * taps(inputs['filter']!.shape);
    case 'Conv2DBackpropInput':
      return 2 * inputs['dy']!.size * taps(inputs['filter']!.shape);
    case 'Conv2DBackpropFilter':
      return 2 * inputs['dy']!.size * taps(attrs['filterShape'] as readonly number[]);
    case 'BatchMatMul':
    case '_FusedMatMul': {
      const { a } = inputs;
      return 2 * size * a!.shape.at(attrs['transposeA'] === true ? -2 : -1)!;
    }
    default:
      return 0;
  }
};
