import { memory, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { both, circulantSkew, filter, identity, shiftSkew, type PdsOperator } from './operator.ts';
import {
  dot,
  inverse,
  largest,
  matrixOf,
  multiplied,
  normals,
  ofParity,
  plus,
  times,
  turned,
  type Linear,
  type Matrix,
  type Size,
} from '../test/host.ts';

const size: Size = [6, 8, 2];
const dims = 6 * 8 * 2;
const frequency = ofParity(
  normals(1, dims).map((v) => 1.2 + 0.2 * Math.tanh(v)),
  size,
  1,
);
const pixel = normals(2, dims).map((v) => 1.1 + 0.1 * Math.tanh(v));
const odd = ofParity(normals(3, dims), size, -1);

/** M, Mᵀ and S in float64, written down from §5.1. */
const host = (own: { frequency?: Float64Array; pixel?: Float64Array }, of: Size = size): { m: Linear; mT: Linear } => {
  const inSpace: Linear = (x) => (own.pixel === undefined ? x : x.map((v, i) => v * own.pixel![i]!));
  const inFrequency: Linear = (x) => (own.frequency === undefined ? x : multiplied(x, of, own.frequency).re);
  return { m: (x) => inFrequency(inSpace(x)), mT: (x) => inSpace(inFrequency(x)) };
};
const hostSkew: Linear = (x) => multiplied(x, size, odd, true).re;

const [u, v] = [normals(4, dims), normals(5, dims)];
const through = async (f: (x: Tensor) => Tensor, x: Float64Array, shape: readonly number[] = [1, ...size]): Promise<Float32Array> => {
  const before = memory().numTensors;
  const input = tensor(Float32Array.from(x), [...shape]);
  const output = f(input);
  const values = Float32Array.from(await output.data());
  for (const own of [input, output]) own.dispose();
  expect(memory().numTensors).toBe(before);
  return values;
};
const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5): void =>
  expect(Array.from(a).reduce((most, each, i) => Math.max(most, Math.abs(each - b[i]!)), 0)).toBeLessThan(tolerance);

describe.each([
  ['frequencies', { frequency }],
  ['pixels', { pixel }],
  ['both', { frequency, pixel }],
  ['neither', {}],
])('M of %s', (_, gains) => {
  const m: PdsOperator = filter({ shape: size, ...gains });
  const { m: hostM, mT: hostMT } = host(gains);

  it('is F⁻¹ W_f F W_s: M, Mᵀ and M Mᵀ as the host has them, to 1e-5', async () => {
    near(await through(m.apply, v), hostM(v));
    near(await through(m.applyT, v), hostMT(v));
    near(await through((x) => both(m, x), v), hostM(hostMT(v)));
  });

  it('P2: ⟨u, Mv⟩ = ⟨Mᵀu, v⟩ to 1e-13 in float64, M Mᵀ is symmetric and at least 1', () => {
    const scale = Math.sqrt(dot(u, u) * dot(v, v));
    expect(Math.abs(dot(u, hostM(v)) - dot(hostMT(u), v)) / scale).toBeLessThan(1e-13);
    const mmT: Linear = (x) => hostM(hostMT(x));
    expect(Math.abs(dot(u, mmT(v)) - dot(v, mmT(u))) / scale).toBeLessThan(1e-13);
    expect(dot(u, mmT(u))).toBeGreaterThanOrEqual(0.9 * dot(u, u));
  });
});

it('P3: nothing imaginary is left to 1e-13, and an uneven filter is refused', () => {
  expect(largest([multiplied(v, size, frequency).im])).toBeLessThan(1e-13);
  expect(largest([multiplied(v, size, odd, true).im])).toBeLessThan(1e-13);
  expect(() => filter({ shape: size, frequency: pixel })).toThrow('[pds] the frequency filter is not even');
  expect(() => circulantSkew({ shape: size, odd: frequency })).toThrow('[pds] the skew term is not odd');
});

