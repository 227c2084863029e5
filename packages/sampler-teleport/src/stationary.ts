/**
 * A Gaussian of images whose covariance does not change under (periodic) translation: one Hermitian matrix of channels a frequency,
 *
 *     S[k, l] = (1/HW) E X[k, l] X[k, l]*,   X the DFT of x − μ,
 *
 * and f(Σ) v is: transform, multiply by f(S), transform back. O(HW C²) numbers where the covariance has (HWC)². For a half spectrum.
 */
import { add, concat, mul, slice, sub, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { symmetricEigen } from '@tweedie/analytic';
import { dft2, hostDft2 } from '@tweedie/core';
import type { Gain, Law } from './gaussian.ts';

export interface Stationary {
  readonly mean: Float64Array;
  readonly shape: readonly [number, number, number];
  /** S, [H, ⌊W/2⌋ + 1, C, C] each. */
  readonly re: ArrayLike<number>;
  readonly im: ArrayLike<number>;
}

/** Functions f(S) of Hermitian C × C matrices, one a frequency. */
interface Family {
  of(f: Gain): { readonly re: Float64Array; readonly im: Float64Array };
  readonly least: number;
}

const families = new WeakMap<object, Family>();

export const stationaryLaw = ({ mean, shape, re, im }: Stationary): Law => {
  const [height, width, channels] = shape;
  const columns = Math.floor(width / 2) + 1;
  const frequencies = height * columns;
  const family = families.get(re) ?? hermitian(re, im, frequencies, channels);
  families.set(re, family);
  const { forward, inverse } = dft2({ height, width, half: true });
  const each = Array.from({ length: channels }, (_, c) => c);

  return {
    shape,
    said: `stationary, ${shape.join('×')}`,
    singular: family.least <= 0,
    mean,
    apply: (v, f) => {
      const { re: gr, im: gi } = family.of(f);
      const spectrum = forward(v);
      const gain = (values: Float64Array, a: number, b: number): Tensor =>
        tensor(
          Float32Array.from({ length: frequencies }, (_, k) => values[(k * channels + a) * channels + b]!),
          [1, height, columns, 1],
        );
      const channel = (x: Tensor, c: number): Tensor => slice(x, [0, 0, 0, c], [x.shape[0]!, height, columns, 1]);
      const mixed = each.map((a) => {
        const terms = each.map((b) => {
          const [xr, xi] = [channel(spectrum.re, b), channel(spectrum.im, b)];
          const real = gain(gr, a, b);
          if (a === b) return [mul(xr, real), mul(xi, real)] as const;
          const imaginary = gain(gi, a, b);
          return [sub(mul(xr, real), mul(xi, imaginary)), add(mul(xi, real), mul(xr, imaginary))] as const;
        });
        return [terms.map(([r]) => r).reduce((s, t) => add(s, t)), terms.map(([, i]) => i).reduce((s, t) => add(s, t))] as const;
      });
      return inverse({
        re: concat(
          mixed.map(([r]) => r),
          3,
        ),
        im: concat(
          mixed.map(([, i]) => i),
          3,
        ),
      });
    },
    host: (v, f) => {
      const { re: gr, im: gi } = family.of(f);
      const spectra = each.map((c) => hostDft2({ re: v.filter((_, i) => i % channels === c) }, { height, width }));
      const out = new Float64Array(v.length);
      for (const a of each) {
        const [sr, si] = [new Float64Array(height * width), new Float64Array(height * width)];
        for (let k = 0; k < height; k++)
          for (let l = 0; l < width; l++) {
            const at = k * width + l;
            // S at (−k, −l) is the conjugate of S at (k, l).
            const mirrored = l >= columns;
            const [row, column, sign] = mirrored ? [(height - k) % height, width - l, -1] : [k, l, 1];
            for (const b of each) {
              const g = ((row * columns + column) * channels + a) * channels + b;
              const [xr, xi] = [spectra[b]!.re[at]!, spectra[b]!.im[at]!];
              sr[at]! += gr[g]! * xr - sign * gi[g]! * xi;
              si[at]! += gr[g]! * xi + sign * gi[g]! * xr;
            }
          }
        hostDft2({ re: sr, im: si }, { height, width, inverse: true }).re.forEach((value, i) => (out[i * channels + a] = value));
      }
      return out;
    },
  };
};

/** By the symmetric matrix [[A, −B], [B, A]] of S = A + iB, which has each eigenvalue twice. */
const hermitian = (re: ArrayLike<number>, im: ArrayLike<number>, frequencies: number, channels: number): Family => {
  const [c, n] = [channels, 2 * channels];
  const systems = Array.from({ length: frequencies }, (_, k) => {
    const at = (a: number, b: number): number => k * c * c + a * c + b;
    if (c === 1) return { values: Float64Array.of(re[k]!), vectors: Float64Array.of(1, 0) };
    const matrix = Float64Array.from({ length: n * n }, (_, i) => {
      const [p, q] = [Math.floor(i / n), i % n];
      const [a, b] = [p % c, q % c];
      // Symmetrised: float32 may have rounded the two halves apart.
      const real = (re[at(a, b)]! + re[at(b, a)]!) / 2;
      const imaginary = (im[at(a, b)]! - im[at(b, a)]!) / 2;
      return p < c === q < c ? real : p < c ? -imaginary : imaginary;
    });
    return symmetricEigen(matrix);
  });
  const clipped = (lambda: number): number => Math.max(0, lambda);
  return {
    least: systems.reduce((least, { values }) => Math.min(least, values.at(-1)!), Infinity),
    of: (f) => {
      const [gr, gi] = [new Float64Array(frequencies * c * c), new Float64Array(frequencies * c * c)];
      systems.forEach(({ values, vectors }, k) => {
        if (c === 1) {
          gr[k] = f(clipped(values[0]!));
          return;
        }
        for (let j = 0; j < n; j++) {
          const gain = f(clipped(values[j]!));
          for (let a = 0; a < c; a++)
            for (let b = 0; b < c; b++) {
              // The upper blocks of Σ_j f(λ_j) v_j v_jᵀ: A to the left, −B to the right.
              gr[k * c * c + a * c + b]! += gain * vectors[a * n + j]! * vectors[b * n + j]!;
              gi[k * c * c + a * c + b]! -= gain * vectors[a * n + j]! * vectors[(b + c) * n + j]!;
            }
        }
      });
      return { re: gr, im: gi };
    },
  };
};
