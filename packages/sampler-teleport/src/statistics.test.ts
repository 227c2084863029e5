import { fill, tensor, tidy, add, mul, type Tensor } from '@tensorflow/tfjs-core';
import { gaussian, gaussianFromData, type Gaussian } from '@tweedie/analytic';
import { createNoise, createProvided, decodeStatistics, edm, encodeStatistics, karras, type Dataset } from '@tweedie/core';
import { expectNoLeak } from '@tweedie/conformance';
import { heun } from '@tweedie/sampler-classic';
import { describe, expect, it } from 'vitest';
import { randomisedEigen } from './randomised.ts';
import plugin, { calibrateSkip, estimateGaussian, gaussianFlow, hostGaussianFlow, teleport } from './index.ts';

const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

/** Images [H, W, C] of a few smooth waves and a little noise about a mean that is not 0: `size` rows, made anew at each reading. */
const waves = ({ shape = [8, 8, 3], size = 300, grain = 0.05, classes = 0, modes = 6 } = {}): Dataset => {
  const [height, width, channels] = shape as [number, number, number];
  const d = height * width * channels;
  const noise = createNoise(21);
  const forms = Array.from({ length: modes }, (_, m) =>
    Float64Array.from({ length: d }, (_, i) => {
      const [y, x, c] = [Math.floor(i / (width * channels)) / height, (Math.floor(i / channels) % width) / width, i % channels];
      return Math.cos(2 * Math.PI * ((m % 3) * x + Math.floor(m / 3) * y) + m + 0.4 * c) * 0.7 ** m;
    }),
  );
  return {
    id: `waves/${shape.join('x')}`,
    shape,
    classes,
    size,
    range: [-1, 1],
    rows: (indices) => {
      const images = new Float32Array(indices.length * d);
      const labels = new Int32Array(indices.length);
      for (let i = 0; i < indices.length; i++) {
        const row = noise.rows(indices[i]!);
        const a = row.hostNormal([1, modes], { stream: 2000 });
        const z = grain === 0 ? new Float64Array(d) : row.hostNormal([1, d], { stream: 2001 });
        labels[i] = indices[i]! % 2;
        for (let k = 0; k < d; k++)
          images[i * d + k] = -0.4 + 0.2 * labels[i]! + forms.reduce((sum, form, m) => sum + 0.2 * a[m]! * form[k]!, 0) + grain * z[k]!;
      }
      return classes === 0 ? { images } : { images, labels };
    },
  };
};
const context = (dataset: Dataset, options: object = {}, n?: number) => ({
  dataset,
  seed: 3n,
  options: { ...options },
  ...(n === undefined ? {} : { n }),
});
const reread = (file: Parameters<typeof encodeStatistics>[0]) => decodeStatistics(encodeStatistics(file), 'waves.safetensors');

