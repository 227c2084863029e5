import {
  add,
  concat,
  matMul,
  mul,
  neg,
  reshape,
  reverse,
  slice,
  split,
  stack,
  sub,
  tensor,
  tidy,
  transpose,
  unstack,
  zerosLike,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';

/** A spectrum of images: [B, height, columns, C] each. */
export interface Spectrum {
  readonly re: Tensor;
  readonly im: Tensor;
}

export interface Dft2Options {
  readonly height: number;
  readonly width: number;
  /** Only the columns 0 … ⌊width/2⌋, which determine the spectrum of a real image. Default false. */
  readonly half?: boolean;
}

/** The discrete Fourier transform over the two inner axes of NHWC tensors. Arguments are lent, results are the caller's. */
export interface Dft2 {
  readonly height: number;
  readonly width: number;
  /** Columns of a spectrum: width, or ⌊width/2⌋ + 1. */
  readonly columns: number;
  /** X[k, l] = Σ_{p,q} x[p, q] exp(−2πi (kp/height + lq/width)) of real images [B, height, width, C]. */
  forward(x: Tensor): Spectrum;
  /** The real part of (1/(height·width)) Σ_{k,l} X[k, l] exp(2πi (kp/height + lq/width)); a half spectrum stands for a Hermitian one. */
  inverse(spectrum: Spectrum): Tensor;
}

/**
 * The two-dimensional DFT as products with matrices of cosines and sines: real arithmetic that every engine has. The matrices are made
 * on the host in float64, with the product of the indices taken modulo n. Above 256 points an axis n = n₁n₂ is two such products with
 * twiddle factors between.
 */
export const dft2 = ({ height, width, half = false }: Dft2Options): Dft2 => {
  checkSize(height, width);
  const columns = half ? Math.floor(width / 2) + 1 : width;
  const direct = factor(width) === 1;

  /** Real rows [R, width] to [R, 2, columns]. */
  const rowsForward = (rows: Tensor): Tensor => {
    const count = rows.shape[0]!;
    if (direct) return reshape(matMul(rows, constant(realForward(width, columns), [width, 2 * columns])), [count, 2, columns]);
    return slice(transform(stack([rows, zerosLike(rows)], 1), width, -1), [0, 0, 0], [count, 2, columns]);
  };
  /** [R, 2, columns] to the real part of their inverse, [R, width]. */
  const rowsInverse = (rows: Tensor): Tensor => {
    const count = rows.shape[0]!;
    if (direct) return matMul(reshape(rows, [count, 2 * columns]), constant(realInverse(width, columns), [2 * columns, width]));
    const full = columns === width ? rows : hermitian(rows, width);
    return mul(reshape(slice(transform(full, width, 1), [0, 0, 0], [count, 1, width]), [count, width]), 1 / width);
  };

  return Object.freeze<Dft2>({
    height,
    width,
    columns,
    forward: (x) =>
      tidy(() => {
        const [batch, , , channels] = shapeOf(x, height, width);
        const images = batch * channels;
        const rows = rowsForward(reshape(transpose(x, [0, 3, 1, 2]), [images * height, width]));
        const turned = transpose(reshape(rows, [images, height, 2, columns]), [0, 3, 2, 1]);
        const both = transform(reshape(turned, [images * columns, 2, height]), height, -1);
        const [re, im] = unstack(both, 1).map((part) => transpose(reshape(part, [batch, channels, columns, height]), [0, 3, 2, 1])) as [
          Tensor,
          Tensor,
        ];
        return { re, im };
      }),
    inverse: ({ re, im }) =>
      tidy(() => {
        const [batch, , , channels] = shapeOf(re, height, columns);
        const images = batch * channels;
        const parts = [re, im].map((part) => reshape(transpose(part, [0, 3, 2, 1]), [images * columns, height]));
        const both = transform(stack(parts, 1), height, 1);
        const turned = transpose(reshape(both, [images, columns, 2, height]), [0, 3, 2, 1]);
        const rows = rowsInverse(mul(reshape(turned, [images * height, 2, columns]), 1 / height));
        return transpose(reshape(rows, [batch, channels, height, width]), [0, 2, 3, 1]);
      }),
  });
};

/** Above this many points an axis is factored. */
const DIRECT = 256;

/** The divisor of n that is nearest to √n from below, or 1 where one product serves. */
const factor = (n: number): number => {
  if (n <= DIRECT) return 1;
  for (let k = Math.floor(Math.sqrt(n)); k > 1; k--) if (n % k === 0) return k;
  return 1;
};

/** Σ_p z[p] exp(±2πi kp/n) of complex rows [R, 2, n]. */
const transform = (z: Tensor, n: number, sign: 1 | -1): Tensor => {
  const rows = z.shape[0]!;
  const n1 = factor(n);
  if (n1 === 1) return reshape(matMul(reshape(z, [rows, 2 * n]), constant(complexMatrix(n, sign), [2 * n, 2 * n])), [rows, 2, n]);
  // p = n₂p₁ + p₂, k = k₁ + n₁k₂:  exp(2πi kp/n) = exp(2πi k₁p₁/n₁) exp(2πi k₁p₂/n) exp(2πi k₂p₂/n₂).
  const n2 = n / n1;
  const inner = reshape(transpose(reshape(z, [rows, 2, n1, n2]), [0, 3, 1, 2]), [rows * n2, 2, n1]);
  const [re, im] = unstack(reshape(transform(inner, n1, sign), [rows, n2, 2, n1]), 2) as [Tensor, Tensor];
  const [c, s] = twiddles(n1, n2, sign).map((values) => constant(values, [n2, n1])) as [Tensor, Tensor];
  const turned = [sub(mul(re, c), mul(im, s)), add(mul(re, s), mul(im, c))].map((part) => transpose(part, [0, 2, 1]));
  const outer = transform(reshape(stack(turned, 2), [rows * n1, 2, n2]), n2, sign);
  return reshape(transpose(reshape(outer, [rows, n1, 2, n2]), [0, 2, 3, 1]), [rows, 2, n]);
};

/** Half the spectra of real rows, [R, 2, ⌊n/2⌋ + 1], to whole ones: X[n − k] is the conjugate of X[k]. */
const hermitian = (half: Tensor, n: number): Tensor => {
  const [rows, , columns] = half.shape as [number, number, number];
  const [re, im] = split(reverse(slice(half, [0, 0, 1], [rows, 2, n - columns]), 2), 2, 1) as [Tensor, Tensor];
  return concat([half, concat([re, neg(im)], 1)], 2);
};

const constant = (values: Float32Array, shape: [number, number]): Tensor => tensor(values, shape, 'float32');

/** cos and sin of 2πj/n, j = 0 … n − 1. */
const circle = (n: number): { readonly cos: Float64Array; readonly sin: Float64Array } => {
  const angle = (j: number): number => (2 * Math.PI * j) / n;
  return {
    cos: Float64Array.from({ length: n }, (_, j) => Math.cos(angle(j))),
    sin: Float64Array.from({ length: n }, (_, j) => Math.sin(angle(j))),
  };
};

const matrices = new Map<string, Float32Array>();
const remembered = (key: string, rows: number, columns: number, entry: (row: number, column: number) => number): Float32Array => {
  let values = matrices.get(key);
  if (values === undefined) {
    values = Float32Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns));
    matrices.set(key, values);
  }
  return values;
};

