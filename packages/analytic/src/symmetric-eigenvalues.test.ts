import { describe, expect, it } from 'vitest';
import { symmetricEigen, symmetricEigenvalues } from './index.ts';
import { far, normalRows, withSpectrum } from './spectral.fixture.ts';
import { tridiagonalEigenvalues } from './tridiagonal-eigenvalues.ts';
import { tridiagonalForm } from './tridiagonal-form.ts';

describe('symmetricEigenvalues', () => {
  it.each([1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 67, 130])('are those the matrix was made of, at d = %i (panels and remainders)', (d) => {
    const values = Array.from({ length: d }, (_, i) => 3 - (5 * i) / d);
    expect(far(symmetricEigenvalues(withSpectrum(values, d)), values)).toBeLessThan(1e-13);
  });

  it('agree with the route through vectors', () => {
    const a = withSpectrum(
      Array.from(normalRows(1, 64, 3)).sort((x, y) => y - x),
      4,
    );
    expect(far(symmetricEigenvalues(a), symmetricEigen(a).values)).toBeLessThan(1e-13);
  });

  it('may be clustered, equal and zero', () => {
    const clustered = Array.from({ length: 60 }, (_, i) => (i < 20 ? 1 + 1e-14 * i : i < 40 ? 1e-3 : 0)).sort((x, y) => y - x);
    expect(far(symmetricEigenvalues(withSpectrum(clustered, 5)), clustered)).toBeLessThan(1e-14);
    expect([...symmetricEigenvalues(new Float64Array(49))]).toEqual(new Array(7).fill(0));
    expect([...symmetricEigenvalues([3, 0, 0, 0, -1, 0, 0, 0, 7])]).toEqual([7, 3, -1]);
  });

  it('refuses what is not square, finite and symmetric', () => {
    expect(() => symmetricEigenvalues([1, 2, 3])).toThrow(/square/);
    expect(() => symmetricEigenvalues([1, 2, 3, 4])).toThrow(/symmetric/);
    expect(() => symmetricEigenvalues([1, NaN, NaN, 1])).toThrow(/finite/);
  });
});

describe('tridiagonal', () => {
  it('the form keeps trace and sum of squares', () => {
    const d = 70;
    const a = withSpectrum(
      Array.from({ length: d }, (_, i) => Math.cos(i)),
      6,
    );
    const { diagonal, beside } = tridiagonalForm(a.slice(), d);
    const squares = diagonal.reduce((sum, x) => sum + x * x, 0) + 2 * beside.reduce((sum, x) => sum + x * x, 0);
    expect(squares).toBeCloseTo(
      a.reduce((sum, x) => sum + x * x, 0),
      12,
    );
  });

  it('eigenvalues of the second difference are 2 − 2 cos kπ/(d + 1)', () => {
    const d = 200;
    const values = tridiagonalEigenvalues({ diagonal: new Float64Array(d).fill(2), beside: new Float64Array(d - 1).fill(-1) });
    const known = Array.from({ length: d }, (_, i) => 2 - 2 * Math.cos(((d - i) * Math.PI) / (d + 1)));
    expect(far(values, known)).toBeLessThan(4e-14);
  });

  it('Wilkinson’s W₂₁⁺, whose largest two agree to 14 digits, keeps its trace and squares', () => {
    const values = tridiagonalEigenvalues({
      diagonal: Float64Array.from({ length: 21 }, (_, i) => Math.abs(10 - i)),
      beside: new Float64Array(20).fill(1),
    });
    expect(values[0]).toBeCloseTo(10.746194182903393, 12);
    expect(values[1]).toBeCloseTo(10.746194182903322, 12);
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(110, 11);
    expect(values.reduce((a, b) => a + b * b, 0)).toBeCloseTo(770 + 40, 10);
  });

  it('a graded matrix keeps the digits of its small eigenvalues, at either end', () => {
    // dᵢ = 10⁻²ⁱ, eᵢ = ½ 10⁻²ⁱ⁻¹: LDLᵀ with L bidiagonal; its determinant is the product of its pivots.
    const diagonal = Float64Array.from({ length: 12 }, (_, i) => 10 ** (-2 * i));
    const beside = Float64Array.from({ length: 11 }, (_, i) => 0.5 * 10 ** (-2 * i - 1));
    let pivot = diagonal[0]!;
    let logDeterminant = Math.log(pivot);
    for (let i = 1; i < 12; i++) {
      pivot = diagonal[i]! - beside[i - 1]! ** 2 / pivot;
      logDeterminant += Math.log(pivot);
    }
    for (const given of [
      { diagonal, beside },
      { diagonal: diagonal.slice().reverse(), beside: beside.slice().reverse() },
    ]) {
      const values = tridiagonalEigenvalues(given);
      expect(values.reduce((sum, x) => sum + Math.log(x), 0)).toBeCloseTo(logDeterminant, 10);
    }
  });

  it('zeros beside split it', () => {
    const values = tridiagonalEigenvalues({ diagonal: Float64Array.of(1, 2, 0, 0), beside: Float64Array.of(0, 0, 5) });
    expect(far(values, [5, 2, 1, -5])).toBeLessThan(1e-14);
  });
});
