import { add, matMul, memory, mul, sub, tensor, tensor2d, tidy, zerosLike } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../contracts/dataset.ts';
import type { Metric } from '../contracts/metric.ts';
import type { Denoiser } from '../contracts/model.ts';
import type { Sampler } from '../contracts/sampler.ts';
import { createNoise } from '../noise/noise.ts';
import { edm } from '../process/edm.ts';
import { karras } from '../process/levels.ts';
import { vpLinear } from '../process/vp-linear.ts';
import { guided } from '../solve/guided.ts';
import { batchesOf, judge } from './judge.ts';
import { sample, type SampleOptions } from './sample.ts';

/** Euler in y and ρ: the least sampler there is. */
const euler: Sampler = {
  kind: 'sampler',
  api: 1,
  name: 'euler',
  facts: { order: 1, stochastic: false, reachesZero: true, batchCoupled: false, likelihood: false, guidance: true, inpainting: true },
  reference: '',
  plan: (schedule, levels) => ({ sampler: 'euler', schedule, levels, nfe: levels.length - 1, steps: [], notes: [] }),
  async *steps(denoise, y, { levels }) {
    let state = y.clone();
    try {
      for (let i = 0; i + 1 < levels.length; i++) {
        const rho = levels[i]!;
        const x0 = await denoise(state, rho);
        try {
          yield { i, rho, y: state, x0 };
          const next = tidy(() => add(x0, mul(sub(state, x0), levels[i + 1]! / rho)));
          state.dispose();
          state = next;
        } finally {
          x0.dispose();
        }
      }
      return state.clone();
    } finally {
      state.dispose();
    }
  },
};

/** Data N(m_label, 0.25 I): the exact denoiser. */
const gaussian: Denoiser = (y, rho, label) =>
  tidy(() => {
    const mean =
      label === undefined
        ? zerosLike(y)
        : matMul(
            label,
            tensor2d([
              [1, 1],
              [-1, 2],
              [0, -3],
            ]),
          );
    const shrink = 0.25 / (0.25 + (rho as number) ** 2);
    return add(mean, mul(sub(y, mean), shrink));
  });

const plan = euler.plan(edm(), karras({ steps: 6, max: 80, min: 0.002, zero: true }));
const options: SampleOptions = { sampler: euler, plan, denoise: gaussian, shape: [2], count: 10, batchSize: 4, noise: createNoise(11) };

const draw = async (changes: Partial<SampleOptions> = {}): Promise<{ values: number[]; labels: number[]; steps: number }> => {
  const values: number[] = [];
  const labels: number[] = [];
  let steps = 0;
  for await (const event of sample({ ...options, ...changes })) {
    if (event.kind === 'step') steps++;
    else {
      values.push(...((await event.images.data()) as Float32Array));
      labels.push(...(event.labels ?? []));
    }
  }
  return { values, labels, steps };
};

