import { PadV2, Tile, getKernel, type KernelFunc, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import type { WebGpu } from './kernel.ts';

/**
 * Kernels whose shaders stop at four dimensions, one axis at a time on [before, extent, after]. Beyond four `Tile` reads its input back at once,
 * which Node has no way to do, and the shader of `PadV2` does not compile.
 */
const axisByAxis = <Attributes extends object>(
  kernelName: string,
  along: (attributes: Attributes, axis: number) => { readonly idle: boolean; readonly attributes: object },
): { kernelName: string; kernelFunc: KernelFunc } => {
  const shipped = getKernel(kernelName, 'webgpu').kernelFunc;
  const run = (x: TensorInfo, backend: object, attributes: object): TensorInfo =>
    shipped({ inputs: { x }, backend, attrs: attributes as NamedAttrMap }) as TensorInfo;
  return {
    kernelName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { x } = inputs as { x: TensorInfo };
      if (x.shape.length < 5) return run(x, backend as WebGpu, attrs ?? {});
      const gpu = backend as WebGpu;
      let shape = x.shape;
      let at: TensorInfo | undefined;
      for (let axis = 0; axis < shape.length; axis++) {
        const { idle, attributes } = along(attrs as unknown as Attributes, axis);
        if (idle && (at !== undefined || axis < shape.length - 1)) continue; // the last one copies if nothing else did
        const box = [productOf(shape.slice(0, axis)), shape[axis]!, productOf(shape.slice(axis + 1))];
        const next = run({ ...(at ?? x), shape: box }, gpu, attributes);
        if (at !== undefined) gpu.disposeData(at.dataId);
        shape = shape.with(axis, next.shape[1]!);
        at = next;
      }
      return { ...at!, shape };
    },
  };
};

const productOf = (extents: readonly number[]): number => extents.reduce((product, n) => product * n, 1);

export const tile = (): { kernelName: string; kernelFunc: KernelFunc } =>
  axisByAxis(Tile, ({ reps }: { reps: number[] }, axis) => ({ idle: reps[axis] === 1, attributes: { reps: [1, reps[axis], 1] } }));

export const pad = (): { kernelName: string; kernelFunc: KernelFunc } =>
  axisByAxis(PadV2, ({ paddings, constantValue }: { paddings: [number, number][]; constantValue: number }, axis) => ({
    idle: paddings[axis]![0] === 0 && paddings[axis]![1] === 0,
    attributes: { paddings: [[0, 0], paddings[axis], [0, 0]], constantValue },
  })); // prettier-ignore
