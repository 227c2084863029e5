/** Gradients of pooling and resizing: linear maps and their adjoints, so that they can be differentiated again. Maximum pooling cannot, nor pooling in three dimensions: their adjoints have no gradient, and say so. */
import {
  AvgPool,
  AvgPool3D,
  AvgPool3DGrad,
  AvgPoolGrad,
  DepthwiseConv2dNativeBackpropInput,
  MaxPool,
  MaxPoolGrad,
  ResizeBilinear,
  ResizeBilinearGrad,
  ResizeNearestNeighbor,
  ResizeNearestNeighborGrad,
  backend_util,
  engine,
  mul,
  ones,
  tensor4d,
  zeros,
  type GradConfig,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient } from './gradient.ts';

const run = (kernelName: string, inputs: NamedTensorMap, attributes: unknown): Tensor =>
  engine().runKernel(kernelName, inputs, attributes as NamedAttrMap) as Tensor;

type Pooling = {
  filterSize: number | [number, number];
  strides: number | [number, number];
  pad: 'valid' | 'same' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
};

/** Of each output of a padded mean pooling, one over how many inputs it is the mean of: [1, P, Q, 1]. */
const inverseCounts = (info: backend_util.Conv2DInfo): Tensor => {
  const met = (n: number, size: number, stride: number, before: number, outputs: number): number[] =>
    Array.from({ length: outputs }, (_, p) => Math.min(p * stride - before + size, n) - Math.max(p * stride - before, 0));
  const rows = met(info.inHeight, info.filterHeight, info.strideHeight, info.padInfo.top, info.outHeight);
  const columns = met(info.inWidth, info.filterWidth, info.strideWidth, info.padInfo.left, info.outWidth);
  return tensor4d(
    rows.flatMap((h) => columns.map((w) => 1 / (h * w))),
    [1, rows.length, columns.length, 1],
  );
};

/** Mean pooling. The engines' adjoint divides by the whole window at the borders too, where the mean was over fewer: with padding it is composed here. */
const meanPooling: readonly GradConfig[] = [
  gradient(AvgPool, ['x'], (dy, { x }, attributes: Pooling) => ({
    x: () => {
      const { filterSize, strides, pad, dimRoundingMode } = attributes;
      const info = backend_util.computePool2DInfo(
        x.shape as [number, number, number, number],
        filterSize,
        strides,
        1,
        pad,
        dimRoundingMode,
      );
      const { top, bottom, left, right } = info.padInfo;
      if (Math.max(top, bottom, left, right) <= 0) return run(AvgPoolGrad, { dy, input: x }, attributes);
      const filter = ones([info.filterHeight, info.filterWidth, info.inChannels, 1]);
      const shares = mul(dy, inverseCounts(info));
      return run(
        DepthwiseConv2dNativeBackpropInput,
        { dy: shares, filter },
        { strides, pad, dimRoundingMode, dilations: [1, 1], dataFormat: 'NHWC', inputShape: x.shape },
      );
    },
  })),
  gradient(AvgPoolGrad, ['input'], (X, { input }, attributes) => ({
    dy: () => run(AvgPool, { x: X }, attributes),
    input: () => zeros(input.shape),
  })),
  gradient(AvgPool3D, ['x'], (dy, { x }, attributes) => ({ x: () => run(AvgPool3DGrad, { dy, input: x }, attributes) })),
];

type Resize = { alignCorners: boolean; halfPixelCenters: boolean };

/** Resizing and its adjoint. */
const resizing = (forward: string, adjoint: string): GradConfig[] => [
  gradient(forward, ['images'], (dy, { images }, { alignCorners, halfPixelCenters }: Resize) => ({
    images: () => run(adjoint, { dy, images }, { alignCorners, halfPixelCenters }),
  })),
  gradient(adjoint, ['dy', 'images'], (X, { dy, images }, { alignCorners, halfPixelCenters }: Resize) => ({
    dy: () => run(forward, { images: X }, { alignCorners, halfPixelCenters, size: dy.shape.slice(1, 3) }),
    images: () => zeros(images.shape),
  })),
];

export const resampling: readonly GradConfig[] = [
  ...meanPooling,
  gradient(MaxPool, ['x', 'y'], (dy, { x, y }, attributes) => ({ x: () => run(MaxPoolGrad, { dy, input: x, output: y }, attributes) })),
  ...resizing(ResizeNearestNeighbor, ResizeNearestNeighborGrad),
  ...resizing(ResizeBilinear, ResizeBilinearGrad),
];
