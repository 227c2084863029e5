import type { Dataset } from '@tweedie/core';

/** Square pictures of a white bar on black, horizontal (class 0) or vertical (class 1), at one of many places. */
export const bars = (side: number, channels: number): Dataset => ({
  id: 'bars',
  shape: [side, side, channels],
  classes: 10,
  size: 96,
  range: [-1, 1],
  rows: (indices) => {
    const width = side * side * channels;
    const images = new Float32Array(indices.length * width).fill(-1);
    const labels = Int32Array.from(indices as ArrayLike<number> & Iterable<number>, (i) => i % 2);
    for (let row = 0; row < indices.length; row++) {
      const place = 6 + ((indices[row]! * 7) % (side - 12));
      for (let along = 5; along < side - 5; along++) {
        for (const wide of [0, 1]) {
          const pixel = labels[row] === 0 ? (place + wide) * side + along : along * side + place + wide;
          images.fill(1, row * width + pixel * channels, row * width + (pixel + 1) * channels);
        }
      }
    }
    return { images, labels };
  },
});
