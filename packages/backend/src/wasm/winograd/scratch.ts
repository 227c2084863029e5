import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tweedieError } from '@tweedie/core';
import { free, type Wasm } from '../kernel.ts';

/** A tensor of this shape, computed with memory that is given back. A full heap is an error: our module would write to its beginning. */
export const withScratch = (wasm: Wasm, bytes: number, shape: number[], compute: (out: number, scratch: number) => void): TensorInfo => {
  const out = wasm.makeOutput(shape, 'float32');
  const scratch = wasm.makeOutput([bytes / 4], 'float32');
  const [to, lent] = [wasm.getMemoryOffset(out.dataId), wasm.getMemoryOffset(scratch.dataId)];
  if (to === 0 || lent === 0) {
    free(wasm, out, scratch);
    throw tweedieError({
      subject: 'backend',
      problem: 'the heap of WebAssembly is full',
      got: `no room for a result of [${shape.join(', ')}] and ${bytes} bytes beside it`,
      remedy: 'lower the batch size, or take an engine with more memory',
      code: 'OUT_OF_MEMORY',
    });
  }
  compute(to, lent);
  free(wasm, scratch);
  return out;
};
