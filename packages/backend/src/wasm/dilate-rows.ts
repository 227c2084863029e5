import { PadV2, Slice, type TensorInfo } from '@tensorflow/tfjs-core';
import { call, free, view, type Wasm } from './kernel.ts';

/** [B, H, W, C] → [B, (H − 1)·sh + 1, (W − 1)·sw + 1, C], zeros between; `x` itself where both strides are 1. */
export const dilateRows = (wasm: Wasm, x: TensorInfo, sh: number, sw: number): TensorInfo => {
  if (sh === 1 && sw === 1) return x;
  const [B, H, W, C] = x.shape as [number, number, number, number];
  // Every row is followed by sh − 1 rows of zeros, every pixel by sw − 1 of them.
  const padded = call(wasm, PadV2, { x: view(x, [B * H, 1, W, C]) }, { paddings: [[0, 0], [0, sh - 1], [0, 0], [0, (sw - 1) * C]], constantValue: 0 }); // prettier-ignore
  const out = call(wasm, Slice, { x: view(padded, [B, H * sh, W * sw, C]) }, { begin: [0, 0, 0, 0], size: [B, (H - 1) * sh + 1, (W - 1) * sw + 1, C] }); // prettier-ignore
  free(wasm, padded);
  return out;
};