/** (re, im) ↦ (re, im) as one real matrix, [2n, 2n]. */
const complexMatrix = (n: number, sign: 1 | -1): Float32Array => {
  const { cos, sin } = circle(n);
  return remembered(`complex ${sign} ${n}`, 2 * n, 2 * n, (row, column) => {
    const j = ((row % n) * (column % n)) % n;
    if (row < n === column < n) return cos[j]!;
    return (row < n ? sign : -sign) * sin[j]!;
  });
};

/** Real rows to (re, im) of their first columns, [n, 2·columns]. */
const realForward = (n: number, columns: number): Float32Array => {
  const { cos, sin } = circle(n);
  return remembered(`forward ${n} ${columns}`, n, 2 * columns, (p, column) => {
    const j = (p * (column % columns)) % n;
    return column < columns ? cos[j]! : -sin[j]!;
  });
};

/** (re, im) of the first columns to the real part of the inverse, [2·columns, n]; columns that stand for two count twice. */
const realInverse = (n: number, columns: number): Float32Array => {
  const { cos, sin } = circle(n);
  return remembered(`inverse ${n} ${columns}`, 2 * columns, n, (row, p) => {
    const k = row % columns;
    const j = (k * p) % n;
    const count = columns === n || k === 0 || 2 * k === n ? 1 : 2;
    return (count / n) * (row < columns ? cos[j]! : -sin[j]!);
  });
};

