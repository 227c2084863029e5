import { describe, expect, it } from 'vitest';
import { G2, moments, symmetricEigen, symmetricEigenvalues, traceSqrtProduct } from './index.ts';
import { pivotedCholesky } from './pivoted-cholesky.ts';
import { normalRows, traceOf, withSpectrum } from './spectral.fixture.ts';

const covarianceOf = (rows: Float64Array, d: number): Float64Array => {
  const collected = moments(d);
  collected.add(rows);
  return collected.result().covariance;
};

/** tr (Σ₁Σ₂)^½ = Σ √λ(Σ₁^½ Σ₂ Σ₁^½) with Σ₁^½ of eigenvectors: another way, O(d³) with vectors. */
const byVectors = (s1: Float64Array, s2: Float64Array): number => {
  const { values, vectors } = symmetricEigen(s1);
  const d = values.length;
  const entry = (f: (k: number, l: number) => number): Float64Array =>
    Float64Array.from({ length: d * d }, (_, at) => f(Math.floor(at / d), at % d));
  const sum = (f: (k: number) => number): number => values.reduce((total, _, k) => total + f(k), 0);
  const root = entry((i, j) => sum((k) => vectors[i * d + k]! * Math.sqrt(Math.max(0, values[k]!)) * vectors[j * d + k]!));
  const half = entry((i, j) => sum((k) => root[i * d + k]! * s2[k * d + j]!));
  const inner = entry((i, j) => sum((k) => half[i * d + k]! * root[k * d + j]!));
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) inner[i * d + j] = inner[j * d + i]!;
  return symmetricEigen(inner).values.reduce((total, value) => total + Math.sqrt(Math.max(0, value)), 0);
};

