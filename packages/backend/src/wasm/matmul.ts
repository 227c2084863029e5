import { BatchMatMul, Transpose, _FusedMatMul, getKernel, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { call, free, kernel, view, type Wasm } from './kernel.ts';
import { winogradModule } from './winograd/module.ts';
import { withScratch } from './winograd/scratch.ts';

type Operands = { a: TensorInfo; b: TensorInfo };
type Transposition = { transposeA: boolean; transposeB: boolean };

/** [batch…, m, n] → [batch…, n, m] */
const swap = (wasm: Wasm, x: TensorInfo): TensorInfo => {
  const rank = x.shape.length;
  const perm = x.shape.map((_, i) => i);
  return call(wasm, Transpose, { x }, { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
};

/** Runs `product` on operands of which none is transposed. */
const transposingFirst = (
  wasm: Wasm,
  { a, b }: Operands,
  { transposeA, transposeB }: Transposition,
  product: (a: TensorInfo, b: TensorInfo) => TensorInfo,
): TensorInfo => {
  const left = transposeA ? swap(wasm, a) : a;
  const right = transposeB ? swap(wasm, b) : b;
  const out = product(left, right);
  free(wasm, ...(transposeA ? [left] : []), ...(transposeB ? [right] : []));
  return out;
};

const matrices = ({ shape }: TensorInfo): number => shape.slice(0, -2).reduce((total, n) => total * n, 1);

/** A stack of a with one b for all is one tall matrix. */
const stacked = (a: TensorInfo, b: TensorInfo, product: (a: TensorInfo, b: TensorInfo) => TensorInfo): TensorInfo => {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape[b.shape.length - 1]!;
  return { ...product(view(a, [1, matrices(a) * m, k]), view(b, [1, k, n])), shape: [...a.shape.slice(0, -2), m, n] };
};

/** A stack of pairs, [b, m, k]·[b, k, n]; null where our module cannot run, or is not made for it. */
const paired = (wasm: Wasm, a: TensorInfo, b: TensorInfo): TensorInfo | null => {
  const [[m, k], [, n]] = [a.shape.slice(-2), b.shape.slice(-2)] as [[number, number], [number, number]];
  const module = winogradModule(wasm);
  const stack = a.shape.slice(0, -2);
  const equal = stack.join() === b.shape.slice(0, -2).join(); // not broadcast
  if (module === null || m < 4 || n < 8 || k === 0 || matrices(a) === 0 || !equal) return null;
  return withScratch(wasm, k * 32, [...stack, m, n], (c, panel) =>
    module.multiply(wasm.getMemoryOffset(a.dataId), wasm.getMemoryOffset(b.dataId), matrices(a), m, k, n, c, panel),
  );
};

/**
 * The shipped kernels multiply transposed operands, and every stack of matrices, in a scalar loop, up to 15 × slower than XNNPACK.
 * Here they are transposed first, and a stack that meets a single matrix is one product. Stacks of pairs go to our
 * own module, unless a matrix has less than four rows or eight columns.
 */
export const matmulKernels = (): { kernelName: string; kernelFunc: KernelFunc }[] =>
  [BatchMatMul, _FusedMatMul].map((kernelName) => {
    const shipped = getKernel(kernelName, 'wasm').kernelFunc;
    return kernel(kernelName, (wasm: Wasm, { a, b, ...others }: Operands, { transposeA, transposeB, ...attributes }: Transposition) => {
      const product = (left: TensorInfo, right: TensorInfo): TensorInfo =>
        shipped({
          inputs: { ...others, a: left, b: right },
          backend: wasm,
          attrs: { ...attributes, transposeA: false, transposeB: false },
        }) as TensorInfo;
      return transposingFirst(wasm, { a, b }, { transposeA, transposeB }, (left, right) =>
        kernelName === BatchMatMul && matrices(right) === 1 && right.shape.length <= left.shape.length
          ? stacked(left, right, product)
          : ((kernelName === BatchMatMul && matrices(right) > 1 ? paired(wasm, left, right) : null) ?? product(left, right)),
      );
    });
  });