describe('tweedie stats gaussian', () => {
  it('up to 1024 dimensions has the mean and covariance of the data, whole or cut', async () => {
    const data = waves();
    const exact = gaussianFromData(data);
    const y = createNoise(1)
      .hostNormal([4, 192], { stream: 1 })
      .map((v) => 80 * v);
    const whole = reread(await estimateGaussian(context(data)));
    expect(whole.header).toMatchObject({
      kind: 'gaussian',
      form: 'eigen',
      rank: 192,
      floor: 0,
      n: 300,
      seed: 3,
      shape: [8, 8, 3],
      range: [-1, 1],
      layout: 'NHWC',
      flips: false,
    });
    expect(far(hostGaussianFlow(whole, y, 80, 1), exact.flow(y, 80, 1)) / 80).toBeLessThan(1e-6);
    const cut = reread(await estimateGaussian(context(data, { rank: 5 })));
    const low = gaussianFromData(data, { rank: 5 });
    expect(cut.header['rank']).toBe(5);
    expect(cut.header['floor']).toBeCloseTo(low.spectrum.floor, 12);
    expect(cut.header['trace']).toBeCloseTo(
      exact.spectrum.values.reduce((a, b) => a + b, 0),
      10,
    );
    expect(far(hostGaussianFlow(cut, y, 80, 1), low.flow(y, 80, 1)) / 80).toBeLessThan(1e-6);
  });

  it('above, by randomised SVD: the eigenvalues of the Gram matrix, orthonormal vectors, trace and mean', async () => {
    const data = waves({ shape: [24, 16, 3], size: 120 }); // 1152 dimensions
    const file = reread(await estimateGaussian(context(data, { rank: 8, power: 2 })));
    const [d, n] = [1152, 120];
    const { images } = data.rows(Array.from({ length: n }, (_, i) => i));
    const mean = new Float64Array(d);
    images.forEach((v, i) => (mean[i % d]! += v / n));
    expect(far(file.tensors['mean']!.data, mean)).toBeLessThan(1e-12);
    // The snapshot method: C = XᵀX/(n−1) and XXᵀ/(n−1) have the same eigenvalues.
    const centred = Float64Array.from(images, (v, i) => v - mean[i % d]!);
    const gram = new Float64Array(n * n);
    for (let a = 0; a < n; a++)
      for (let b = 0; b < n; b++) {
        let dot = 0;
        for (let k = 0; k < d; k++) dot += centred[a * d + k]! * centred[b * d + k]!;
        gram[a * n + b] = dot / (n - 1);
      }
    const snapshot = gaussian({ mean: new Float64Array(n), covariance: gram }).spectrum.values;
    const values = Float64Array.from(file.tensors['values']!.data);
    for (let k = 0; k < 6; k++) expect(values[k]! / snapshot[k]!).toBeCloseTo(1, 6);
    for (let k = 6; k < 8; k++) expect(Math.abs(values[k]! / snapshot[k]! - 1)).toBeLessThan(0.15); // noise: a flat spectrum
    const trace = snapshot.reduce((sum, v) => sum + v, 0);
    expect(file.header['trace'] as number).toBeCloseTo(trace, 9);
    expect(file.header['floor'] as number).toBeCloseTo((trace - values.reduce((sum, v) => sum + v, 0)) / (d - 8), 12);
    const u = file.tensors['vectors']!.data;
    for (let a = 0; a < 8; a++)
      for (let b = 0; b <= a; b++) {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += u[i * 8 + a]! * u[i * 8 + b]!;
        expect(Math.abs(dot - (a === b ? 1 : 0))).toBeLessThan(1e-6);
      }
    // The same file however often it is made.
    expect(encodeStatistics(await estimateGaussian(context(data, { rank: 8, power: 2 })))).toEqual(encodeStatistics({ ...file }));
  });

  it('does not depend on the blocks in which the data come, nor on a mean that drifts', () => {
    const [d, n, rank] = [40, 90, 6];
    const z = createNoise(8).hostNormal([n, d], { stream: 1 });
    const rows = Float32Array.from(z, (v, i) => 3 * Math.floor(i / d / 30) + v * 0.5 ** ((i % d) / 4));
    const exact = gaussianFromData({
      shape: [d],
      size: n,
      rows: (at) => ({ images: Float32Array.from(Array.from(at).flatMap((i) => [...rows.subarray(i * d, (i + 1) * d)])) }),
    });
    const omega = Float32Array.from(createNoise(5).hostNormal([d, rank + 10], { stream: 1 }));
    for (const block of [7, 4, 90]) {
      const made = randomisedEigen(
        (visit) => {
          for (let from = 0; from < n; from += block) visit(rows.subarray(from * d, (from + block) * d), Math.min(block, n - from));
        },
        { dims: d, rank, oversampling: 10, power: 1, omega },
      );
      expect(made.n).toBe(n);
      expect(far(made.mean, exact.mean)).toBeLessThan(1e-12);
      expect(made.trace).toBeCloseTo(
        exact.spectrum.values.reduce((sum, v) => sum + v, 0),
        8,
      );
      for (let k = 0; k < rank; k++) expect(made.values[k]! / exact.spectrum.values[k]!).toBeCloseTo(1, 5);
    }
  });

  it('of data of a lower rank than was asked for keeps that rank', async () => {
    const file = await estimateGaussian(context(waves({ shape: [24, 16, 3], size: 40, grain: 0, modes: 4 }), { rank: 12 }));
    const values = Float64Array.from(file.tensors['values']!.data);
    expect(values.length).toBeLessThanOrEqual(12);
    expect(values.filter((v) => v > 1e-9 * values[0]!).length).toBe(5); // four waves, and the two halves of the rows
    expect(file.header['floor'] as number).toBeLessThan(1e-9 * values[0]!);
  });

  it('with flips is that of the images and their mirror images', async () => {
    const data = waves({ size: 60 });
    const both: Dataset = {
      ...data,
      size: 120,
      rows: (indices) => {
        const images = Float32Array.from(Array.from(indices).flatMap((i) => [...data.rows([i >> 1]).images]));
        Array.from(indices).forEach((index, i) => {
          if (index % 2 === 0) return;
          const image = images.slice(i * 192, (i + 1) * 192);
          image.forEach((_, k) => (images[i * 192 + k] = image[Math.floor(k / 24) * 24 + (7 - (Math.floor(k / 3) % 8)) * 3 + (k % 3)]!));
        });
        return { images };
      },
    };
    const [flipped, exact] = [await estimateGaussian(context(data, { flips: true })), await estimateGaussian(context(both))];
    expect(flipped.header).toMatchObject({ flips: true, n: 60 });
    expect(far(flipped.tensors['values']!.data, exact.tensors['values']!.data)).toBeLessThan(1e-10);
    expect(far(flipped.tensors['mean']!.data, exact.tensors['mean']!.data)).toBeLessThan(1e-12);
  });

  it('of one class is that of its images; refuses what is not there', async () => {
    const data = waves({ size: 80, classes: 2 });
    const [one, all] = [await estimateGaussian(context(data, { label: 1 })), await estimateGaussian(context(data))];
    expect(one.header).toMatchObject({ label: 1, n: 40 });
    const average = (v: ArrayLike<number>): number => Array.from(v).reduce((a, b) => a + b, 0) / v.length;
    expect(average(one.tensors['mean']!.data) - average(all.tensors['mean']!.data)).toBeGreaterThan(0.05);
    await expect(estimateGaussian(context(data, { label: 2 }))).rejects.toThrow(/no such class: got 2, expected 0 to 1/);
    await expect(estimateGaussian(context(data, {}, 81))).rejects.toThrow(/n does not fit the data: got 81, expected 2 to 80/);
    await expect(estimateGaussian(context({ ...data, range: [0, 1] }))).rejects.toThrow(/another range.*\[0,1\]/);
    await expect(estimateGaussian(context({ ...data, shape: [192] }, { flips: true }))).rejects.toThrow(/mirror images/);
    await expect(estimateGaussian(context(data, { ranks: 2 }))).rejects.toThrow(/ranks/);
    await expect(estimateGaussian({ seed: 0n })).rejects.toThrow(/no data set/);
  });

  it('is what the plugin says, and a sampler takes the file', async () => {
    const [{ statistics, ...provision }] = plugin.provides as [(typeof plugin.provides)[0]];
    expect(statistics).toMatchObject({ kind: 'gaussian', needs: 'data', option: 'gaussian' });
    const file = reread(await statistics!.estimate(context(waves(), { rank: 8 })));
    const sampler = await createProvided<'sampler'>(provision, { then: heun(), gaussian: file });
    const plan = sampler.plan(edm(), karras({ steps: 4, max: 80, min: 0.002 }));
    expect(plan.notes[0]).toMatch(/rank 8 of 192, variance 0\.002\d* outside/);
    (await sampler.start!(createNoise(0), [2, 8, 8, 3], plan)).dispose();
  });
});

