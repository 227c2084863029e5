import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Wasm } from '../kernel.ts';
import { winogradModule } from './module.ts';
import { withScratch } from './scratch.ts';

/** A convolution with a 3×3 filter and stride 1: images [B, H, W, K] → [B, P, Q, N], of which the first pixel is met with `top` and `left` pixels of padding. */
export interface Geometry {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly K: number;
  readonly N: number;
  readonly top: number;
  readonly left: number;
  readonly P: number;
  readonly Q: number;
}

interface ConvolutionInfo {
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly dataFormat: string;
  readonly padInfo: { readonly top: number; readonly left: number };
}

/**
 * The geometry of a convolution that Winograd's method serves; null for any other. Channels come in fours, and on outputs of one row or column
 * half of each tile is waste. The number of images is not asked: what becomes of one must not depend on how many others there are.
 */
export const winogradGeometry = (info: ConvolutionInfo): Geometry | null => {
  const { filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  const { batchSize: B, inHeight: H, inWidth: W, inChannels: K, outHeight: P, outWidth: Q, outChannels: N } = info;
  const plain = [strideHeight, strideWidth, dilationHeight, dilationWidth].every((n) => n === 1) && info.dataFormat === 'channelsLast';
  if (!plain || filterHeight !== 3 || filterWidth !== 3) return null;
  if (K % 4 !== 0 || N % 4 !== 0 || P < 2 || Q < 2 || B * H * W * K * N === 0) return null;
  return { B, H, W, K, N, top: padInfo.top, left: padInfo.left, P, Q };
};

/** The geometry of the adjoint that leaves the gradient of the images; null if it would need a negative padding. */
export const adjointGeometry = ({ B, H, W, K, N, top, left, P, Q }: Geometry): Geometry | null =>
  top > 2 || left > 2 || H < 2 || W < 2 ? null : { B, H: P, W: Q, K: N, N: K, top: 2 - top, left: 2 - left, P: H, Q: W };

interface Operands {
  readonly x: TensorInfo;
  /** [3, 3, K, N], or where it is `turned` [3, 3, N, K], taken turned by 180°. */
  readonly filter: TensorInfo;
  readonly turned?: boolean;
  /** [N] */
  readonly bias?: TensorInfo | undefined;
}

/** x ⊛ filter + bias; null where our module cannot run. */
export const winogradConvolve = (
  wasm: Wasm,
  { B, H, W, K, N, top, left, P, Q }: Geometry,
  { x, filter, turned = false, bias }: Operands,
): TensorInfo | null => {
  const module = winogradModule(wasm);
  if (module === null) return null;
  return withScratch(wasm, module.scratchBytes(W, K, N, Q), [B, P, Q, N], (y, scratch) => {
    const at = (info: TensorInfo): number => wasm.getMemoryOffset(info.dataId);
    module.convolve(at(x), B, H, W, K, at(filter), Number(turned), N, top, left, P, Q, bias === undefined ? 0 : at(bias), y, scratch);
  });
};

/** The gradient of the filter, [3, 3, K, N]; null where our module cannot run. */
export const winogradFilterGradient = (
  wasm: Wasm,
  { B, H, W, K, N, top, left, P, Q }: Geometry,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
): TensorInfo | null => {
  const module = winogradModule(wasm);
  if (module === null) return null;
  return withScratch(wasm, module.scratchBytes(W, K, N, Q), [3, 3, K, N], (dFilter, scratch) => {
    const at = (info: TensorInfo): number => wasm.getMemoryOffset(info.dataId);
    module.filterGradient(at(x), B, H, W, K, at(dy), N, top, left, P, Q, dFilter, scratch);
  });
};
