/**
 * The losses of one point in float64, as the papers write them: unweighted, in the score. What tensor forms are held against, and on
 * which identities between objectives hold to 1e-12.
 */

/** s(x) at one point. */
export type HostScore = (x: Float64Array) => Float64Array;
type Vector = ArrayLike<number>;

const dot = (a: Vector, b: Vector): number => Array.from(a).reduce((total, value, i) => total + value * b[i]!, 0);
const along = (x: Vector, v: Vector, length: number): Float64Array => Float64Array.from(x, (value, i) => value + length * v[i]!);
const trace = (jacobian: Vector, d: number): number => Array.from({ length: d }, (_, i) => jacobian[i * d + i]!).reduce((a, b) => a + b, 0);
/** vᵀ J v. */
const form = (jacobian: Vector, v: Vector): number =>
  Array.from(v).reduce((total, vi, i) => total + vi * Array.from(v).reduce((sum, vj, j) => sum + jacobian[i * v.length + j]! * vj, 0), 0);

export const hostLosses = Object.freeze({
  /** ½ ‖s(x′) + z/σ‖², x′ = x + σ z. */
  dsm: (s: HostScore, x: Vector, z: Vector, sigma: number): number => {
    const residual = along(s(along(x, z, sigma)), z, 1 / sigma);
    return 0.5 * dot(residual, residual);
  },
  /** γ s(x′)·z/σ + ½ ‖s(x′)‖². */
  lcss: (s: HostScore, x: Vector, z: Vector, sigma: number, gamma = 1): number => {
    const at = s(along(x, z, sigma));
    return (gamma * dot(at, z)) / sigma + 0.5 * dot(at, at);
  },
  /** The misreading that takes the norm at the clean point: not a score's loss. */
  lcssCleanNorm: (s: HostScore, x: Vector, z: Vector, sigma: number): number => {
    const [noisy, clean] = [s(along(x, z, sigma)), s(Float64Array.from(x))];
    return dot(noisy, z) / sigma + 0.5 * dot(clean, clean);
  },
  /** tr J + ½ ‖s‖². */
  ism: (s: HostScore, jacobian: Vector, x: Vector): number => {
    const at = s(Float64Array.from(x));
    return trace(jacobian, x.length) + 0.5 * dot(at, at);
  },
  /** vᵀ J v + ½ (v·s)². */
  ssm: (s: HostScore, jacobian: Vector, x: Vector, v: Vector): number => form(jacobian, v) + 0.5 * dot(v, s(Float64Array.from(x))) ** 2,
  /** vᵀ J v + ½ ‖s‖². */
  ssmVr: (s: HostScore, jacobian: Vector, x: Vector, v: Vector): number => {
    const at = s(Float64Array.from(x));
    return form(jacobian, v) + 0.5 * dot(at, at);
  },
  /** c v·(s₊ − s₋) + ⅛ ‖s₊ + s₋‖², s± = s(x ± v); published with c = d/2ε² and v on the sphere of radius ε. */
  fdSsm: (s: HostScore, x: Vector, v: Vector, c: number): number => {
    const [plus, minus] = [s(along(x, v, 1)), s(along(x, v, -1))];
    const [difference, total] = [along(plus, minus, -1), along(plus, minus, 1)];
    return c * dot(v, difference) + 0.125 * dot(total, total);
  },
});