describe('sample', () => {
  it('draws image i from the seed and i alone, whatever the batch', async () => {
    const whole = await draw();
    expect(whole.values).toHaveLength(20);
    expect(whole.steps).toBe(3 * 6);
    for (const batchSize of [1, 3, 10]) expect((await draw({ batchSize })).values).toEqual(whole.values);
    expect((await draw({ first: 7, count: 2 })).values).toEqual(whole.values.slice(14, 18));
    expect((await draw({ noise: createNoise(12) })).values).not.toEqual(whole.values);
  });

  it('gives image i the class that `label` gives it', async () => {
    const { values, labels } = await draw({ classes: 3, label: (i) => i % 3, first: 1, count: 6 });
    expect(labels).toEqual([1, 2, 0, 1, 2, 0]);
    const alone = await draw({ classes: 3, label: (i) => i % 3, first: 4, count: 1 });
    expect(alone.values).toEqual(values.slice(6, 8));
    const none = await draw({ classes: 3, label: () => -1, count: 2 });
    expect(none.values).toEqual((await draw({ count: 2 })).values);
  });

  it('returns x = α y where the last level is not 0', async () => {
    const vp = vpLinear();
    const half = vp.rho(0.5);
    const noise = createNoise(3);
    const flat: Denoiser = (y) => y.clone(); // dy/dρ = 0: y stays
    const { values } = await draw({ plan: euler.plan(vp, Float64Array.of(vp.rho(1), half)), denoise: flat, noise, count: 1 });
    const prior = noise.hostNormal([1, 2], { stream: 6 });
    values.forEach((x, k) => expect(x).toBeCloseTo((prior[k]! / vp.alpha(1)) * vp.alpha(0.5), 4));
  });

  it('leaves no tensor behind: completed, broken off, or thrown', async () => {
    const before = memory().numTensors;
    await draw({ classes: 3, label: () => 1 });
    for (const kind of ['step', 'images']) {
      for await (const event of sample({ ...options, classes: 3, label: () => 1 })) if (event.kind === kind) break;
      expect(memory().numTensors).toBe(before);
    }
    let calls = 0;
    const failing: Denoiser = (y, rho, label) => (++calls === 3 ? Promise.reject(new Error('planted')) : gaussian(y, rho, label));
    await expect(draw({ denoise: failing, classes: 3, label: () => 1 })).rejects.toThrow('planted');
    expect(memory().numTensors).toBe(before);
  });

  it('refuses to draw nothing', async () => {
    await expect(draw({ count: 0 })).rejects.toThrow(/no images are asked for: got 0/);
  });
});

describe('guided', () => {
  it('extrapolates from the unconditional to the conditional denoiser, in one call of twice the rows', async () => {
    const y = tensor([
      [1, 2],
      [3, 4],
    ]);
    const label = tensor2d([
      [1, 0, 0],
      [0, 0, 1],
    ]);
    const rows: number[] = [];
    const counting: Denoiser = (at, rho, hot) => (rows.push(at.shape[0]!), gaussian(at, rho, hot));
    const before = memory().numTensors;
    const [with3, conditional, unconditional] = [
      await guided(counting, { scale: 3 })(y, 2, label),
      await gaussian(y, 2, label),
      await gaussian(y, 2),
    ];
    const [a, c, u] = [await with3.data(), await conditional.data(), await unconditional.data()];
    a.forEach((value, k) => expect(value).toBeCloseTo(c[k]! + 2 * (c[k]! - u[k]!), 5));
    [with3, conditional, unconditional].forEach((t) => t.dispose());
    expect(rows).toEqual([4]);
    expect(memory().numTensors).toBe(before);
    expect(guided(gaussian, { scale: 1 })).toBe(gaussian);
    await expect(guided(gaussian, { scale: 2 })(y, 2)).rejects.toThrow(/no label to guide towards/);
    [y, label].forEach((t) => t.dispose());
  });
});

describe('judge', () => {
  const dataset: Dataset = {
    id: 'd',
    shape: [1],
    classes: 0,
    size: 5,
    rows: (indices) => ({ images: Float32Array.from(indices, (i) => i) }),
  };
  const mean: Metric = {
    kind: 'metric',
    api: 1,
    name: 'mean',
    needs: 'images',
    reference: '',
    start: async () => {
      let [total, n] = [0, 0];
      return {
        add: async ({ images }) => {
          for (const x of (await images.data()) as Float32Array) [total, n] = [total + x, n + 1];
        },
        state: () => new Uint8Array(),
        merge: () => undefined,
        result: async () => ({ name: 'mean', value: total / n, n, details: {} }),
      };
    },
  };

  it('passes every batch to every metric and leaves no tensor', async () => {
    const before = memory().numTensors;
    const results = await judge([mean, mean], { seed: 1n }, batchesOf(dataset, 2));
    expect(results.map(({ value, n }) => [value, n])).toEqual([
      [2, 5],
      [2, 5],
    ]);
    expect(memory().numTensors).toBe(before);
  });

  it('refuses a metric whose extractor is missing', async () => {
    await expect(judge([{ ...mean, needs: 'features' }], { seed: 1n }, batchesOf(dataset))).rejects.toThrow(
      /\[metric mean\] no feature extractor was given/,
    );
    await expect(judge([{ ...mean, needs: 'labels' }], { seed: 1n }, batchesOf(dataset))).rejects.toThrow(/no classifier was given/);
  });
});
