import { Cos, Sin, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Program, WebGpu } from './kernel.ts';

/**
 * sin and cos to float32's precision up to |x| = 8192. WGSL promises 2⁻¹¹ within [−π, π] and nothing beyond, and adapters make use of it.
 *
 * x = k π/2 + r, |r| ≤ π/4, with π/2 in three parts whose products with k are exact (W. Cody, W. Waite 1980); polynomials of r as in
 * S. Moshier's Cephes. sin x is sin r, cos r, −sin r, −cos r for k ≡ 0, 1, 2, 3 (mod 4); cos x is one ahead.
 */
const code = (ahead: 0 | 1): string => `
  fn circular(x : f32) -> f32 {
    let k = round(x * 0.636619772);
    let r = ((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.54978995489188216e-8;
    let z = r * r;
    let s = ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
    let c = ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
    let quadrant = (i32(k) + ${ahead}) & 3;
    let value = select(s, c, (quadrant & 1) == 1);
    return select(value, -value, quadrant >= 2);
  }
  fn main(index : i32) {
    if (index < uniforms.size) {
      setOutputAtIndex(index, circular(getAByOutputIndex(index)));
    }
  }
`;

const WORKGROUP = 128;
/** Workgroups in one direction, at most. */
const MOST = 65_535;

const program = (shape: number[], name: string, ahead: 0 | 1): Program => {
  const groups = Math.ceil(shape.reduce((product, n) => product * n, 1) / WORKGROUP);
  const side = groups <= MOST ? groups : Math.ceil(Math.sqrt(groups));
  return {
    variableNames: ['A'],
    outputShape: shape,
    dispatchLayout: { x: shape.map((_, i) => i) },
    dispatch: [side, Math.ceil(groups / Math.max(1, side)), 1],
    workgroupSize: [WORKGROUP, 1, 1],
    size: true,
    shaderKey: `tweedie_${name}`,
    getUserCode: () => code(ahead),
  };
};

const circular = (kernelName: string, ahead: 0 | 1): { kernelName: string; kernelFunc: KernelFunc } => ({
  kernelName,
  kernelFunc: ({ inputs, backend }) => {
    const { x } = inputs as { x: TensorInfo };
    return (backend as WebGpu).runWebGPUProgram(program(x.shape, kernelName, ahead), [x], 'float32');
  },
});

export const sinKernel = circular(Sin, 0);
export const cosKernel = circular(Cos, 1);
