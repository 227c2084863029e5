import { BatchMatMul, Slice, Transpose, _FusedMatMul, getKernel, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { call, free, kernel, view, type Wasm } from './kernel.ts';

type Operands = { a: TensorInfo; b: TensorInfo };
type Transposition = { transposeA: boolean; transposeB: boolean };
type Product = (wasm: Wasm, a: TensorInfo, b: TensorInfo, others: object) => TensorInfo;

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

/** Matrix i of a stack, copied; the stack itself where it has only one. */
const matrix = (wasm: Wasm, x: TensorInfo, i: number): TensorInfo => {
  const [m, n] = x.shape.slice(-2) as [number, number];
  const count = matrices(x);
  return count === 1 ? view(x, [1, m, n]) : call(wasm, Slice, { x: view(x, [count, m, n]) }, { begin: [i, 0, 0], size: [1, m, n] });
};

/** Stacks of equal length, or one of a single matrix: XNNPACK takes one pair at a time. With one b for all, the stack of a is one tall matrix. */
const batched = (wasm: Wasm, a: TensorInfo, b: TensorInfo, product: Product): TensorInfo => {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape[b.shape.length - 1]!;
  const [countA, countB] = [matrices(a), matrices(b)];
  const batch = (countA >= countB ? a : b).shape.slice(0, -2);
  if (countB === 1) return { ...product(wasm, view(a, [1, countA * m, k]), view(b, [1, k, n]), {}), shape: [...batch, m, n] };
  const out = wasm.makeOutput([...batch, m, n], 'float32');
  for (let i = 0; i < countB; i++) {
    const [left, right] = [matrix(wasm, a, i), matrix(wasm, b, i)];
    const one = product(wasm, left, right, {});
    (wasm.typedArrayFromHeap(out) as Float32Array).set(wasm.typedArrayFromHeap(one) as Float32Array, i * m * n);
    free(wasm, one, right, ...(countA === 1 ? [] : [left]));
  }
  return out;
};

/** Whether the stacks are of equal shape or one of them is a single matrix: what the shipped kernel would broadcast further is left to it. */
const simple = ({ a, b }: Operands): boolean =>
  matrices(a) === 1 || matrices(b) === 1 || (a.shape.length === b.shape.length && a.shape.slice(0, -2).every((n, i) => n === b.shape[i]));

/**
 * The shipped kernels multiply transposed operands, and stacks of matrices, in a scalar loop, up to 15 × slower than XNNPACK.
 * Here they are transposed first and multiplied pair by pair.
 */
export const matmulKernels = (): { kernelName: string; kernelFunc: KernelFunc }[] =>
  [BatchMatMul, _FusedMatMul].map((kernelName) => {
    const shipped = getKernel(kernelName, 'wasm').kernelFunc;
    return kernel(kernelName, (wasm: Wasm, { a, b, ...others }: Operands, { transposeA, transposeB, ...attributes }: Transposition) => {
      const product: Product = (_, left, right) =>
        shipped({
          inputs: { ...others, a: left, b: right },
          backend: wasm,
          attrs: { ...attributes, transposeA: false, transposeB: false },
        }) as TensorInfo;
      return transposingFirst(wasm, { a, b }, { transposeA, transposeB }, (left, right) =>
        kernelName === BatchMatMul && simple({ a: left, b: right }) ? batched(wasm, left, right, product) : product(wasm, left, right, {}),
      );
    });
  });
