import { add, concat, mul, slice, sub, tidy, zerosLike, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Denoiser, Levels } from '../contracts/model.ts';

/**
 * Classifier-free guidance: D + (w − 1)(D − D_∅) with D_∅ = D(·; zero label). w = 1 is the conditional denoiser itself.
 *
 * J. Ho, T. Salimans: Classifier-Free Diffusion Guidance (2207.12598), eq. 6, whose w is our w − 1. Both halves go through the
 * network as one batch: one call of twice the rows, which counts as two evaluations. Needs a model trained with label dropout.
 */
export const guided = (denoise: Denoiser, { scale }: { readonly scale: number }): Denoiser => {
  if (!Number.isFinite(scale))
    throw tweedieError({ subject: 'guidance', problem: 'the scale is no number', got: scale, expected: 'a finite number, 1 for none' });
  if (scale === 1) return denoise;
  return async (y: Tensor, rho: Levels, label?: Tensor2D): Promise<Tensor> => {
    if (label === undefined)
      throw tweedieError({ subject: 'guidance', problem: 'there is no label to guide towards', remedy: 'pass labels, or guidance 1' });
    const rows = y.shape[0]!;
    const [twice, labels] = tidy(() => [concat([y, y]), concat([label, zerosLike(label)])] as [Tensor, Tensor2D]);
    try {
      const both = await denoise(twice, typeof rho === 'number' ? rho : Float64Array.of(...rho, ...rho), labels);
      return tidy(() => {
        const rest = y.shape.slice(1);
        const conditional = slice(both, [0, ...rest.map(() => 0)], [rows, ...rest]);
        const unconditional = slice(both, [rows, ...rest.map(() => 0)], [rows, ...rest]);
        both.dispose();
        return add(conditional, mul(sub(conditional, unconditional), scale - 1));
      });
    } finally {
      twice.dispose();
      labels.dispose();
    }
  };
};
