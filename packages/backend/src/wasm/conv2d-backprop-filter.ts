import { BatchMatMul, Conv2D, Conv2DBackpropFilter, Slice, Transpose, backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { call, free, kernel, view } from './kernel.ts';

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
 * A 1×1 filter of stride 1 is a product of matrices, x̂ᵀ ŷ.
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

    // The rows of x that are met: [−top, bottom) of H; what lies outside is padded, what is never met is cut.
    const bottom = (P - 1) * sh + h - top;
    const right = (Q - 1) * sw + w - left;
    const met = bottom < H || right < W ? call(wasm, Slice, { x }, { begin: [0, 0, 0, 0], size: [B, Math.min(bottom, H), Math.min(right, W), Cin] }) : x; // prettier-ignore
    const [, metH, metW] = met.shape as [number, number, number, number];
    const images = call(wasm, Transpose, { x: view(met, [B, metH * metW, Cin]) }, { perm: [2, 1, 0] });
    const taps = call(wasm, Transpose, { x: view(dy, [B, P * Q, Cout]) }, { perm: [1, 0, 2] });
    const padding = [[0, 0], [top, Math.max(0, bottom - H)], [left, Math.max(0, right - W)], [0, 0]]; // prettier-ignore
    const out = call(
      wasm,
      Conv2D,
      { x: view(images, [Cin, metH, metW, B]), filter: view(taps, [P, Q, B, Cout]) },
      { strides: 1, dilations: [sh, sw], pad: padding, dataFormat: 'NHWC' },
    );
    const filter = call(wasm, Transpose, { x: view(out, [Cin, h * w, Cout]) }, { perm: [1, 0, 2] });
    free(wasm, images, taps, out, ...(met === x ? [] : [met]));
    return { ...filter, shape: filterShape };
  },
);
