import {
  AvgPool,
  AvgPoolGrad,
  Fill,
  Multiply,
  ResizeNearestNeighbor,
  ResizeNearestNeighborGrad,
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { call, free, kernel, type Wasm } from './kernel.ts';

type Shape4 = [number, number, number, number];
type Resize = { alignCorners: boolean; halfPixelCenters: boolean };
type Pooling = { filterSize: number | [number, number]; strides: number | [number, number]; pad: unknown };

const scaled = (wasm: Wasm, x: TensorInfo, factor: number): TensorInfo => {
  const one = call(wasm, Fill, {}, { shape: [1], value: factor, dtype: 'float32' });
  const out = call(wasm, Multiply, { a: x, b: one });
  free(wasm, x, one);
  return out;
};

const pair = (value: number | [number, number]): [number, number] => (typeof value === 'number' ? [value, value] : value);

/** The adjoint of repeating each pixel h × w times is h·w times their mean. Other resizing is left to the shipped kernel. */
export const resizeNearestNeighborGrad = (): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(ResizeNearestNeighborGrad, 'wasm').kernelFunc;
  return kernel(ResizeNearestNeighborGrad, (wasm, { dy, images }: { dy: TensorInfo; images: TensorInfo }, attributes: Resize) => {
    const [, H, W] = images.shape as Shape4;
    const [, P, Q] = dy.shape as Shape4;
    if (attributes.alignCorners || P % H !== 0 || Q % W !== 0)
      return shipped({ inputs: { dy, images }, backend: wasm, attrs: attributes }) as TensorInfo;
    const size: [number, number] = [P / H, Q / W];
    return scaled(wasm, call(wasm, AvgPool, { x: dy }, { filterSize: size, strides: size, pad: 'valid' }), size[0] * size[1]);
  });
};

/** The adjoint of the mean of disjoint windows repeats each pixel. Overlapping or padded windows are left to the shipped kernel. */
export const avgPoolGrad = (): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(AvgPoolGrad, 'wasm').kernelFunc;
  return kernel(AvgPoolGrad, (wasm, { dy, input }: { dy: TensorInfo; input: TensorInfo }, attributes: Pooling) => {
    const [h, w] = pair(attributes.filterSize);
    const [sh, sw] = pair(attributes.strides);
    const [, H, W] = input.shape as Shape4;
    const [, P, Q] = dy.shape as Shape4;
    if (h !== sh || w !== sw || P * h !== H || Q * w !== W)
      return shipped({ inputs: { dy, input }, backend: wasm, attrs: attributes as unknown as NamedAttrMap }) as TensorInfo;
    return scaled(
      wasm,
      call(wasm, ResizeNearestNeighbor, { images: dy }, { alignCorners: false, halfPixelCenters: false, size: [H, W] }),
      1 / (h * w),
    );
  });
};
