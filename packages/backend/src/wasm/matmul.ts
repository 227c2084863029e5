import { BatchMatMul, Transpose, _FusedMatMul, getKernel, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { call, free, kernel, type Wasm } from './kernel.ts';

type Operands = { a: TensorInfo; b: TensorInfo };
type Transposition = { transposeA: boolean; transposeB: boolean };

/** [batch…, m, n] → [batch…, n, m] */
const swap = (wasm: Wasm, x: TensorInfo): TensorInfo => {
  const rank = x.shape.length;
  const perm = x.shape.map((_, i) => i);
  return call(wasm, Transpose, { x }, { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
};

/** The shipped kernel multiplies transposed operands in a scalar loop, 15 × slower than XNNPACK: transpose first, then multiply. */
const transposingFirst = (kernelName: string): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(kernelName, 'wasm').kernelFunc;
  return kernel(kernelName, (wasm: Wasm, { a, b, ...others }: Operands, { transposeA, transposeB, ...attributes }: Transposition) => {
    const left = transposeA ? swap(wasm, a) : a;
    const right = transposeB ? swap(wasm, b) : b;
    const inputs = { ...others, a: left, b: right };
    const out = shipped({ inputs, backend: wasm, attrs: { ...attributes, transposeA: false, transposeB: false } }) as TensorInfo;
    free(wasm, ...(transposeA ? [left] : []), ...(transposeB ? [right] : []));
    return out;
  });
};

export const matmulKernels = (): { kernelName: string; kernelFunc: KernelFunc }[] => [BatchMatMul, _FusedMatMul].map(transposingFirst);
