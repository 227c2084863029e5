import { STREAM, type Dataset, type Noise } from '@tweedie/core';

/** Bytes of a data set at most: the rows of a batch come from all over it. */
const MOST = 8_000_000;

/**
 * Data of a shape, without content: bytes that are converted when they are read, as the readers of image files do. How fast they are
 * read, and a step computed, does not depend on what they show.
 */
export const synthetic = ({
  shape,
  classes,
  noise,
}: {
  readonly shape: readonly number[];
  readonly classes: number;
  readonly noise: Noise;
}): Dataset => {
  const numel = shape.reduce((product, extent) => product * extent, 1);
  const size = Math.min(2048, Math.max(16, Math.floor(MOST / numel)));
  const bytes = Uint8Array.from(noise.hostUniform([size, numel], { stream: STREAM.data }), (u) => 256 * u);
  const scaled = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);
  return Object.freeze<Dataset>({
    id: `synthetic@shape=${shape.join('x')},n=${size}`,
    shape,
    classes,
    size,
    range: [-1, 1],
    rows: (indices) => {
      const images = new Float32Array(indices.length * numel);
      for (let i = 0; i < indices.length; i++) {
        const from = indices[i]! * numel;
        for (let j = 0; j < numel; j++) images[i * numel + j] = scaled[bytes[from + j]!]!;
      }
      return classes === 0 ? { images } : { images, labels: Int32Array.from(indices, (row) => row % classes) };
    },
  });
};