describe('a stationary Gaussian', () => {
  /** Σ by circulants: the covariance of a pixel with one further on, averaged over translations. */
  const circulant = (g: Gaussian, [height, width, channels]: readonly [number, number, number]): Float64Array => {
    const sigma = g.covariance();
    const d = height * width * channels;
    const out = new Float64Array(d * d);
    const at = (y: number, x: number, c: number): number => (((y % height) * width + (x % width)) * channels + c) as number;
    for (let dy = 0; dy < height; dy++)
      for (let dx = 0; dx < width; dx++)
        for (let a = 0; a < channels; a++)
          for (let b = 0; b < channels; b++) {
            let sum = 0;
            for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) sum += sigma[at(y + dy, x + dx, a) * d + at(y, x, b)]!;
            for (let y = 0; y < height; y++)
              for (let x = 0; x < width; x++) out[at(y + dy, x + dx, a) * d + at(y, x, b)] = sum / (height * width);
          }
    return out;
  };

  it.each([[[4, 6, 2]], [[5, 3, 3]], [[4, 5, 1]]] as const)(
    'of %s images is that of the circulant covariance: on the host 1e-6, on tensors 1e-5, both ways',
    async (shape) => {
      const data = waves({ shape: [...shape], size: 200, grain: 0.2 });
      const file = reread(await estimateGaussian(context(data, { form: 'stationary' })));
      const sample = gaussianFromData(data);
      const exact = gaussian({ mean: sample.mean, covariance: circulant(sample, shape) });
      const d = sample.dims;
      const y = createNoise(1)
        .hostNormal([3, d], { stream: 1 })
        .map((v) => 20 * v);
      for (const [from, to] of [
        [20, 0.5],
        [0.5, 20],
      ] as const) {
        const truth = exact.flow(y, from, to);
        const largest = Math.max(...truth.map(Math.abs));
        expect(far(hostGaussianFlow(file, y, from, to), truth)).toBeLessThan(1e-6 * largest);
        await expectNoLeak('teleport', 'in a stationary flow', async () => {
          const [before, after] = tidy(() => {
            const rows = tensor(Float32Array.from(y), [3, ...shape]);
            return [rows, gaussianFlow(file, rows, from, to)] as const;
          });
          expect(far(await after.data(), truth)).toBeLessThan(1e-5 * largest);
          [before, after].forEach((each) => each.dispose());
        });
      }
      expect(far(hostGaussianFlow(file, hostGaussianFlow(file, y, 20, 0.5), 0.5, 20), y) / 20).toBeLessThan(1e-12);
      expect(file.header['trace'] as number).toBeCloseTo(
        sample.spectrum.values.reduce((a, b) => a + b, 0),
        8,
      );
      expect(teleport({ then: heun(), gaussian: file }).plan(edm(), Float64Array.of(80, 1)).notes[0]).toContain(
        `stationary, ${shape.join('×')}`,
      );
    },
  );
});

