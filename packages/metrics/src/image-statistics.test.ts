import { createNoise, hostDft2, type Dataset } from '@tweedie/core';
import { testMetric } from '@tweedie/conformance';
import { mnist } from '@tweedie/data';
import { describe, expect, it } from 'vitest';
import { addRows, datasetOf, heldByIntervals, normalRows } from '../test/data.ts';
import { imageStatistics } from './image-statistics.ts';
import { groupOf, isGrouped } from './jackknife.ts';
import { radialPower } from './radial-power.ts';

testMetric({ create: () => imageStatistics(), shape: [8, 9, 3] });
testMetric({ title: 'image-statistics with components', create: () => imageStatistics({ components: true }), shape: [8, 8, 1] });

/** Images of white noise, [side, side, channels]. */
const white = (seed: number, n: number, side: number, channels = 1, sd = 0.25): Float32Array =>
  normalRows(seed, n, new Array<number>(side * side * channels).fill(0), sd);
const judge = async (real: Dataset, got: Float32Array, options: Parameters<typeof imageStatistics>[0] = {}) => {
  const accumulator = await imageStatistics(options).start({ reference: real, seed: 1n });
  await addRows(accumulator, got, real.shape);
  return accumulator.result();
};
const hann = (n: number): number[] => Array.from({ length: n }, (_, j) => Math.sin((Math.PI * j) / (n - 1)) ** 2);

/** Grey images of random phases whose power falls as 1/f²: Σ cos(2π(up + vq)/N + φ)/f over half of the plane. */
const scaleFree = (seed: number, n: number, side: number): Float32Array => {
  const waves: [number, number][] = [];
  for (let u = -side / 2 + 1; u < side / 2; u++) for (let v = 0; v < side / 2; v++) if (v > 0 || u > 0) waves.push([u, v]);
  const phases = createNoise(seed).hostUniform([n, waves.length], { stream: 97 });
  const images = new Float32Array(n * side * side);
  const cos = Float64Array.from({ length: 4096 }, (_, i) => Math.cos((2 * Math.PI * i) / 4096));
  for (let i = 0; i < n; i++)
    waves.forEach(([u, v], w) => {
      const start = Math.floor(4096 * phases[i * waves.length + w]!);
      const step = 4096 / side;
      const height = 0.05 / Math.hypot(u, v);
      for (let p = 0; p < side; p++)
        for (let q = 0; q < side; q++)
          images[(i * side + p) * side + q]! += height * cos[(start + step * (u * p + v * q) + (4096 << 8)) & 4095]!;
    });
  return images;
};

describe('radialPower', () => {
  it('is |DFT|² of the windowed image about its mean, averaged over rings', () => {
    for (const [height, width] of [
      [12, 12],
      [9, 14],
    ] as const) {
      // prettier-ignore
      const image = createNoise(1).hostNormal([1, height * width], { stream: 97 });
      const mean = image.reduce((a, b) => a + b) / image.length;
      const [tall, wide] = [hann(height), hann(width)];
      const re = image.map((x, i) => (x - mean) * tall[Math.floor(i / width)]! * wide[i % width]!);
      const transform = hostDft2({ re }, { height, width });
      const side = Math.min(height, width);
      const { frequencies, add } = radialPower(height, width);
      const to = new Float64Array(frequencies.length);
      add(image, to);
      frequencies.forEach((k, at) => {
        let [sum, count] = [0, 0];
        for (let u = 0; u < height; u++)
          for (let v = 0; v < width; v++) {
            const f = side * Math.hypot((u > height / 2 ? u - height : u) / height, (v > width / 2 ? v - width : v) / width);
            if (Math.round(f) !== k) continue;
            sum += transform.re[u * width + v]! ** 2 + transform.im[u * width + v]! ** 2;
            count++;
          }
        expect(to[at]).toBeCloseTo(sum / count, 10);
      });
      expect(frequencies).toEqual(Array.from({ length: Math.floor(side / 2) - 2 }, (_, i) => i + 2)); // 2 … N/2 − 1
    }
  });
});

