import { createNoise, hostDft2 } from '@tweedie/core';

/** Independent float64 forms of what the package does with tensors: images [height, width, C] row-major. */
export type Size = readonly [height: number, width: number, channels: number];
export type Linear = (x: Float64Array) => Float64Array;

export const normals = (seed: number, count: number): Float64Array => createNoise(seed).hostNormal([1, count], { stream: 77 });

/** F⁻¹ (multiplier ∘ F x) and the imaginary part that is left, channel by channel. */
export const multiplied = (x: Float64Array, [height, width, channels]: Size, w: Float64Array, turn = false) => {
  const [re, im] = [new Float64Array(x.length), new Float64Array(x.length)];
  const area = height * width;
  for (let c = 0; c < channels; c++) {
    const plane = hostDft2({ re: Float64Array.from({ length: area }, (_, p) => x[p * channels + c]!) }, { height, width });
    const at = (k: number): number => w[k * channels + c]!;
    const changed = turn
      ? { re: plane.im.map((v, k) => -at(k) * v), im: plane.re.map((v, k) => at(k) * v) }
      : { re: plane.re.map((v, k) => at(k) * v), im: plane.im.map((v, k) => at(k) * v) };
    const back = hostDft2(changed, { height, width, inverse: true });
    for (let p = 0; p < area; p++) {
      re[p * channels + c] = back.re[p]!;
      im[p * channels + c] = back.im[p]!;
    }
  }
  return { re, im };
};

/** An even (or odd) function of the frequency, from random numbers. */
export const ofParity = (values: Float64Array, [height, width, channels]: Size, sign: 1 | -1): Float64Array =>
  values.map((v, at) => {
    const [c, place] = [at % channels, Math.floor(at / channels)];
    const [k, l] = [Math.floor(place / width), place % width];
    return (v + sign * values[(((height - k) % height) * width + ((width - l) % width)) * channels + c]!) / 2;
  });

export const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** Dense matrices, row-major arrays of rows. */
export type Matrix = Float64Array[];
export const matrixOf = (f: Linear, d: number): Matrix => {
  const columns = Array.from({ length: d }, (_, j) => f(Float64Array.from({ length: d }, (_e, i) => (i === j ? 1 : 0))));
  return Array.from({ length: d }, (_, i) => Float64Array.from(columns, (column) => column[i]!));
};
export const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => Float64Array.from({ length: b[0]!.length }, (_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)));
export const turned = (a: Matrix): Matrix => Array.from({ length: a[0]!.length }, (_, j) => Float64Array.from(a, (row) => row[j]!));
export const plus = (a: Matrix, b: Matrix, by = 1): Matrix => a.map((row, i) => row.map((v, j) => v + by * b[i]![j]!));
export const one = (d: number): Matrix => matrixOf((x) => x, d);
export const largest = (a: Matrix): number => a.reduce((most, row) => row.reduce((m, v) => Math.max(m, Math.abs(v)), most), 0);

/** Gauss–Jordan with the greatest pivot. */
export const inverse = (a: Matrix): Matrix => {
  const d = a.length;
  const work = a.map((row, i) => Float64Array.from({ length: 2 * d }, (_, j) => (j < d ? row[j]! : j - d === i ? 1 : 0)));
  for (let k = 0; k < d; k++) {
    let best = k;
    for (let i = k; i < d; i++) if (Math.abs(work[i]![k]!) > Math.abs(work[best]![k]!)) best = i;
    [work[k], work[best]] = [work[best]!, work[k]!];
    const pivot = work[k]![k]!;
    work[k] = work[k]!.map((v) => v / pivot);
    for (let i = 0; i < d; i++) {
      if (i === k) continue;
      const by = work[i]![k]!;
      work[i] = work[i]!.map((v, j) => v - by * work[k]![j]!);
    }
  }
  return work.map((row) => row.slice(d));
};
