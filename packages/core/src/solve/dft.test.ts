import { memory, mul, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createNoise } from '../noise/noise.ts';
import { dft2, hostDft2 } from './dft.ts';

const image = (seed: number, size: number): Float64Array => createNoise(seed).hostNormal([1, size], { stream: 1 });

/** Σ_{p,q} x[p, q] exp(−2πi (kp/H + lq/W)), written down. */
const naive = (x: Float64Array, height: number, width: number): { re: Float64Array; im: Float64Array } => {
  const [re, im] = [new Float64Array(height * width), new Float64Array(height * width)];
  for (let k = 0; k < height; k++)
    for (let l = 0; l < width; l++)
      for (let p = 0; p < height; p++)
        for (let q = 0; q < width; q++) {
          const angle = 2 * Math.PI * (((k * p) % height) / height + ((l * q) % width) / width);
          re[k * width + l]! += x[p * width + q]! * Math.cos(angle);
          im[k * width + l]! -= x[p * width + q]! * Math.sin(angle);
        }
  return { re, im };
};

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
const size = (a: ArrayLike<number>): number => Array.from(a).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

describe('hostDft2', () => {
  it.each([
    [1, 1],
    [4, 8],
    [5, 7],
    [12, 9],
    [3, 30],
  ])('is the sum of its definition to 1e-12, and comes back: %i × %i', (height, width) => {
    const x = image(1, height * width);
    const spectrum = hostDft2({ re: x }, { height, width });
    const truth = naive(x, height, width);
    expect(apart(spectrum.re, truth.re)).toBeLessThan(1e-12);
    expect(apart(spectrum.im, truth.im)).toBeLessThan(1e-12);
    const back = hostDft2(spectrum, { height, width, inverse: true });
    expect(apart(back.re, x)).toBeLessThan(1e-13);
    expect(size(back.im)).toBeLessThan(1e-13);
  });
});

describe('dft2', () => {
  const [batch, channels] = [2, 3];
  // The last three: an axis in two factors, a prime axis, both axes in factors.
  it.each([
    [4, 8, false],
    [4, 8, true],
    [5, 7, false],
    [5, 7, true],
    [6, 1, true],
    [2, 300, false],
    [2, 300, true],
    [2, 301, true],
    [257, 2, true],
    [260, 258, true],
  ] as const)('is the transform of the host to 1e-5, and comes back: %i × %i, half %s', async (height, width, half) => {
    const dft = dft2({ height, width, half });
    const columns = half ? Math.floor(width / 2) + 1 : width;
    expect(dft.columns).toBe(columns);
    const area = height * width;
    const planes = Array.from({ length: batch * channels }, (_, i) => image(10 + i, area));
    const nhwc = (values: readonly ArrayLike<number>[], w: number): Float32Array =>
      Float32Array.from({ length: batch * height * w * channels }, (_, at) => {
        const [c, pixel] = [at % channels, Math.floor(at / channels)];
        const [b, inside] = [Math.floor(pixel / (height * w)), pixel % (height * w)];
        return values[b * channels + c]![inside]!;
      });
    const left = (values: Float64Array): Float64Array =>
      Float64Array.from({ length: height * columns }, (_, at) => values[Math.floor(at / columns) * width + (at % columns)]!);
    const truth = planes.map((re) => hostDft2({ re }, { height, width }));

    const before = memory().numTensors;
    const x = tensor(nhwc(planes, width), [batch, height, width, channels]);
    const { re, im } = dft.forward(x);
    const back = dft.inverse({ re, im });
    const scale = Math.sqrt(area); // the standard deviation of a coefficient
    expect(apart(await re.data(), nhwc(truth.map((t) => left(t.re)), columns)) / scale).toBeLessThan(1e-5); // prettier-ignore
    expect(apart(await im.data(), nhwc(truth.map((t) => left(t.im)), columns)) / scale).toBeLessThan(1e-5); // prettier-ignore
    expect(apart(await back.data(), await x.data())).toBeLessThan(1e-5);
    for (const own of [x, re, im, back]) own.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('filters with the whole spectrum and with half of it alike, and takes a real part where the filter is not even', async () => {
    const [height, width] = [6, 8];
    const values = image(3, height * width);
    const x = tensor(Float32Array.from(values), [1, height, width, 1]);
    const gain = Float64Array.from({ length: height * width }, (_, at) => 1 + Math.cos((2 * Math.PI * (at % width)) / width) / 3);
    const through = (half: boolean, own: Float64Array): Tensor =>
      tidy(() => {
        const dft = dft2({ height, width, half });
        const kept = Float32Array.from(
          { length: height * dft.columns },
          (_, at) => own[Math.floor(at / dft.columns) * width + (at % dft.columns)]!,
        );
        const by = tensor(kept, [height, dft.columns, 1]);
        const { re, im } = dft.forward(x);
        return dft.inverse({ re: mul(re, by), im: mul(im, by) });
      });
    const host = (own: Float64Array): Float64Array => {
      const { re, im } = hostDft2({ re: values }, { height, width });
      return hostDft2({ re: re.map((v, k) => v * own[k]!), im: im.map((v, k) => v * own[k]!) }, { height, width, inverse: true }).re;
    };
    const [whole, half] = [through(false, gain), through(true, gain)];
    expect(apart(await whole.data(), host(gain))).toBeLessThan(1e-5);
    expect(apart(await half.data(), host(gain))).toBeLessThan(1e-5);
    const odd = Float64Array.from({ length: height * width }, (_, at) => 1 + Math.sin((2 * Math.PI * (at % width)) / width) / 3);
    const lopsided = through(false, odd);
    expect(apart(await lopsided.data(), host(odd))).toBeLessThan(1e-5);
    for (const own of [x, whole, half, lopsided]) own.dispose();
  });

  it('refuses other shapes', () => {
    const x = tensor(new Float32Array(8), [1, 2, 4, 1]);
    expect(() => dft2({ height: 4, width: 2 }).forward(x)).toThrow('[dft2] the tensor has another shape');
    expect(() => dft2({ height: 0, width: 2 })).toThrow('[dft2] an axis has no such length');
    expect(() => hostDft2({ re: [1, 2, 3] }, { height: 2, width: 2 })).toThrow('[dft2] the image has another size');
    x.dispose();
  });
});
