import { UnsortedSegmentSum, type TensorInfo } from '@tensorflow/tfjs-core';
import { kernel } from './kernel.ts';

/** out[s, …] = Σ of the rows of x whose segment id is s; a row with a negative id is dropped. The gradient of `gather`. */
export const unsortedSegmentSum = kernel(
  UnsortedSegmentSum,
  (wasm, { x, segmentIds }: { x: TensorInfo; segmentIds: TensorInfo }, { numSegments }: { numSegments: number }) => {
    const inner = x.shape.slice(segmentIds.shape.length);
    const width = inner.reduce((product, n) => product * n, 1);
    const out = wasm.makeOutput([numSegments, ...inner], x.dtype);
    const [sums, rows, ids] = [wasm.typedArrayFromHeap(out), wasm.typedArrayFromHeap(x), wasm.typedArrayFromHeap(segmentIds)];
    sums.fill(0);
    ids.forEach((id, row) => {
      if (id < 0) return;
      for (let i = 0; i < width; i++) sums[id * width + i]! += rows[row * width + i]!;
    });
    return out;
  },
);
