import {
  ResizeNearestNeighborGrad,
  registerKernel,
  unregisterKernel,
  type DataType,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core';

interface Cpu {
  readonly data: { get(dataId: TensorInfo['dataId']): { values: Float32Array } };
  makeTensorInfo(shape: number[], dtype: DataType, values: Float32Array): TensorInfo;
}

type Attributes = { alignCorners: boolean; halfPixelCenters: boolean };

/** For each of `to` pixels along an axis, the pixel of `from` that nearest-neighbour resizing reads. */
const nearest = (from: number, to: number, { alignCorners, halfPixelCenters }: Attributes): number[] => {
  const inset = alignCorners && to > 1 ? 1 : 0;
  const scale = (from - inset) / (to - inset);
  return Array.from({ length: to }, (_, i) =>
    Math.min(from - 1, alignCorners ? Math.round(scale * i) : Math.floor(scale * (halfPixelCenters ? i + 0.5 : i))),
  );
};

/** The adjoint of nearest-neighbour resizing: each pixel of ȳ is added to the one that it was read from. The shipped kernel mixes up the images of a batch. */
const resizeNearestNeighborGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const { dy, images } = inputs as { dy: TensorInfo; images: TensorInfo };
  const cpu = backend as Cpu;
  const [batch, H, W, C] = images.shape as [number, number, number, number];
  const [, P, Q] = dy.shape as [number, number, number, number];
  const rows = nearest(H, P, attrs as unknown as Attributes);
  const columns = nearest(W, Q, attrs as unknown as Attributes);
  const from = cpu.data.get(dy.dataId).values;
  const sums = new Float32Array(batch * H * W * C);
  for (let i = 0, b = 0; b < batch; b++) {
    for (const r of rows) {
      for (const q of columns) {
        for (let c = 0; c < C; c++, i++) sums[((b * H + r) * W + q) * C + c]! += from[i]!;
      }
    }
  }
  return cpu.makeTensorInfo(images.shape, 'float32', sums);
};

/** Puts right what the `cpu` engine, our reference, has wrong. Call it once. */
export const correctCpu = (): void => {
  unregisterKernel(ResizeNearestNeighborGrad, 'cpu');
  registerKernel({ kernelName: ResizeNearestNeighborGrad, backendName: 'cpu', kernelFunc: resizeNearestNeighborGrad });
};
