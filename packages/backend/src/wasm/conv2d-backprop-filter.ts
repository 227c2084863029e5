import { BatchMatMul, Conv2D, Conv2DBackpropFilter, Slice, Transpose, backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { winogradFilterGradient, winogradGeometry } from './winograd/winograd.ts';
import { call, free, kernel, view, type Wasm } from './kernel.ts';

export type FilterAttributes = {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | [number, number][];
  dataFormat?: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  filterShape: [number, number, number, number];
};

/**
 * f̄[i, j, c, k] = Σ_{b, p, q} x[b, s·p + i − top, s·q + j − left, c] · ȳ[b, p, q, k]
 *
 * It is itself a convolution: x as [c, H, W, b] with the filter ȳ as [p, q, b, k], dilated by the stride s, leaves [c, i, j, k].
 * With stride 1 the shift j along a row is made beforehand, so that only i is left to the convolution: x as [j, c, p, (q, b)] with
 * the filter ȳ as [1, p, (q, b), k] leaves [j, c, i, k]. Its outputs then stand in long rows, which XNNPACK's tiles fill; the 3 × 3 of
 * the plain form fill three quarters of them. A 1×1 filter of stride 1 is a product of matrices, x̂ᵀ ŷ;
 * most of 3×3 go to Winograd's method.
 */
export const conv2dBackpropFilter = kernel(
  Conv2DBackpropFilter,
  (
    wasm,
    { x, dy }: { x: TensorInfo; dy: TensorInfo },
    { strides, pad, dataFormat = 'NHWC', dimRoundingMode, filterShape }: FilterAttributes,
  ) => {
    if (dataFormat !== 'NHWC') throw new Error(`wasm Conv2DBackpropFilter wants NHWC, got ${dataFormat}.`);
    const info = backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad as 'valid',
      dimRoundingMode,
    );
    const { batchSize: B, inHeight: H, inWidth: W, inChannels: Cin, outHeight: P, outWidth: Q, outChannels: Cout, filterHeight: h, filterWidth: w, strideHeight: sh, strideWidth: sw } = info; // prettier-ignore
    const { top, left } = info.padInfo;

    const geometry = winogradGeometry(info);
    const ours = geometry === null ? null : winogradFilterGradient(wasm, geometry, { x, dy });
    if (ours !== null) return ours;

    if (h === 1 && w === 1 && sh === 1 && sw === 1 && P === H && Q === W) {
      const columns = call(wasm, Transpose, { x: view(x, [B * H * W, Cin]) }, { perm: [1, 0] });
      const out = call(
        wasm,
        BatchMatMul,
        { a: view(columns, [1, Cin, B * H * W]), b: view(dy, [1, B * H * W, Cout]) },
        { transposeA: false, transposeB: false },
      );
      free(wasm, columns);
      return { ...out, shape: filterShape };
    }

    const bottom = (P - 1) * sh + h - top;
    const right = (Q - 1) * sw + w - left;
    const images = (of: TensorInfo, pixels: number): TensorInfo =>
      call(wasm, Transpose, { x: view(of, [B, pixels, Cin]) }, { perm: [2, 1, 0] });
    const taps = call(wasm, Transpose, { x: view(dy, [B, P * Q, Cout]) }, { perm: [1, 0, 2] });
    if (sh === 1 && sw === 1 && bottom >= H) {
      const all = images(x, H * W);
      const shifted = shifts(wasm, all, { B, H, W, Q, w, left, Cin });
      const out = call(
        wasm,
        Conv2D,
        { x: shifted, filter: view(taps, [1, P, Q * B, Cout]) },
        { strides: 1, dilations: 1, pad: [[0, 0], [0, 0], [top, bottom - H], [0, 0]], dataFormat: 'NHWC' }, // prettier-ignore
      ); // [j, c, i, k]
      const filter = call(wasm, Transpose, { x: view(out, [w, Cin, h, Cout]) }, { perm: [2, 0, 1, 3] });
      free(wasm, all, shifted, taps, out);
      return { ...filter, shape: filterShape };
    }

    // The rows of x that are met: [−top, bottom) of H; what lies outside is padded, what is never met is cut.
    const met = bottom < H || right < W ? call(wasm, Slice, { x }, { begin: [0, 0, 0, 0], size: [B, Math.min(bottom, H), Math.min(right, W), Cin] }) : x; // prettier-ignore
    const [, metH, metW] = met.shape as [number, number, number, number];
    const channels = images(met, metH * metW);
    const padding = [[0, 0], [top, Math.max(0, bottom - H)], [left, Math.max(0, right - W)], [0, 0]]; // prettier-ignore
    const out = call(
      wasm,
      Conv2D,
      { x: view(channels, [Cin, metH, metW, B]), filter: view(taps, [P, Q, B, Cout]) },
      { strides: 1, dilations: [sh, sw], pad: padding, dataFormat: 'NHWC' },
    );
    const filter = call(wasm, Transpose, { x: view(out, [Cin, h * w, Cout]) }, { perm: [1, 0, 2] });
    free(wasm, channels, taps, out, ...(met === x ? [] : [met]));
    return { ...filter, shape: filterShape };
  },
);

interface Shifts {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly Q: number;
  readonly w: number;
  readonly left: number;
  readonly Cin: number;
}

/** [c, p, q, b] → [j, c, p, (q, b)] with x[…, q + j − left, …] at j, and zeros beyond the border. */
const shifts = (wasm: Wasm, x: TensorInfo, { B, H, W, Q, w, left, Cin }: Shifts): TensorInfo => {
  const out = wasm.makeOutput([w, Cin, H, Q * B], 'float32');
  const [from, to] = [wasm.typedArrayFromHeap(x), wasm.typedArrayFromHeap(out)]; // after makeOutput: it may move the heap
  for (let j = 0; j < w; j++) {
    const first = Math.min(Q, Math.max(0, left - j)); // columns [first, last) of ȳ meet the image
    const last = Math.max(first, Math.min(Q, W + left - j));
    for (let row = 0; row < Cin * H; row++) {
      const at = (j * Cin * H + row) * Q * B;
      to.fill(0, at, at + first * B);
      const start = (row * W + first + j - left) * B;
      to.set(from.subarray(start, start + (last - first) * B), at + first * B);
      to.fill(0, at + last * B, at + Q * B);
    }
  }
  return out;
};
