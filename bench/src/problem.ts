import { writeFile } from 'node:fs/promises';
import { createNoise, edm, edmPreconditioner, encodeSafetensors, karras, type Dataset } from '@tweedie/core';
import { digits } from '@tweedie/networks';

// What every rival computes: the network of the quickstart, on images of its size.

export const network = digits({ dataMean: 0 });
export const BATCH = 64;
export const STEPS = 10;
export const SIGMA_DATA = 0.5;
/** ρ at which a call is timed and agreement looked at. */
export const LEVEL = 1.3;
export const schedule = edm();
export const preconditioner = edmPreconditioner({ sigmaData: SIGMA_DATA });
/** Ten calls: the last level is 0. */
export const levels = karras({ steps: STEPS, max: 80, min: 0.002, zero: true });
export const noise = createNoise(0);
const PIXELS = network.shape.reduce((product, extent) => product * extent, 1);

/** What `init` gives and 0.05 ε more: a residual block begins with nearly nothing, which would hide a mistake in it. */
export const weights = (): Record<string, Float32Array> => {
  const drawn = network.init(noise);
  return Object.fromEntries(
    network.parameters.map(({ name }, i) => {
      const more = noise.hostNormal([drawn[name]!.length], { stream: WEIGHTS_STREAM, step: i });
      return [name, drawn[name]!.map((value, at) => value + 0.05 * more[at]!)];
    }),
  );
};
const WEIGHTS_STREAM = 1000;

/** Writes {@link weights} where the rivals read them. */
export const writeWeights = async (path: string): Promise<void> => {
  const values = weights();
  const tensors = Object.fromEntries(network.parameters.map(({ name, shape }) => [name, { shape, data: values[name]! }]));
  await writeFile(path, encodeSafetensors({ tensors }));
};

/** y of a call. */
export const input = (): Float32Array => Float32Array.from({ length: BATCH * PIXELS }, (_, i) => Math.sin(0.7 * i));

/** Class of image i. */
export const classOf = (i: number): number => i % network.classes;

/** Images without content: nobody's time depends on what they show. */
export const dataset: Dataset = Object.freeze({
  id: 'sines',
  shape: network.shape,
  classes: network.classes,
  size: 256,
  rows: (indices: ArrayLike<number>) => ({
    images: Float32Array.from({ length: indices.length * PIXELS }, (_, i) =>
      Math.sin(indices[Math.floor(i / PIXELS)]! * PIXELS + (i % PIXELS)),
    ),
    labels: Int32Array.from(indices, classOf),
  }),
});
