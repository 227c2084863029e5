import {
  BatchMatMul,
  Conv2D,
  Conv2DBackpropInput,
  Reverse,
  Transpose,
  backend_util,
  getKernel,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { FilterAttributes } from './conv2d-backprop-filter.ts';
import { call, free, kernel, view } from './kernel.ts';
import { dilateRows } from './dilate-rows.ts';
import { adjointGeometry, winogradConvolve, winogradGeometry } from './winograd/winograd.ts';

type InputAttributes = Omit<FilterAttributes, 'filterShape'> & { inputShape: [number, number, number, number] };

/**
 * x̄[b, u, v, c] = Σ_{i, j, k} ȳ[b, (u + top − i)/s, (v + left − j)/s, k] · f[i, j, c, k]
 *
 * A convolution of ȳ, its rows and columns spread by the stride, with the filter turned by 180° and its channels swapped.
 * The shipped kernel is a scalar loop, 10 × slower.
 */
export const conv2dBackpropInput = (): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(Conv2DBackpropInput, 'wasm').kernelFunc;
  return kernel(Conv2DBackpropInput, (wasm, { dy, filter }: { dy: TensorInfo; filter: TensorInfo }, attributes: InputAttributes) => {
    const { strides, pad, dataFormat = 'NHWC', dimRoundingMode, inputShape } = attributes;
    const filterShape = filter.shape as [number, number, number, number];
    const info = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad as 'valid', dimRoundingMode);
    const { batchSize: B, inHeight: H, inWidth: W, inChannels: Cin, outHeight: P, outWidth: Q, outChannels: Cout, filterHeight: h, filterWidth: w, strideHeight: sh, strideWidth: sw } = info; // prettier-ignore
    const forward = dataFormat === 'NHWC' ? winogradGeometry(info) : null;
    const geometry = forward && adjointGeometry(forward);
    const ours = geometry && winogradConvolve(wasm, geometry, { x: dy, filter, turned: true });
    if (ours !== null) return ours;

    const before = [h - 1 - info.padInfo.top, w - 1 - info.padInfo.left] as const;
    const after = [H - 1 - (P - 1) * sh + info.padInfo.top, W - 1 - (Q - 1) * sw + info.padInfo.left] as const;
    if (dataFormat !== 'NHWC' || Math.min(...before, ...after) < 0) {
      return shipped({ inputs: { dy, filter }, backend: wasm, attrs: attributes }) as TensorInfo;
    }

    if (h === 1 && w === 1 && sh === 1 && sw === 1) {
      const swapped = call(wasm, Transpose, { x: view(filter, [Cin, Cout]) }, { perm: [1, 0] });
      const out = call(
        wasm,
        BatchMatMul,
        { a: view(dy, [1, B * P * Q, Cout]), b: view(swapped, [1, Cout, Cin]) },
        { transposeA: false, transposeB: false },
      );
      free(wasm, swapped);
      return { ...out, shape: inputShape };
    }

    const turned = call(wasm, Reverse, { x: view(filter, [h * w, Cin, Cout]) }, { dims: [0] });
    const swapped = call(wasm, Transpose, { x: turned }, { perm: [0, 2, 1] });
    const spread = dilateRows(wasm, dy, sh, sw);
    const padding = [[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]]; // prettier-ignore
    const out = call(
      wasm,
      Conv2D,
      { x: spread, filter: view(swapped, [h, w, Cout, Cin]) },
      { strides: 1, dilations: 1, pad: padding, dataFormat: 'NHWC' },
    );
    free(wasm, turned, swapped, ...(spread === dy ? [] : [spread]));
    return { ...out, shape: inputShape };
  });
};