describe('calibrateSkip', () => {
  const data = waves({ size: 64 });
  const exact = gaussianFromData(data);
  const levels = karras({ steps: 10, max: 80, min: 0.01, zero: true });

  it('finds no residual where the network is the Gaussian, and skips to the last level', async () => {
    await expectNoLeak('calibrateSkip', 'while it runs', async () => {
      const { residual, skipTo } = await calibrateSkip({
        model: exact.model(edm()),
        gaussian: exact,
        dataset: data,
        levels,
        noise: createNoise(1),
      });
      expect(residual).toHaveLength(10);
      expect(Math.max(...residual)).toBeLessThan(1e-8);
      expect(skipTo).toBe(levels[9]);
    });
  });

  it('stops where the residual first exceeds the tolerance, counted from above; the top may be off', async () => {
    // D = D_Gauss + c(ρ): off at the top, right at middle noise, off below 1, and right again near 0.
    const off = (rho: number): number => (rho > 60 ? 1 : rho > 1 ? 0.01 : rho > 0.05 ? 1 : 0);
    const model = {
      denoise: (y: Tensor, rho: number | Float64Array) =>
        tidy(() => add(exact.denoiser(y, rho), mul(fill([1, 8, 8, 3], 0.3), off(rho as number)))),
    };
    const { residual, skipTo } = await calibrateSkip({
      model,
      gaussian: exact,
      dataset: data,
      levels,
      n: 48,
      batchSize: 20,
      noise: createNoise(1),
    });
    // R = ‖c‖²/(E‖D‖² − ‖E D‖²), by hand at one level.
    const at = 3;
    const z = createNoise(1).hostNormal([48, 192], { stream: 1024 + 2413 });
    const { images } = data.rows(Array.from({ length: 48 }, (_, i) => i));
    const answers = exact.denoise(
      Float64Array.from(images, (v, i) => v + levels[at]! * z[i]!),
      levels[at]!,
    );
    const mean = new Float64Array(192);
    answers.forEach((v, i) => (mean[i % 192]! += v / 48));
    const spread = answers.reduce((sum, v, i) => sum + (v - mean[i % 192]!) ** 2, 0) / 48;
    expect(residual[at]! / ((192 * (0.3 * 0.01) ** 2) / spread)).toBeCloseTo(1, 3);
    expect(skipTo).toBe(levels.filter((rho) => rho > 1).at(-1));
    const none = await calibrateSkip({
      model: { denoise: (y: Tensor) => mul(y, 0.1) },
      gaussian: exact,
      dataset: data,
      levels: [1],
      n: 8,
      noise: createNoise(1),
    });
    expect(none.skipTo).toBeUndefined();
    await expect(calibrateSkip({ model, gaussian: exact, dataset: data, levels: [1, 2], noise: createNoise(1) })).rejects.toThrow(
      /levels cannot be used/,
    );
  });
});
