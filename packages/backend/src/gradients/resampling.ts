/** Gradients of pooling and resizing: linear maps and their adjoints, so that they can be differentiated again. Only maximum pooling cannot: its adjoint has no gradient. */
import {
  AvgPool,
  AvgPool3D,
  AvgPool3DGrad,
  AvgPoolGrad,
  MaxPool,
  MaxPoolGrad,
  ResizeBilinear,
  ResizeBilinearGrad,
  ResizeNearestNeighbor,
  ResizeNearestNeighborGrad,
  engine,
  zeros,
  type GradConfig,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient } from './gradient.ts';

const run = (kernelName: string, inputs: NamedTensorMap, attributes: unknown): Tensor =>
  engine().runKernel(kernelName, inputs, attributes as NamedAttrMap) as Tensor;

/** Mean pooling and its adjoint. */
const pooling = (forward: string, adjoint: string): GradConfig[] => [
  gradient(forward, ['x'], (dy, { x }, attributes) => ({ x: () => run(adjoint, { dy, input: x }, attributes) })),
  gradient(adjoint, ['input'], (X, { input }, attributes) => ({
    dy: () => run(forward, { x: X }, attributes),
    input: () => zeros(input.shape),
  })),
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
  ...pooling(AvgPool, AvgPoolGrad),
  ...pooling(AvgPool3D, AvgPool3DGrad),
  gradient(MaxPool, ['x', 'y'], (dy, { x, y }, attributes) => ({ x: () => run(MaxPoolGrad, { dy, input: x, output: y }, attributes) })),
  ...resizing(ResizeNearestNeighbor, ResizeNearestNeighborGrad),
  ...resizing(ResizeBilinear, ResizeBilinearGrad),
];
