import { createNoise, STREAM } from '@tweedie/core';

/** Images [n, size, size, channels] in [−1, 1], row-major → as many others. */
export type Distort = (images: Float32Array, size: number, channels: number) => Float32Array;

/** Normal noise of standard deviation σ of the range: 1 is from black to white. */
export const noisy =
  (sigma: number): Distort =>
  (images) => {
    const z = createNoise(1).hostNormal([1, images.length], { stream: STREAM.perturb });
    return images.map((value, i) => value + 2 * sigma * z[i]!);
  };

/** Gaussian blur of standard deviation σ pixels; what lies beyond an edge is the edge. */
export const blurred =
  (sigma: number): Distort =>
  (images, size, channels) => {
    const reach = Math.ceil(4 * sigma);
    const offsets = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
    const raw = offsets.map((at) => Math.exp(-(at ** 2) / (2 * sigma ** 2)));
    const total = raw.reduce((sum, weight) => sum + weight);
    const along = (from: Float32Array, stride: number): Float32Array =>
      from.map((_, i) => {
        const place = Math.floor(i / stride) % size;
        let sum = 0;
        for (const [k, at] of offsets.entries())
          sum += (raw[k]! / total) * from[i + stride * (Math.min(size - 1, Math.max(0, place + at)) - place)]!;
        return sum;
      });
    return along(along(images, channels), channels * size);
  };

/** The blocks of `side` × `side` pixels of each image in an order of its own. */
export const shuffledBlocks =
  (side: number): Distort =>
  (images, size, channels) => {
    const across = size / side;
    const blocks = across ** 2;
    const width = size * size * channels;
    const u = createNoise(1).hostUniform([images.length / width, blocks], { stream: STREAM.shuffle });
    const orders = Array.from({ length: images.length / width }, (_, row) =>
      Array.from({ length: blocks }, (__, block) => block).sort((a, b) => u[row * blocks + a]! - u[row * blocks + b]!),
    );
    return images.map((_, i) => {
      const [row, within] = [Math.floor(i / width), i % width];
      const [y, x, c] = [Math.floor(within / (size * channels)), Math.floor(within / channels) % size, within % channels];
      const block = orders[row]![Math.floor(y / side) * across + Math.floor(x / side)]!;
      const [fromY, fromX] = [Math.floor(block / across) * side + (y % side), (block % across) * side + (x % side)];
      return images[row * width + (fromY * size + fromX) * channels + c]!;
    });
  };

/** Each image averaged with the next. */
export const blended: Distort = (images, size, channels) => {
  const width = size * size * channels;
  return images.map((value, i) => (value + images[(i + width) % images.length]!) / 2);
};
