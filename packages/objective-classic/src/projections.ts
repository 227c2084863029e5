import { scaleRows, STREAM, type Noise } from '@tweedie/core';
import { mul, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';

/** Random directions of sliced objectives, E[v vᵀ] = I. */
export const projectionOptions = {
  projection: z
    .enum(['rademacher', 'sphere', 'gaussian'])
    .default('rademacher')
    .describe('Law of the random direction v, with E[v vᵀ] = I: signs, the sphere of radius √d, or normal'),
  projections: z.int().min(1).max(256).default(1).describe('Directions a row, averaged'),
};
export type Projection = z.output<typeof projectionOptions.projection>;

/** Direction number `draw` of each row. The tensor is the caller's. */
export const drawDirection = (
  law: Projection,
  noise: Noise,
  shape: readonly number[],
  at: { readonly step: number; readonly draw: number },
): Tensor => {
  const place = { stream: STREAM.projection, ...at };
  switch (law) {
    case 'rademacher':
      return noise.rademacher(shape, place);
    case 'gaussian':
      return noise.normal(shape, place);
    case 'sphere':
      return tidy(() => {
        const size = shape.slice(1).reduce((product, n) => product * n, 1);
        return mul(unitDirection(noise, shape, at), Math.sqrt(size));
      });
  }
};

/** A direction of length 1 in each row, uniform on the sphere. The tensor is the caller's. */
export const unitDirection = (noise: Noise, shape: readonly number[], at: { readonly step: number; readonly draw: number }): Tensor =>
  tidy(() => {
    const [rows, ...rest] = shape;
    const size = rest.reduce((product, n) => product * n, 1);
    const place = { stream: STREAM.projection, ...at };
    const normal = noise.hostNormal(shape, place);
    const inverse = Float64Array.from({ length: rows! }, (_, row) => {
      let squares = 0;
      for (let i = row * size; i < (row + 1) * size; i++) squares += normal[i]! ** 2;
      return 1 / Math.sqrt(squares);
    });
    return scaleRows(noise.normal(shape, place), inverse);
  });