const twiddles = (n1: number, n2: number, sign: 1 | -1): [Float32Array, Float32Array] => {
  const { cos, sin } = circle(n1 * n2);
  return [
    remembered(`twiddle cos ${n1} ${n2}`, n2, n1, (p, k) => cos[p * k]!),
    remembered(`twiddle sin ${sign} ${n1} ${n2}`, n2, n1, (p, k) => sign * sin[p * k]!),
  ];
};

const shapeOf = (x: Tensor, height: number, columns: number): [number, number, number, number] => {
  if (x.rank !== 4 || x.shape[1] !== height || x.shape[2] !== columns)
    throw tweedieError({
      subject: 'dft2',
      problem: 'the tensor has another shape',
      got: x.shape,
      expected: `[B, ${height}, ${columns}, C]`,
    });
  return x.shape as [number, number, number, number];
};

const checkSize = (height: number, width: number): void => {
  if (![height, width].every((n) => Number.isInteger(n) && n >= 1))
    throw tweedieError({ subject: 'dft2', problem: 'an axis has no such length', got: { height, width }, expected: 'integers ≥ 1' });
};

/** A complex image on the host, [height, width] row-major. */
export interface HostSpectrum {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** {@link dft2} in float64 on the host, of one complex image; without `inverse` the unnormalised sum, with it 1/(height·width) times the conjugate one. */
export const hostDft2 = (
  { re, im }: { readonly re: ArrayLike<number>; readonly im?: ArrayLike<number> },
  { height, width, inverse = false }: { readonly height: number; readonly width: number; readonly inverse?: boolean },
): HostSpectrum => {
  checkSize(height, width);
  const out = { re: Float64Array.from(re), im: im === undefined ? new Float64Array(re.length) : Float64Array.from(im) };
  if (out.re.length !== height * width || out.im.length !== height * width)
    throw tweedieError({
      subject: 'dft2',
      problem: 'the image has another size',
      got: out.re.length,
      expected: `${height}·${width} numbers`,
    });
  const along = (n: number, count: number, start: (line: number) => number, stride: number): void => {
    const unit = circle(n);
    const sign = inverse ? 1 : -1;
    for (let line = 0; line < count; line++) {
      const from = start(line);
      const pick = (values: Float64Array): Float64Array => Float64Array.from({ length: n }, (_, j) => values[from + j * stride]!);
      const line64 = fft({ re: pick(out.re), im: pick(out.im) }, unit, sign, 1);
      const scale = inverse ? 1 / n : 1;
      for (let j = 0; j < n; j++) {
        out.re[from + j * stride] = line64.re[j]! * scale;
        out.im[from + j * stride] = line64.im[j]! * scale;
      }
    }
  };
  along(width, height, (row) => row * width, 1);
  along(height, width, (column) => column, width);
  return out;
};

/** Cooley–Tukey of any length: by the least prime factor of n, and a plain sum where n is prime. `unit` is the circle of n·step points. */
const fft = (z: HostSpectrum, unit: ReturnType<typeof circle>, sign: 1 | -1, step: number): HostSpectrum => {
  const n = z.re.length;
  if (n === 1) return z;
  let p = 2;
  while (n % p !== 0) p = p * p > n ? n : p + 1;
  const m = n / p;
  const parts = Array.from({ length: p }, (_, r) =>
    fft(
      {
        re: Float64Array.from({ length: m }, (_, q) => z.re[q * p + r]!),
        im: Float64Array.from({ length: m }, (_, q) => z.im[q * p + r]!),
      },
      unit,
      sign,
      step * p,
    ),
  );
  const [re, im] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < n; k++)
    for (let r = 0; r < p; r++) {
      const j = ((r * k) % n) * step;
      const [c, s] = [unit.cos[j]!, sign * unit.sin[j]!];
      const [a, b] = [parts[r]!.re[k % m]!, parts[r]!.im[k % m]!];
      re[k]! += a * c - b * s;
      im[k]! += a * s + b * c;
    }
  return { re, im };
};