describe('traceSqrtProduct', () => {
  it('of diagonal matrices is Σ√(ab), of 2 × 2 the closed form', () => {
    expect(traceSqrtProduct([4, 0, 0, 9], [1, 0, 0, 25])).toBeCloseTo(2 + 15, 13);
    // tr √M = √(tr M + 2√det M) for 2 × 2.
    const [a, b] = [G2.covariance(), [2, -0.7, -0.7, 0.4]];
    const product = [a[0]! * b[0]! + a[1]! * b[2]!, 0, 0, a[2]! * b[1]! + a[3]! * b[3]!];
    const det = (a[0]! * a[3]! - a[1]! * a[2]!) * (b[0]! * b[3]! - b[1]! * b[2]!);
    expect(traceSqrtProduct(a, b)).toBeCloseTo(Math.sqrt(product[0]! + product[3]! + 2 * Math.sqrt(det)), 12);
    expect(traceSqrtProduct(b, a)).toBeCloseTo(traceSqrtProduct(a, b), 12);
  });

  it('of commuting matrices is Σ√(λμ), whatever their basis', () => {
    const d = 90;
    const [a, b] = [Array.from({ length: d }, (_, i) => 1 / (1 + i)), Array.from({ length: d }, (_, i) => 2 + Math.sin(i))];
    const known = a.reduce((sum, value, i) => sum + Math.sqrt(value * b[i]!), 0);
    expect(traceSqrtProduct(withSpectrum(a, 1), withSpectrum(b, 1))).toBeCloseTo(known, 12);
    expect(Math.abs(traceSqrtProduct(withSpectrum(a, 1), withSpectrum(b, 2)) - known)).toBeGreaterThan(1e-3);
  });

  it('agrees with the route through vectors at d = 64', () => {
    const [a, b] = [
      covarianceOf(normalRows(200, 64, 1), 64),
      covarianceOf(
        normalRows(90, 64, 2, (i) => 1 / (1 + i)),
        64,
      ),
    ];
    expect(Math.abs(traceSqrtProduct(a, b) - byVectors(a, b))).toBeLessThan(1e-12);
  });

  it('of Σ and Σ is tr Σ to 1e-12 of it: well and badly conditioned, graded, turned, of low rank', () => {
    const d = 80;
    const graded = Array.from({ length: d }, (_, i) => 10 ** ((-14 * i) / d));
    const cases = {
      round: covarianceOf(normalRows(400, d, 3), d),
      graded: covarianceOf(
        normalRows(400, d, 4, (i) => 10 ** ((-8 * i) / d)),
        d,
      ),
      turned: withSpectrum(graded, 5),
      few: covarianceOf(normalRows(20, d, 6), d),
      'few and graded': covarianceOf(
        normalRows(20, d, 7, (i) => 10 ** ((-8 * i) / d)),
        d,
      ),
      'one row of two': covarianceOf(normalRows(2, d, 8), d),
      'a feature that is dead': covarianceOf(
        normalRows(400, d, 9, (i) => (i === 5 ? 0 : 1)),
        d,
      ),
    };
    for (const [name, s] of Object.entries(cases)) {
      expect(Math.abs(traceSqrtProduct(s, s) / traceOf(s) - 1), name).toBeLessThan(1e-12);
    }
  });

  it('of fewer rows than dimensions is the nuclear norm ‖C₁C₂ᵀ‖ / √((n₁ − 1)(n₂ − 1)) of the centred rows', () => {
    const [d, n1, n2] = [50, 12, 30];
    const [x, y] = [normalRows(n1, d, 10), normalRows(n2, d, 11, (i) => 1 + (i % 3))];
    const centred = (rows: Float64Array): Float64Array => {
      const n = rows.length / d;
      return rows.map((value, at) => {
        let sum = 0;
        for (let r = 0; r < n; r++) sum += rows[r * d + (at % d)]!;
        return value - sum / n;
      });
    };
    const [a, b] = [centred(x), centred(y)];
    const cross = Float64Array.from({ length: n1 * n2 }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += a[Math.floor(at / n2) * d + k]! * b[(at % n2) * d + k]!;
      return sum;
    });
    const gram = Float64Array.from({ length: n1 * n1 }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < n2; k++) sum += cross[Math.floor(at / n1) * n2 + k]! * cross[(at % n1) * n2 + k]!;
      return sum;
    });
    // Centring takes one dimension away: the least eigenvalue is 0, whose root would only be rounding.
    const nuclear = symmetricEigenvalues(gram)
      .slice(0, n1 - 1)
      .reduce((sum, value) => sum + Math.sqrt(value), 0);
    const [s1, s2] = [covarianceOf(x, d), covarianceOf(y, d)];
    expect(traceSqrtProduct(s1, s2)).toBeCloseTo(nuclear / Math.sqrt((n1 - 1) * (n2 - 1)), 11);
    expect(traceSqrtProduct(s2, s1)).toBeCloseTo(nuclear / Math.sqrt((n1 - 1) * (n2 - 1)), 11);
  });

  it('with the zero matrix is 0', () => expect(traceSqrtProduct([0, 0, 0, 0], [1, 0, 0, 1])).toBe(0));

  it.each([
    ['indefinite', [1, 2, 2, 1]],
    ['indefinite with nothing on the diagonal', [0, 1, 1, 0]],
    ['negative', [1, 0, 0, -1e-3]],
    ['not symmetric', [1, 0.5, 0, 1]],
    ['not finite', [1, 0, 0, NaN]],
    ['of another size', [1]],
  ])('refuses what is %s, on either side', (_, matrix) => {
    expect(() => traceSqrtProduct(matrix, [1, 0, 0, 1])).toThrow(/semi-definite|symmetric|finite|differ/);
    expect(() => traceSqrtProduct([1, 0, 0, 1], matrix)).toThrow(/semi-definite|symmetric|finite|differ/);
  });
});

describe('pivotedCholesky', () => {
  it('gives the matrix back, and its rank', () => {
    const d = 150;
    for (const [rank, seed] of [
      [150, 1],
      [70, 2],
      [64, 3],
      [1, 4],
    ] as const) {
      const a = withSpectrum(
        Array.from({ length: d }, (_, i) => (i < rank ? 1 + i / d : 0)),
        seed,
      );
      const found = pivotedCholesky('test', a.slice(), d);
      expect(found.rank).toBe(rank);
      expect([...found.order].sort((x, y) => x - y)).toEqual(Array.from({ length: d }, (_, i) => i));
      let worst = 0;
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += found.transposed[k * d + i]! * found.transposed[k * d + j]!;
          worst = Math.max(worst, Math.abs(sum - a[found.order[i]! * d + found.order[j]!]!));
        }
      expect(worst).toBeLessThan(1e-13);
    }
  });
});