describe('S', () => {
  it('P5: ⟨u, Su⟩ = 0 and ⟨u, Sv⟩ = −⟨Su, v⟩ to 1e-13 in float64, and the tensors are it to 1e-5', async () => {
    expect(Math.abs(dot(u, hostSkew(u))) / dot(u, u)).toBeLessThan(1e-13);
    expect(Math.abs(dot(u, hostSkew(v)) + dot(hostSkew(u), v)) / Math.sqrt(dot(u, u) * dot(v, v))).toBeLessThan(1e-13);
    near(await through(circulantSkew({ shape: size, odd }), v), hostSkew(v));
  });

  it('of two shifts is the circulant one with b = −2ω sin 2πl/width', async () => {
    const omega = 0.3;
    const b = Float64Array.from({ length: dims }, (_, at) => -2 * omega * Math.sin((2 * Math.PI * (Math.floor(at / 2) % 8)) / 8));
    near(await through(shiftSkew(omega), v), multiplied(v, size, b, true).re);
    near(await through(circulantSkew({ shape: size, odd: b }), v), multiplied(v, size, b, true).re);
    near(await through(shiftSkew(omega), Float64Array.of(1, 2, 4, 8), [1, 4]), [
      omega * (8 - 2),
      omega * (1 - 4),
      omega * (2 - 8),
      omega * (4 - 1),
    ]);
  });
});

describe('Langevin dynamics of a Gaussian', () => {
  const small: Size = [2, 4, 1];
  const d = 8;
  const root: Matrix = Array.from({ length: d }, (_, i) => normals(20 + i, d));
  const sigma = plus(
    times(root, turned(root)),
    matrixOf((x) => x, d),
  ); // random, positive
  const own = {
    frequency: ofParity(
      normals(30, d).map((w) => 1.5 + 0.5 * Math.tanh(w)),
      small,
      1,
    ),
    pixel: normals(31, d).map((w) => 1.5 + 0.5 * Math.tanh(w)),
  };
  const m = matrixOf(host(own, small).m, d);
  const mmT = times(m, turned(m));
  const random: Matrix = Array.from({ length: d }, (_, i) => normals(40 + i, d));
  const skew = plus(random, turned(random), -1);
  const drift = (s: Matrix): Matrix => times(plus(mmT, s), inverse(sigma));

  it('P6: LΣ + ΣLᵀ = 2M Mᵀ for L = (M Mᵀ + S)Σ⁻¹ to 1e-12, and not where S is no skew matrix', () => {
    const residual = (s: Matrix): number => {
      const l = times(drift(s), sigma);
      return largest(plus(plus(l, turned(l)), mmT, -2)) / largest(mmT);
    };
    expect(residual(skew)).toBeLessThan(1e-12);
    expect(residual(random)).toBeGreaterThan(0.1);
  });

  it('P7: the stationary covariance of x − εLx + √(2ε) M z is Σ (1 + O(ε))', () => {
    const l = drift(skew);
    const norm = largest(l);
    const errors = [1e-1, 1e-2, 1e-3, 1e-4].map((relative) => {
      const epsilon = relative / norm / d;
      // C = A C Aᵀ + 2ε M Mᵀ by doubling: C_{2k} = C_k + A^k C_k (A^k)ᵀ.
      let a: Matrix = plus(
        matrixOf((x) => x, d),
        l,
        -epsilon,
      );
      let c: Matrix = mmT.map((row) => row.map((w) => 2 * epsilon * w));
      for (let k = 0; k < 40; k++) [c, a] = [plus(c, times(times(a, c), turned(a))), times(a, a)];
      return largest(plus(c, sigma, -1)) / largest(sigma);
    });
    expect(errors[0]).toBeLessThan(5e-3);
    for (let k = 1; k < errors.length; k++) expect(Math.abs(errors[k - 1]! / errors[k]! - 10)).toBeLessThan(0.1);
  });
});

it('refuses images of another shape, and gains that are too few', () => {
  const x = tensor(new Float32Array(dims), [1, 8, 6, 2]);
  for (const gains of [{ frequency }, { pixel }])
    expect(() => filter({ shape: size, ...gains }).apply(x)).toThrow(
      '[pds] the filter is of images of another shape: got [8,6,2], expected [6, 8, 2]',
    );
  expect(() => filter({ shape: [6, 8], frequency })).toThrow('[pds] a filter is of images');
  expect(() => filter({ shape: size, pixel: new Float64Array(3) })).toThrow('[pds] there are not as many gains');
  x.dispose();
  expect(filter({ shape: size })).toBe(identity);
});
