import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

/** A shader as TensorFlow.js's WebGPU engine wants it. */
export interface Program {
  readonly variableNames: string[];
  readonly outputShape: number[];
  readonly dispatchLayout: { x: number[] };
  readonly dispatch: [number, number, number];
  readonly workgroupSize: [number, number, number];
  readonly size: true;
  /** Programs of one key are compiled once. */
  readonly shaderKey: string;
  readonly getUserCode: () => string;
}

export interface Device {
  readonly limits: { readonly maxStorageBuffersPerShaderStage: number };
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  addEventListener(type: 'uncapturederror', listener: (event: { readonly error: Error; preventDefault(): void }) => void): void;
}

/** What we use of TensorFlow.js's WebGPU engine. */
export interface WebGpu {
  readonly device: Device;
  runWebGPUProgram(program: Program, inputs: TensorInfo[], dtype: DataType): TensorInfo;
  disposeData(dataId: TensorInfo['dataId']): boolean;
  read(dataId: TensorInfo['dataId']): Promise<unknown>;
}
