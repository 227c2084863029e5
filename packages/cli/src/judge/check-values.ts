import { tweedieError } from '@tweedie/core';

/** Refuses values that are no images in [−1, 1] (or bytes): NaN, [0, 1], bytes as floats. Points may be anywhere, but finite. `values` is [count, …shape]. */
export const checkValues = (subject: string, values: Uint8Array | Float32Array | Float64Array, shape: readonly number[]): void => {
  const size = shape.reduce((product, n) => product * n, 1);
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value))
      throw tweedieError({
        subject,
        problem: `image ${Math.floor(i / size)} holds a value that is not finite`,
        got: value,
        expected: 'finite values',
        remedy: 'leave that image out, or look at what drew it',
      });
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (shape.length !== 3) return;
  const refuse = (problem: string, expected: string, remedy: string): never => {
    throw tweedieError({ subject, problem, got: `values from ${least} to ${greatest}`, expected, remedy });
  };
  const bytes = values instanceof Uint8Array;
  if (!bytes && (greatest > FAR || least < -FAR))
    refuse(
      least >= 0 ? 'the images are bytes, written as floats' : 'the images are far outside their range',
      'floats in [−1, 1], or uint8',
      'save bytes as uint8; floats become x/127.5 − 1',
    );
  // A constant says nothing of its range: that is warned of where it is judged.
  if (least === greatest) return;
  if (bytes && greatest === 1)
    refuse('the bytes are those of images in [0, 1]', '0 is black, 255 is white', 'multiply by 255 before they become bytes');
  if (!bytes && least >= 0 && greatest <= 1)
    refuse('the images are in [0, 1]', 'floats in [−1, 1], or uint8', 'take 2 x − 1, or save them as uint8');
};

/** Beyond, a value is no overshoot of a sampler. */
const FAR = 4;
