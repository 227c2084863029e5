import { getKernel, type DataType, type KernelFunc, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';

/** What our kernels use of TensorFlow.js's WASM engine: its heap, and the map from a tensor's data to it. */
export interface Wasm {
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
  /** Where a tensor begins on the heap, in bytes; 0 if the heap was full. */
  getMemoryOffset(dataId: TensorInfo['dataId']): number;
  disposeData(dataId: TensorInfo['dataId']): boolean;
  incRef(dataId: TensorInfo['dataId']): void;
}

export type Infos = Record<string, TensorInfo>;

/** Runs a kernel of the WASM engine directly: nothing of it is taped, and its result is ours to free. */
export const call = (wasm: Wasm, kernelName: string, inputs: Infos, attributes: object = {}): TensorInfo =>
  getKernel(kernelName, 'wasm').kernelFunc({ inputs, backend: wasm, attrs: attributes as NamedAttrMap }) as TensorInfo;

/** The same data under another shape. Nothing is owned: do not free it. */
export const view = (info: TensorInfo, shape: number[]): TensorInfo => ({ dataId: info.dataId, dtype: info.dtype, shape });

/** Frees intermediates. */
export const free = (wasm: Wasm, ...infos: readonly TensorInfo[]): void => {
  for (const info of infos) wasm.disposeData(info.dataId);
};

/** A kernel of ours, typed by its inputs and attributes. */
export const kernel = <Inputs, Attributes>(
  kernelName: string,
  compute: (wasm: Wasm, inputs: Inputs, attributes: Attributes) => TensorInfo | TensorInfo[],
): { kernelName: string; kernelFunc: KernelFunc } => ({
  kernelName,
  kernelFunc: ({ inputs, backend, attrs }) => compute(backend as Wasm, inputs as unknown as Inputs, attrs as unknown as Attributes),
});