describe('image-statistics', () => {
  it('of white noise: slope, kurtosis and correlation are 0, in grey and in colour', async () => {
    for (const channels of [1, 3]) {
      const reference = datasetOf(white(1, 200, 16, channels), [16, 16, channels], [-1, 1]);
      const { value, details, name, interval } = await judge(reference, white(2, 200, 16, channels));
      expect(name).toBe('Δslope');
      for (const of of ['slope', 'realSlope']) expect(Math.abs(details[of] as number)).toBeLessThan(0.08);
      for (const of of ['kurtosis', 'realKurtosis'])
        expect(Math.abs(details[of] as number)).toBeLessThan(4 * Math.sqrt(24 / (200 * 240)) * 1.5);
      expect(Math.abs(details['correlation'] as number)).toBeLessThan(4 / Math.sqrt(200 * 240));
      expect(details['mean']).toBeCloseTo(0.5, 2);
      expect(details['deviation']).toBeCloseTo(0.125, 2); // .25 of −1 … 1
      expect(Math.abs(value)).toBeLessThan(0.1);
      expect(interval![0]).toBeLessThan(value);
    }
  });

  it('of a power of 1/f²: its slope, as the window smears it', async () => {
    const side = 16;
    const images = scaleFree(3, 300, side);
    const { details } = await judge(datasetOf(images, [side, side, 1]), images.slice(0, 100 * side * side));
    // What is expected of ring k: Σ_g |W(f − g)|²/g² over all waves g, W the transform of the window.
    const w = hann(side);
    const leak = Array.from({ length: side }, (_, k) => {
      const [re, im] = [Math.cos, Math.sin].map((of) => w.reduce((sum, h, p) => sum + h * of((2 * Math.PI * k * p) / side), 0));
      return re! ** 2 + im! ** 2;
    });
    const expected = Array.from({ length: side / 2 - 2 }, () => [0, 0] as [number, number]);
    const half = Array.from({ length: side - 1 }, (_, i) => i - side / 2 + 1);
    for (let u = 0; u < side; u++)
      for (let v = 0; v < side; v++) {
        const k = Math.round(Math.hypot(u > side / 2 ? u - side : u, v > side / 2 ? v - side : v)) - 2;
        if (k < 0 || k >= expected.length) continue;
        expected[k]![1]++;
        for (const gu of half)
          for (const gv of half)
            if (gu !== 0 || gv !== 0)
              expected[k]![0] += (leak[(u - gu + side) % side]! * leak[(v - gv + side) % side]!) / (gu ** 2 + gv ** 2);
      }
    const [x, y] = [expected.map((_, i) => Math.log(i + 2)), expected.map(([sum, count]) => Math.log(sum / count))];
    const middle = x.reduce((a, b) => a + b) / x.length;
    const slope = x.reduce((sum, each, i) => sum + (each - middle) * y[i]!, 0) / x.reduce((sum, each) => sum + (each - middle) ** 2, 0);
    expect(Math.abs(slope + 2)).toBeLessThan(0.2);
    expect(Math.abs((details['realSlope'] as number) - slope)).toBeLessThan(0.06);
  });

  it('tells noise from blur by its sign, within its own interval', async () => {
    const side = 16;
    const real = datasetOf(scaleFree(4, 200, side), [side, side, 1]);
    const own = scaleFree(5, 100, side);
    const noise = white(6, 100, side, 1, 0.05);
    const blurred = own.map((x, i) => (i % side === 0 ? x : (x + own[i - 1]!) / 2));
    const [same, noisy, soft] = [await judge(real, own), await judge(real, own.map((x, i) => x + noise[i]!)), await judge(real, blurred)]; // prettier-ignore
    expect(same.interval![0]).toBeLessThan(0.05);
    expect(same.interval![1]).toBeGreaterThan(-0.05);
    expect(noisy.interval![0]).toBeGreaterThan(0.1);
    expect(soft.interval![1]).toBeLessThan(-0.1);
  });

  it('counts components: two directions of variance 16 and 1', async () => {
    const [a, b] = [white(7, 1, 8), white(8, 1, 8)].map((v) => v.map((x) => x / Math.hypot(...v)));
    const coefficients = createNoise(9).hostNormal([800, 2], { stream: 97 });
    const along = b!.map((x, i) => x - a![i]! * b!.reduce((sum, y, j) => sum + y * a![j]!, 0));
    const images = Float32Array.from({ length: 800 * 64 }, (_, i) => {
      const row = Math.floor(i / 64);
      return 4 * coefficients[2 * row]! * a![i % 64]! + coefficients[2 * row + 1]! * along[i % 64]!;
    });
    const { details } = await judge(datasetOf(images, [8, 8, 1]), images.slice(0, 400 * 64), { components: true });
    const variance = (which: 0 | 1): number => {
      const own = coefficients.filter((_, i) => i % 2 === which);
      const mean = own.reduce((sum, c) => sum + c, 0) / 800;
      return own.reduce((sum, c) => sum + (c - mean) ** 2, 0) / 799;
    };
    // `along` is orthogonal to `a`: their variances add.
    expect(details['realTotalVariance']).toBeCloseTo(16 * variance(0) + variance(1) * along.reduce((sum, x) => sum + x * x, 0), 4);
    expect([details['realComponents90'], details['realComponents95'], details['realComponents99']]).toEqual([1, 2, 2]);
    const scaled = images.map((x) => x / 2 + 0.5);
    const half = await judge(datasetOf(scaled, [8, 8, 1], [-1, 1]), scaled.slice(0, 6400), { components: true });
    expect(half.details['realTotalVariance']).toBeCloseTo((details['realTotalVariance'] as number) / 16, 4); // 0 … 1 of −1 … 1 is half
    expect((await judge(datasetOf(images, [8, 8, 1]), images.slice(0, 50 * 64), { components: true })).details['warning']).toMatch(
      /50 rows are not above the 64 numbers/,
    );
  });

  it('of colours are of their luminance, .299 R + .587 G + .114 B', async () => {
    const colours = white(14, 60, 9, 3).map((x, i) => x + 0.3 * Math.sin(i % 3) + (i % 3 === 1 ? 0.1 * Math.floor(i / 27) % 2 : 0)); // prettier-ignore
    const grey = Float32Array.from(
      { length: 60 * 81 },
      (_, i) => 0.299 * colours[3 * i]! + 0.587 * colours[3 * i + 1]! + 0.114 * colours[3 * i + 2]!,
    );
    const [a, b] = [await judge(datasetOf(colours, [9, 9, 3]), colours), await judge(datasetOf(grey, [9, 9, 1]), grey)];
    for (const of of ['slope', 'kurtosis', 'correlation']) expect(a.details[of]).toBeCloseTo(b.details[of] as number, 5);
  });

  it('of the MNIST test split is what NumPy gives', async () => {
    // numpy 2.4, float64: np.hanning, np.fft.fft2, np.polyfit, np.corrcoef on all 10 000 images.
    const data = await mnist({ split: 'test', fetch: true });
    const rows = data.rows(Array.from({ length: 500 }, (_, i) => i)).images;
    const { details } = await judge(data, rows);
    expect(details['realSlope']).toBeCloseTo(-3.114435923, 6);
    expect(details['realKurtosis']).toBeCloseTo(9.665360462, 5);
    expect(details['realCorrelation']).toBeCloseTo(0.81062077, 7);
    expect(details['realMean']).toBeCloseTo(0.132514606, 7);
    expect(details['realDeviation']).toBeCloseTo(0.310480248, 7);
  });

  it('knows its value without each group, and has an interval that covers', async () => {
    const real = datasetOf(white(10, 100, 8), [8, 8, 1]);
    const rows = white(11, 96, 8);
    const accumulator = await imageStatistics().start({ reference: real, seed: 1n });
    await addRows(accumulator, rows, [8, 8, 1]);
    const left = isGrouped(accumulator) ? (await accumulator.leftOut())! : [];
    const others = await imageStatistics().start({ reference: real, seed: 1n });
    for (let row = 0; row < 96; row++)
      if (groupOf(row) !== 5) await addRows(others, rows.slice(64 * row, 64 * row + 64), [8, 8, 1], { first: row });
    expect(left[5]).toBeCloseTo((await others.result()).value, 12);
    const results = await Promise.all(Array.from({ length: 40 }, (_, k) => judge(real, white(100 + k, 96, 8))));
    expect(heldByIntervals(results)).toBeGreaterThanOrEqual(34); // below has probability 3e-3 at 95 %
  });

  it('refuses images without a spectrum, and says what equal neighbours leave undefined', async () => {
    const real = datasetOf(white(12, 100, 8), [8, 8, 1]);
    await expect(judge(real, new Float32Array(64 * 20).fill(0.3))).rejects.toThrow(/judged images have no spectrum/);
    await expect(judge(datasetOf(new Float32Array(640), [8, 8, 1]), white(1, 20, 8))).rejects.toThrow(/real images have no spectrum/);
    await expect(judge(datasetOf(white(1, 20, 6), [6, 6, 1]), white(2, 20, 6))).rejects.toThrow(/sides of 8 or more/);
    await expect(judge(datasetOf(white(1, 20, 8), [64]), white(2, 20, 8))).rejects.toThrow(/no images that have a spectrum/);
    // Each row of pixels is constant: there are no horizontal differences.
    const bands = Float32Array.from(white(13, 20, 8), (_, i) => white(13, 1, 8)[Math.floor((i % 64) / 8)]! * (1 + Math.floor(i / 64)));
    const { details } = await judge(real, bands);
    expect(details['kurtosis']).toMatch(/neighbours do not differ/);
    const accumulator = await imageStatistics().start({ reference: real, seed: 1n });
    await expect(addRows(accumulator, white(1, 2, 9), [9, 9, 1])).rejects.toThrow(/another size/);
    const components = await imageStatistics({ components: true }).start({ reference: real, seed: 1n });
    expect(() => accumulator.merge(components.state())).toThrow(/another metric/);
  });
});
