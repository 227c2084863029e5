import { Slice, SplitV, backend_util, slice_util, util, type KernelFunc, type Tensor, type TensorInfo } from '@tensorflow/tfjs-core';
import { kernel, type Wasm } from './kernel.ts';

/**
 * Copies a box of x, run by run, from heap to heap. The shipped kernel first copies the whole of x, for each slice of it: to split
 * a vector of parameters into its names costs as many copies of the vector.
 */
const box = (wasm: Wasm, x: TensorInfo, begin: readonly number[], size: readonly number[]): TensorInfo => {
  const out = wasm.makeOutput([...size], x.dtype);
  const [from, to] = [wasm.typedArrayFromHeap(x), wasm.typedArrayFromHeap(out)]; // after makeOutput: it may move the heap
  const strides = [...util.computeStrides(x.shape), 1];
  // Axes that are taken whole at the end make longer runs.
  let last = x.shape.length - 1;
  while (last > 0 && size[last] === x.shape[last]) last--;
  const run = size.slice(Math.max(0, last)).reduce((product, n) => product * n, 1);
  if (to.length === 0) return out;
  const place = begin.slice(0, Math.max(0, last)).map(() => 0);
  for (let at = 0; at < to.length; at += run) {
    const start = begin.reduce((sum, first, axis) => sum + (first + (place[axis] ?? 0)) * strides[axis]!, 0);
    to.set(from.subarray(start, start + run), at);
    for (let axis = place.length - 1; axis >= 0 && ++place[axis]! === size[axis]; axis--) place[axis] = 0;
  }
  return out;
};

/** Falls back to the shipped kernel for strings, which are not on the heap. */
export const sliceKernel = (shipped: KernelFunc): { kernelName: string; kernelFunc: KernelFunc } => {
  const ours = kernel(
    Slice,
    (wasm: Wasm, { x }: { x: TensorInfo }, { begin, size }: { begin: number | number[]; size: number | number[] }) =>
      box(wasm, x, ...(slice_util.parseSliceParams(x, begin, size) as [number[], number[]])),
  );
  return {
    kernelName: Slice,
    kernelFunc: (args) => ((args.inputs['x'] as TensorInfo).dtype === 'string' ? shipped(args) : ours.kernelFunc(args)),
  };
};

export const splitKernel = kernel(
  SplitV,
  (wasm: Wasm, { x }: { x: TensorInfo }, { numOrSizeSplits, axis }: { numOrSizeSplits: number | number[]; axis: number }) => {
    const along = util.parseAxisParam(axis, x.shape)[0]!;
    let first = 0;
    return backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits, along).map((extent) => {
      const part = box(wasm, x, x.shape.map((_, i) => (i === along ? first : 0)), x.shape.map((n, i) => (i === along ? extent : n))); // prettier-ignore
      first += extent;
      return part;
    });
  },
);
