import { cast, where, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Denoiser, Levels } from '../contracts/model.ts';

export interface Inpainting {
  /** The clean image x₀ where it is known, [1, …] or one a row of the batch, [B, …]; what it holds elsewhere is never read. Lent. */
  readonly known: Tensor;
  /** 1 where the image is known, 0 where it is to be drawn; [1, H, W, 1], or any shape that broadcasts to the images. Lent. */
  readonly mask: Tensor;
}

/**
 * Inpainting by replacement: D̃ = m ∘ known + (1 − m) ∘ D. Whatever the level, the clean image is known where it is known.
 *
 * Y. Song et al. (2011.13456), appendix I.2, replace the noisy state; replaced here is x̂₀, so that any sampler may be asked, with or
 * without history, and the state at the known pixels is known + ρ ε by the sampler's own rule. What is drawn is consistent with the known
 * pixels only as far as D infers one from the other within a step: see `repaint`. With guidance: `inpainted(guided(denoise, …), …)`.
 */
export const inpainted = (denoise: Denoiser, { known, mask }: Inpainting): Denoiser => {
  let checked: Promise<void> | undefined;
  return async (y: Tensor, rho: Levels, label?: Tensor2D): Promise<Tensor> => {
    fits('known', known.shape, y.shape);
    fits('mask', mask.shape, y.shape);
    await (checked ??= checkMask(mask));
    const x0 = await denoise(y, rho, label);
    try {
      return replaced({ known, mask }, x0);
    } finally {
      x0.dispose();
    }
  };
};

/** m ∘ known + (1 − m) ∘ x, to the bit. The result is the caller's. */
export const replaced = ({ known, mask }: Inpainting, x: Tensor): Tensor => {
  const condition = cast(mask, 'bool');
  try {
    return where(condition, known, x);
  } finally {
    condition.dispose();
  }
};

/** Refuses a mask that holds anything but 0 and 1. */
export const checkMask = async (mask: Tensor): Promise<void> => {
  const bad = (await mask.data()).find((m) => m !== 0 && m !== 1);
  if (bad !== undefined)
    throw tweedieError({
      subject: 'inpainting',
      problem: 'the mask is no mask',
      got: bad,
      expected: '1 where the image is known and 0 where it is not',
    });
};

/** Refuses a shape that does not broadcast to that of the images, [B, …]. */
export const fits = (what: 'known' | 'mask', shape: readonly number[], images: readonly number[]): void => {
  if (shape.length === images.length && shape.every((n, axis) => n === 1 || n === images[axis])) return;
  const rows = shape.length === images.length && shape.slice(1).every((n, axis) => n === 1 || n === images[axis + 1]);
  throw tweedieError({
    subject: 'inpainting',
    problem: `${what} does not fit the images`,
    got: shape,
    expected: `[${images.join(', ')}], with a 1 for any of them`,
    ...(rows ? { remedy: 'give one row a row of the batch, or one for all; guidance, which doubles the batch, goes inside' } : {}),
  });
};
