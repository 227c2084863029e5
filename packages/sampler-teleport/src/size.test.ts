import { bindModel, createNoise, edm, edmPreconditioner, toTensors, type Dataset } from '@tweedie/core';
import { digits } from '@tweedie/networks';
import { describe, expect, it } from 'vitest';
import { estimateGaussian, gaussianFlow } from './index.ts';

/** Smooth waves and a little grain in [H, W, 3]: cheap to make, and nothing is kept. */
const waves = (side: number, size: number): Dataset => {
  const [d, modes] = [side * side * 3, 24];
  const forms = Array.from({ length: modes }, (_, m) =>
    Float32Array.from({ length: d }, (_, i) => {
      const [y, x, c] = [Math.floor(i / (side * 3)) / side, (Math.floor(i / 3) % side) / side, i % 3];
      return 0.3 * 0.85 ** m * Math.cos(2 * Math.PI * ((m % 5) * x + Math.floor(m / 5) * y) + m + 0.5 * c);
    }),
  );
  return {
    id: `waves/${side}`,
    shape: [side, side, 3],
    classes: 0,
    size,
    range: [-1, 1],
    rows: (indices) => {
      const images = new Float32Array(indices.length * d);
      for (let row = 0; row < indices.length; row++) {
        const a = createNoise(1).rows(indices[row]!).hostNormal([1, modes], { stream: 2000 });
        const own = images.subarray(row * d, (row + 1) * d);
        for (let i = 0; i < d; i++) {
          let h = Math.imul(i ^ Math.imul(indices[row]! + 1, 0x9e3779b1), 0x85ebca6b);
          h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
          own[i] = 0.1 * (((h ^ (h >>> 16)) >>> 8) / 2 ** 24 - 0.5);
        }
        forms.forEach((form, m) => {
          for (let i = 0; i < d; i++) own[i]! += a[m]! * form[i]!;
        });
      }
      return { images };
    },
  };
};

// A minute and about a gigabyte: only where it is asked for.
describe.skipIf(process.env['TWEEDIE_BENCH'] === undefined)('size and speed', () => {
  it('makes the statistics of 256 × 256 × 3 images, rank 64, in less than 2 GB', { timeout: 600_000 }, async () => {
    const started = process.cpuUsage();
    const { header, tensors } = await estimateGaussian({ dataset: waves(256, 120), seed: 0n, options: { rank: 64 } });
    const peak = process.resourceUsage().maxRSS / 2 ** 20;
    process.stdout.write(
      `256²: 120 images, rank ${header['rank']}, ${(process.cpuUsage(started).user / 1e6).toFixed(0)} s of CPU, peak RSS ${peak.toFixed(2)} GiB\n`,
    );
    expect(tensors['vectors']!.shape).toEqual([196608, 64]);
    expect(peak).toBeLessThan(2);
  });

  it('teleports 64 images of 3072 numbers at rank 64 in less than a call of the digits network', { timeout: 600_000 }, async () => {
    const dataset = waves(32, 300);
    const file = await estimateGaussian({ dataset, seed: 0n, options: { rank: 64 } });
    const network = digits({ shape: [32, 32, 3], classes: 0 });
    const model = bindModel({
      network,
      schedule: edm(),
      preconditioner: edmPreconditioner({ sigmaData: 0.5 }),
      weights: toTensors(network.parameters, network.init(createNoise(0))),
    });
    const y = createNoise(0).normal([64, 32, 32, 3], { stream: 1 });
    const time = async (run: () => ReturnType<typeof gaussianFlow>): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        const started = performance.now();
        const out = run();
        await out.data();
        times.push(performance.now() - started);
        out.dispose();
      }
      return times.toSorted((a, b) => a - b)[4]!;
    };
    const [flow, call] = [await time(() => gaussianFlow(file, y, 80, 20)), await time(() => model.denoise(y, 20))];
    process.stdout.write(`d = 3072, rank 64, 64 images: flow ${flow.toFixed(1)} ms, network call ${call.toFixed(1)} ms\n`);
    expect(flow).toBeLessThan(call);
    y.dispose();
  });
});
