// A row alone and the same row in a batch, through a whole run of a sampler: the promise that image i depends on the seed and i alone.
import { createNoise, bindModel, edm, edmPreconditioner, karras, sample, toTensors, type Network } from '@tweedie/core';
import { heun } from '@tweedie/sampler-classic';
import { describe, expect, it } from 'vitest';
import { digits } from './digits.ts';

/** Initial weights, with the layers that begin at nearly nothing at full size, so that the network says something. */
const awake = (network: Network): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(network.init(createNoise(5))).map(([name, values]) => {
      const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      return [name, largest > 0 && largest < 1e-3 ? values.map((x) => (0.05 * x) / largest) : values];
    }),
  );

describe('image 17', () => {
  it('alone is image 17 of a batch of 64, within 1e-4 after 18 steps of Heun', async () => {
    const network = digits({ channels: [8, 16], embedding: 32 });
    const weights = toTensors(network.parameters, awake(network));
    const schedule = edm();
    const { denoise } = bindModel({ network, weights, schedule, preconditioner: edmPreconditioner({ sigmaData: 0.6 }) });
    const sampler = heun();
    const plan = sampler.plan(schedule, karras({ steps: 18, max: 80, min: 0.002, zero: true }));
    const draw = async (first: number, count: number): Promise<Float32Array> => {
      for await (const event of sample({
        sampler,
        plan,
        denoise,
        shape: [28, 28, 1],
        first,
        count,
        noise: createNoise(1),
        classes: 10,
        label: (i) => i % 10,
      })) {
        if (event.kind === 'images') return Float32Array.from((await event.images.data()) as Float32Array);
      }
      throw new Error('nothing was drawn');
    };
    const [alone, batch] = [await draw(17, 1), await draw(0, 64)];
    Object.values(weights).forEach((weight) => weight.dispose());
    const together = batch.subarray(17 * 784, 18 * 784);
    const difference = alone.reduce((most, x, i) => Math.max(most, Math.abs(x - together[i]!)), 0);
    const other = alone.reduce((most, x, i) => Math.max(most, Math.abs(x - batch[i]!)), 0);
    expect(difference).toBeLessThan(1e-4);
    expect(other).toBeGreaterThan(0.1); // image 0 is another
  });
});
