import { concat, mul, neg, slice, sub, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { dft2, tweedieError, type Spectrum } from '@tweedie/core';

/** M, a linear operator on states [B, …] that treats every row alike, and S. Arguments are lent, results are the caller's. */
export interface PdsOperator {
  /** M x. */
  apply(x: Tensor): Tensor;
  /** Mᵀ x. */
  applyT(x: Tensor): Tensor;
  /** M Mᵀ x, where there is a shorter way than one after the other. */
  applyBoth?(x: Tensor): Tensor;
  /** S x with Sᵀ = −S; without it S = 0. */
  skew?(x: Tensor): Tensor;
}

/** What a state is multiplied by: in frequency, in space, or in both. Each [height, width, C] row-major; `frequency` is even. */
export interface Gains {
  readonly shape: readonly number[];
  readonly frequency?: Float64Array;
  readonly pixel?: Float64Array;
}

/** M = 1: the plain sampler. */
export const identity: PdsOperator = Object.freeze<PdsOperator>({
  apply: (x) => x.clone(),
  applyT: (x) => x.clone(),
});

/** M = F⁻¹ diag(W_f) F diag(W_s), each channel for itself: first pixels, then frequencies. Real, because W_f is real and even. */
export const filter = ({ shape, frequency, pixel }: Gains): PdsOperator => {
  if (frequency === undefined && pixel === undefined) return identity;
  const size = checkShape(shape);
  for (const gains of [frequency, pixel])
    if (gains !== undefined && gains.length !== size[0] * size[1] * size[2])
      throw refusal({ problem: 'there are not as many gains as numbers of an image', got: gains.length, expected: shape.join(' · ') });
  const inSpace = pixel && pointwise(pixel, size);
  if (frequency === undefined)
    return Object.freeze<PdsOperator>({ apply: inSpace!, applyT: inSpace!, applyBoth: pointwise(squared(pixel!), size) });
  checkParity(frequency, size, 1);
  const inFrequency = spectral(frequency, size, scaled);
  if (inSpace === undefined)
    return Object.freeze<PdsOperator>({
      apply: inFrequency,
      applyT: inFrequency,
      applyBoth: spectral(squared(frequency), size, scaled),
    });
  const twice = pointwise(squared(pixel!), size);
  return Object.freeze<PdsOperator>({
    apply: (x) => tidy(() => inFrequency(inSpace(x))),
    applyT: (x) => tidy(() => inSpace(inFrequency(x))),
    applyBoth: (x) => tidy(() => inFrequency(twice(inFrequency(x)))),
  });
};

/** S g = F⁻¹(i b ∘ F g) with b real and odd, b(−k) = −b(k): [height, width, C] row-major. */
export const circulantSkew = ({
  shape,
  odd,
}: {
  readonly shape: readonly number[];
  readonly odd: Float64Array;
}): ((x: Tensor) => Tensor) => {
  const size = checkShape(shape);
  checkParity(odd, size, -1);
  return spectral(odd, size, ({ re, im }, b) => ({ re: neg(mul(im, b)), im: mul(re, b) }));
};

/** S g = ω (g shifted by +1 − g shifted by −1), around the width of images, or around the last axis of points: b = −2ω sin 2πl/width. */
export const shiftSkew =
  (omega: number) =>
  (x: Tensor): Tensor =>
    tidy(() => {
      const axis = x.rank === 4 ? 2 : x.rank - 1;
      return mul(sub(rolled(x, axis, 1), rolled(x, axis, -1)), omega);
    });

/** M Mᵀ x. */
export const both = (m: PdsOperator, x: Tensor): Tensor => (m.applyBoth ? m.applyBoth(x) : tidy(() => m.apply(m.applyT(x))));

type Size = readonly [height: number, width: number, channels: number];

const pointwise = (gains: Float64Array, size: Size): ((x: Tensor) => Tensor) => {
  const values = Float32Array.from(gains);
  return (x) => tidy(() => mul(checked(x, size), tensor(values, [...size])));
};

const spectral = (gains: Float64Array, size: Size, change: (spectrum: Spectrum, gains: Tensor) => Spectrum): ((x: Tensor) => Tensor) => {
  const [height, width, channels] = size;
  const dft = dft2({ height, width, half: true });
  const row = dft.columns * channels;
  const kept = Float32Array.from({ length: height * row }, (_, at) => gains[Math.floor(at / row) * width * channels + (at % row)]!);
  return (x) => tidy(() => dft.inverse(change(dft.forward(checked(x, size)), tensor(kept, [height, dft.columns, channels]))));
};

const scaled = ({ re, im }: Spectrum, gains: Tensor): Spectrum => ({ re: mul(re, gains), im: mul(im, gains) });
const squared = (gains: Float64Array): Float64Array => gains.map((w) => w * w);

const rolled = (x: Tensor, axis: number, by: 1 | -1): Tensor => {
  const length = x.shape[axis]!;
  const cut = by === 1 ? length - 1 : 1;
  const part = (from: number, count: number): Tensor =>
    slice(
      x,
      x.shape.map((_, k) => (k === axis ? from : 0)),
      x.shape.map((n, k) => (k === axis ? count : n)),
    );
  return length === 1 ? x : concat([part(cut, length - cut), part(0, cut)], axis);
};

const refusal = (complaint: Omit<Parameters<typeof tweedieError>[0], 'subject'>) => tweedieError({ subject: 'pds', ...complaint });

const checkShape = (shape: readonly number[]): Size => {
  if (shape.length !== 3) throw refusal({ problem: 'a filter is of images', got: shape, expected: '[height, width, channels]' });
  return shape as unknown as Size;
};

const checked = (x: Tensor, size: Size): Tensor => {
  if (x.rank !== 4 || size.some((n, k) => x.shape[k + 1] !== n))
    throw refusal({
      problem: 'the filter is of images of another shape',
      got: x.shape.slice(1),
      expected: `[${size.join(', ')}]`,
      remedy: 'make it from data of this shape: tweedie stats pds-filter DATA',
    });
  return x;
};

/** The place of −k beside that of k, in [height, width, C]. */
export const opposite = (at: number, [height, width, channels]: Size): number => {
  const [c, pixel] = [at % channels, Math.floor(at / channels)];
  const [k, l] = [Math.floor(pixel / width), pixel % width];
  return (((height - k) % height) * width + ((width - l) % width)) * channels + c;
};

/** W(−k) = W(k), or b(−k) = −b(k): otherwise the result would not be real. */
const checkParity = (values: Float64Array, size: Size, sign: 1 | -1): void => {
  const bad = values.findIndex((v, at) => !(Math.abs(v - sign * values[opposite(at, size)]!) <= 1e-6 * Math.max(1, Math.abs(v))));
  if (bad < 0) return;
  throw refusal({
    problem: sign === 1 ? 'the frequency filter is not even' : 'the skew term is not odd',
    got: [values[bad], values[opposite(bad, size)]],
    expected: sign === 1 ? 'W(−k) = W(k)' : 'b(−k) = −b(k)',
  });
};
