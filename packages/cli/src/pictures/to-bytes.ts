import { tweedieError } from '@tweedie/core';

/**
 * [−1, 1] → {0, …, 255}: ⌊127.5 x + 128⌋, clipped; 127.5 (x + 1) to the nearest. The one rule by which numbers become pixels, in every file that Tweedie writes
 * (.png, .gif, .npz), so that two programs that judge the same images judge the same bytes.
 *
 * As T. Karras et al. quantise (2206.00364, the published `generate.py`): −1 → 0, 0 → 128, 1 → 255.
 */
export const toBytes = (values: ArrayLike<number>): Uint8Array => {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (!Number.isFinite(x)) {
      throw tweedieError({
        subject: 'pictures',
        problem: `value ${i} cannot be drawn`,
        got: x,
        expected: 'finite numbers, about [−1, 1]',
        remedy: 'the network or the sampler diverged: look at the losses, or use more steps',
      });
    }
    bytes[i] = Math.min(255, Math.max(0, Math.floor(x * 127.5 + 128)));
  }
  return bytes;
};
