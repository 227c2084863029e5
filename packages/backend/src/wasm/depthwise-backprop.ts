import {
  Add,
  BatchMatMul,
  DepthwiseConv2dNative,
  DepthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput,
  Fill,
  Multiply,
  PadV2,
  Reverse,
  Slice,
  StridedSlice,
  backend_util,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { dilateRows } from './dilate-rows.ts';
import { call, free, kernel, view, type Wasm } from './kernel.ts';

type Attributes = {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | [number, number][];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
};
type Shape4 = [number, number, number, number];

const geometry = (inputShape: number[], filterShape: number[], { strides, pad, dimRoundingMode }: Attributes): backend_util.Conv2DInfo =>
  backend_util.computeConv2DInfo(inputShape as Shape4, filterShape as Shape4, strides, 1, pad as 'valid', dimRoundingMode, true);

/** f̄[i, j, c, q] = Σ_{b, p, r} x[b, s·p + i − top, s·r + j − left, c] · ȳ[b, p, r, c·m + q]: for each tap, a shifted product, summed by a product with ones. */
export const depthwiseBackpropFilter = kernel(
  DepthwiseConv2dNativeBackpropFilter,
  (wasm, { x, dy }: { x: TensorInfo; dy: TensorInfo }, { filterShape, ...attributes }: Attributes & { filterShape: Shape4 }) => {
    const info = geometry(x.shape, filterShape, attributes);
    const { batchSize: B, inHeight: H, inWidth: W, inChannels: C, outHeight: P, outWidth: Q, filterHeight: h, filterWidth: w, strideHeight: sh, strideWidth: sw, padInfo } = info; // prettier-ignore
    const m = filterShape[3];
    const pixels = B * P * Q;
    const below = Math.max(0, (P - 1) * sh + h - padInfo.top - H);
    const beyond = Math.max(0, (Q - 1) * sw + w - padInfo.left - W);
    const padded = call(wasm, PadV2, { x }, { paddings: [[0, 0], [padInfo.top, below], [padInfo.left, beyond], [0, 0]], constantValue: 0 }); // prettier-ignore
    const ones = call(wasm, Fill, {}, { shape: [1, 1, pixels], value: 1, dtype: 'float32' });
    const out = wasm.makeOutput(filterShape, 'float32');
    for (let tap = 0; tap < h * w; tap++) {
      const [i, j] = [Math.floor(tap / w), tap % w];
      const end = [B, i + (P - 1) * sh + 1, j + (Q - 1) * sw + 1, C];
      const met = call(wasm, StridedSlice, { x: padded }, { begin: [0, i, j, 0], end, strides: [1, sh, sw, 1], beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 }); // prettier-ignore
      const products = call(wasm, Multiply, { a: view(met, [pixels, C, 1]), b: view(dy, [pixels, C, m]) });
      const sums = call(wasm, BatchMatMul, { a: ones, b: view(products, [1, pixels, C * m]) }, { transposeA: false, transposeB: false });
      (wasm.typedArrayFromHeap(out) as Float32Array).set(wasm.typedArrayFromHeap(sums) as Float32Array, tap * C * m);
      free(wasm, met, products, sums);
    }
    free(wasm, padded, ones);
    return out;
  },
);

/** x̄ = ȳ, spread by the stride, ⊛ the turned filter, depthwise; with m filters a channel, the sum of m such convolutions. */
export const depthwiseBackpropInput = kernel(
  DepthwiseConv2dNativeBackpropInput,
  (wasm, { dy, filter }: { dy: TensorInfo; filter: TensorInfo }, { inputShape, ...attributes }: Attributes & { inputShape: Shape4 }) => {
    const info = geometry(inputShape, filter.shape, attributes);
    const { inHeight: H, inWidth: W, inChannels: C, outHeight: P, outWidth: Q, filterHeight: h, filterWidth: w, strideHeight: sh, strideWidth: sw, padInfo } = info; // prettier-ignore
    const m = filter.shape[3]!;
    const turned = call(wasm, Reverse, { x: view(filter, [h * w, C * m]) }, { dims: [0] });
    const spread = dilateRows(wasm, dy, sh, sw);
    // Row u of x meets rows u + top − (h − 1) … u + top of the spread ȳ.
    const after = [Math.max(0, H + padInfo.top - (P - 1) * sh - 1), Math.max(0, W + padInfo.left - (Q - 1) * sw - 1)] as const;
    const padded = call(wasm, PadV2, { x: spread }, { paddings: [[0, 0], [h - 1, after[0]], [w - 1, after[1]], [0, 0]], constantValue: 0 }); // prettier-ignore
    const begin = [0, padInfo.top, padInfo.left, 0];
    const window = call(wasm, Slice, { x: padded }, { begin, size: [dy.shape[0]!, H + h - 1, W + w - 1, C * m] });
    const parts = Array.from({ length: m }, (_, q) => ofMultiplier(wasm, window, turned, [h, w, C, m], q));
    const out = parts.reduce((total, part) => {
      const next = call(wasm, Add, { a: total, b: part });
      free(wasm, total, part);
      return next;
    });
    free(wasm, turned, padded, window, ...(spread === dy ? [] : [spread]));
    return out;
  },
);

/** The convolution of every m-th channel of ȳ, from q, with its filters. */
const ofMultiplier = (wasm: Wasm, window: TensorInfo, turned: TensorInfo, [h, w, C, m]: Shape4, q: number): TensorInfo => {
  const attributes = { strides: 1, dilations: 1, pad: 'valid' };
  if (m === 1) return call(wasm, DepthwiseConv2dNative, { x: window, filter: view(turned, [h, w, C, 1]) }, attributes);
  const [B, H, W] = window.shape as Shape4;
  const x = call(wasm, Slice, { x: view(window, [B * H * W, C, m]) }, { begin: [0, 0, q], size: [B * H * W, C, 1] });
  const filter = call(wasm, Slice, { x: view(turned, [h * w, C, m]) }, { begin: [0, 0, q], size: [h * w, C, 1] });
  const out = call(wasm, DepthwiseConv2dNative, { x: view(x, [B, H, W, C]), filter: view(filter, [h, w, C, 1]) }, attributes);
  free(wasm, x, filter);
  return out;
};
