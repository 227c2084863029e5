/**
 * The exact score of the noised checkerboard.
 *
 * Points are uniform on the cells of a 4 × 4 board over [−1, 1]² whose row and column are both even or both odd, so that the noised density
 * is p(x, y; ρ) = ½ [e(x) e(y) + o(x) o(y)], with e and o those of one coordinate, uniform on the even and on the odd columns:
 *
 *     e(x) = Σ over even columns [a, b] of Φ((x − a)/ρ) − Φ((x − b)/ρ),     e′(x) = Σ [φ((x − a)/ρ) − φ((x − b)/ρ)]/ρ
 */
const COLUMNS = { even: [-1, 0], odd: [-0.5, 0.5] } as const;
const WIDTH = 0.5;

/** ∇ log p(·; ρ) at points [n, 2]. */
export const checkerboardScore = (points: ArrayLike<number>, rho: number): Float64Array => {
  const scores = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    const [ex, ox] = [along(COLUMNS.even, points[i]!, rho), along(COLUMNS.odd, points[i]!, rho)];
    const [ey, oy] = [along(COLUMNS.even, points[i + 1]!, rho), along(COLUMNS.odd, points[i + 1]!, rho)];
    const density = ex.value * ey.value + ox.value * oy.value;
    scores[i] = (ex.slope * ey.value + ox.slope * oy.value) / density;
    scores[i + 1] = (ex.value * ey.slope + ox.value * oy.slope) / density;
  }
  return scores;
};

const along = (from: readonly number[], x: number, rho: number): { readonly value: number; readonly slope: number } => {
  let [value, slope] = [0, 0];
  for (const a of from) {
    const [lower, upper] = [(x - a) / rho, (x - a - WIDTH) / rho];
    value += normalMass(upper, lower);
    slope += (bell(lower) - bell(upper)) / rho;
  }
  return { value, slope };
};

const bell = (z: number): number => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

/** Φ(b) − Φ(a), a ≤ b; to full relative precision in the tails too. */
const normalMass = (a: number, b: number): number => {
  if (a > 3) return upperTail(a) - upperTail(b);
  if (b < -3) return upperTail(-b) - upperTail(-a);
  return central(b) - central(a);
};

/** Φ(z) − ½: φ(z) Σ z^(2k+1)/(2k+1)!!, whose terms have one sign; beyond 8 it is ±½ to the last digit. */
const central = (z: number): number => {
  if (Math.abs(z) > 8) return 0.5 * Math.sign(z);
  let [sum, term] = [z, z];
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return bell(z) * sum;
};

/** 1 − Φ(z), z > 3: Laplace's continued fraction φ(z)/(z + 1/(z + 2/(z + …))). */
const upperTail = (z: number): number => {
  let rest = z;
  for (let k = 60; k > 0; k--) rest = z + k / rest;
  return bell(z) / rest;
};
