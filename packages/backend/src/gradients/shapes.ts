/** Gradients of kernels that move, repeat, cut or join elements: each is the adjoint of a linear map. */
import {
  BatchToSpaceND,
  BroadcastTo,
  Concat,
  ExpandDims,
  GatherV2,
  MirrorPad,
  OneHot,
  Pack,
  PadV2,
  Reshape,
  Reverse,
  Slice,
  SpaceToBatchND,
  SplitV,
  Tile,
  Transpose,
  Unpack,
  UnsortedSegmentSum,
  add,
  backend_util,
  batchToSpaceND,
  cast,
  concat,
  gather,
  greaterEqual,
  mul,
  pad,
  relu,
  reshape,
  reverse,
  slice,
  slice_util,
  spaceToBatchND,
  split,
  stack,
  sum,
  transpose,
  unsortedSegmentSum,
  unstack,
  util,
  zeros,
  type GradConfig,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { gradient, sumTo } from './gradient.ts';

type Paddings = [number, number][];

const product = (shape: readonly number[]): number => shape.reduce((total, n) => total * n, 1);

/** The part of x from `begin`, `size` long, along one axis. */
const part = (x: Tensor, axis: number, begin: number, size: number): Tensor =>
  slice(
    x,
    x.shape.map((_, i) => (i === axis ? begin : 0)),
    x.shape.map((n, i) => (i === axis ? size : n)),
  );

/** x with zeros before and after it along one axis. */
const padAlong = (x: Tensor, axis: number, before: number, after: number): Tensor =>
  pad(
    x,
    x.shape.map((_, i): [number, number] => (i === axis ? [before, after] : [0, 0])),
  );

/** The adjoint of mirroring along one axis: what lies in the borders is folded back upon the elements that it copied. */
const unmirror = (dy: Tensor, axis: number, [before, after]: [number, number], edge: 0 | 1): Tensor => {
  const n = dy.shape[axis]! - before - after;
  const middle = part(dy, axis, before, n);
  const left = before === 0 ? [] : [padAlong(reverse(part(dy, axis, 0, before), axis), axis, edge, n - before - edge)];
  const right = after === 0 ? [] : [padAlong(reverse(part(dy, axis, before + n, after), axis), axis, n - after - edge, edge)];
  return [...left, ...right].reduce((total, folded) => add(total, folded), middle);
};

/** The adjoint of repeating: each axis is split into (copy, element) and summed over the copies. */
const untile = (dy: Tensor, shape: readonly number[], reps: readonly number[]): Tensor =>
  shape.reduce((total, n, axis) => {
    const copies = reps[axis]!;
    if (copies === 1) return total;
    const outer = product(total.shape.slice(0, axis));
    const inner = n * product(total.shape.slice(axis + 1));
    return reshape(sum(reshape(total, [outer, copies, inner]), 1), [...total.shape.slice(0, axis), n, ...total.shape.slice(axis + 1)]);
  }, dy);

export const shapes: readonly GradConfig[] = [
  ...[Reshape, ExpandDims].map((kernelName) =>
    gradient(kernelName, [kernelName === Reshape ? 'x' : 'input'], (dy, saved) => {
      const [[name, x]] = Object.entries(saved) as [[string, Tensor]];
      return { [name]: () => reshape(dy, x.shape) };
    }),
  ),
  gradient(Transpose, [], (dy, _, { perm }: { perm: number[] }) => ({ x: () => transpose(dy, backend_util.getUndoAxesPermutation(perm)) })),
  gradient(Reverse, [], (dy, _, { dims }: { dims: number[] }) => ({ x: () => reverse(dy, dims) })),
  gradient(Slice, ['x'], (dy, { x }, { begin, size }: { begin: number | number[]; size: number | number[] }) => ({
    x: () => {
      const [from] = slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
      return pad(
        dy,
        x.shape.map((n, i): [number, number] => [from[i]!, n - from[i]! - dy.shape[i]!]),
      );
    },
  })),
  gradient(PadV2, ['x'], (dy, { x }, { paddings }: { paddings: Paddings }) => ({
    x: () =>
      slice(
        dy,
        paddings.map(([before]) => before),
        x.shape,
      ),
  })),
  gradient(MirrorPad, [], (dy, _, { paddings, mode }: { paddings: Paddings; mode: 'reflect' | 'symmetric' }) => ({
    x: () => paddings.reduce((total, padding, axis) => unmirror(total, axis, padding, mode === 'reflect' ? 1 : 0), dy),
  })),
  gradient(Tile, ['x'], (dy, { x }, { reps }: { reps: number[] }) => ({ x: () => untile(dy, x.shape, reps) })),
  gradient(BroadcastTo, ['x'], (dy, { x }) => ({ x: () => sumTo(dy, x.shape) })),
  gradient(SpaceToBatchND, [], (dy, _, { blockShape, paddings }: { blockShape: number[]; paddings: Paddings }) => ({
    x: () => batchToSpaceND(dy, blockShape, paddings),
  })),
  gradient(BatchToSpaceND, [], (dy, _, { blockShape, crops }: { blockShape: number[]; crops: Paddings }) => ({
    x: () => spaceToBatchND(dy, blockShape, crops),
  })),
  gradient(Pack, [], (dy, _, { axis }: { axis: number }) => Object.fromEntries(unstack(dy, axis).map((d, i) => [String(i), () => d]))),
  {
    kernelName: Concat,
    saveAllInputs: true,
    gradFunc: (dy, saved, { axis }) => {
      const along = util.parseAxisParam(axis as number, saved[0]!.shape)[0]!;
      const parts = split(
        dy as Tensor,
        saved.map((x) => x.shape[along]!),
        along,
      );
      return Object.fromEntries(parts.map((d, i) => [String(i), () => d]));
    },
  },
  // One piece arrives alone, not in a list.
  { kernelName: SplitV, gradFunc: (dy, _, { axis }) => ({ x: () => concat(Array.isArray(dy) ? dy : [dy], axis as number) }) },
  { kernelName: Unpack, gradFunc: (dy, _, { axis }) => ({ value: () => stack(dy as Tensor[], axis as number) }) },
  // Gathering along an axis: every row of dy is added to the row that it was read from.
  gradient(GatherV2, ['x', 'indices'], (dy, { x, indices }, { axis, batchDims }: { axis: number; batchDims: number }) => ({
    x: () => {
      if (batchDims !== 0) throw new Error('gather has a gradient for batchDims = 0 only.');
      const along = util.parseAxisParam(axis, x.shape)[0]!;
      const [outer, n, inner] = [product(x.shape.slice(0, along)), x.shape[along]!, product(x.shape.slice(along + 1))];
      const rows = transpose(reshape(dy, [outer, indices.size, inner]), [1, 0, 2]);
      return reshape(transpose(unsortedSegmentSum(rows, reshape(indices, [indices.size]) as Tensor1D, n), [1, 0, 2]), x.shape);
    },
    indices: () => zeros(indices.shape),
  })),
  // A negative segment id drops its row.
  gradient(UnsortedSegmentSum, ['segmentIds'], (dy, { segmentIds }) => ({
    x: () => {
      const rows = gather(dy, relu(segmentIds) as Tensor1D);
      const kept = cast(greaterEqual(segmentIds, 0), 'float32');
      return mul(rows, reshape(kept, [...segmentIds.shape, ...rows.shape.slice(segmentIds.rank).map(() => 1)]));
    },
    segmentIds: () => zeros(segmentIds.shape),
  })),
  gradient(OneHot, ['indices'], (_, { indices }) => ({ indices: () => zeros(indices.shape) })),
];
