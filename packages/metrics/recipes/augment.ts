import { gather, pad, reshape, slice, tensor1d, tidy, type Tensor4D } from '@tensorflow/tfjs-core';
import { STREAM, type Noise } from '@tweedie/core';

/** Images as a classifier sees them → others that it should see alike. Row i draws from row i of the noise. The result is the caller's. */
export type Augment = (images: Tensor4D, noise: Noise, step: number) => Tensor4D;

/** All images of a step moved by the same up to `by` pixels, zeros coming in. */
export const shiftedTogether =
  (by: number): Augment =>
  (images, noise, step) => {
    const [down, right] = noise.hostUniform([1, 2], { stream: STREAM.augment, step }).map((u) => Math.floor(u * (2 * by + 1)));
    const room = [by, by] as [number, number];
    return tidy(() => slice(pad(images, [[0, 0], room, room, [0, 0]]), [0, down!, right!, 0], images.shape) as Tensor4D);
  };

/** Each image by itself, mirrored left to right or not, and moved by up to `by` pixels, what lies beyond an edge being mirrored in. */
export const mirroredAndShifted =
  (by: number): Augment =>
  (images, noise, step) => {
    const [rows, height, width, channels] = images.shape;
    const u = noise.hostUniform([rows, 3], { stream: STREAM.augment, step });
    const source = new Int32Array(rows * height * width);
    let at = 0;
    for (let row = 0; row < rows; row++) {
      const flip = u[3 * row]! < 0.5;
      const [down, right] = [1, 2].map((k) => Math.floor(u[3 * row + k]! * (2 * by + 1)) - by) as [number, number];
      for (let y = 0; y < height; y++) {
        const line = row * height + inside(y + down, height);
        for (let x = 0; x < width; x++) source[at++] = line * width + inside((flip ? width - 1 - x : x) + right, width);
      }
    }
    return tidy(() => reshape(gather(reshape(images, [-1, channels]), tensor1d(source, 'int32')), images.shape));
  };

/** A place beyond an edge as its mirror image about the outermost pixel. */
const inside = (place: number, size: number): number => {
  const folded = Math.abs(place);
  return folded < size ? folded : 2 * (size - 1) - folded;
};
