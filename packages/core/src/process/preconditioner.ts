import type { Formula } from '../contracts/formula.ts';
import type { Preconditioner } from '../contracts/preconditioner.ts';
import { formula, LEVEL as RHO } from './formula.ts';

const { add, div, hypot, log, mul } = formula;
const square = (f: Formula): Formula => mul(f, f);

/** EDM (2206.00364, §5): unit-variance input and target at every level. Head x₀: the prediction is D itself. */
export const edmPreconditioner = ({ sigmaData = 0.5 }: { readonly sigmaData?: number } = {}): Preconditioner =>
  Object.freeze<Preconditioner>({
    id: `edm(${sigmaData})`,
    head: 'x0',
    sigmaData,
    at: (rho) => {
      const total = Math.sqrt(rho * rho + sigmaData * sigmaData);
      return { skip: (sigmaData / total) ** 2, out: (rho * sigmaData) / total, in: 1 / total, noise: Math.log(rho) / 4 };
    },
    formulas: () => {
      const total = hypot(RHO, sigmaData);
      return { skip: square(div(sigmaData, total)), out: div(mul(RHO, sigmaData), total), in: div(1, total), noise: div(log(RHO), 4) };
    },
  });

/** The network predicts ε from x scaled to unit variance, as DDPM: D = y − ρ F. */
export const epsPreconditioner = (): Preconditioner =>
  Object.freeze<Preconditioner>({
    id: 'eps',
    head: 'eps',
    at: (rho) => ({ skip: 1, out: -rho, ...seen(rho) }),
    formulas: () => ({ skip: 1, out: mul(-1, RHO), ...SEEN }),
  });

/** The network predicts x₀: D = F. */
export const x0Preconditioner = (): Preconditioner =>
  Object.freeze<Preconditioner>({
    id: 'x0',
    head: 'x0',
    at: (rho) => ({ skip: 0, out: 1, ...seen(rho) }),
    formulas: () => ({ skip: 0, out: 1, ...SEEN }),
  });

/** The network predicts the score of x_t: x̂₀ = (x + σ² s)/α, so D = y + (σ²/α) F. */
export const scorePreconditioner = (): Preconditioner =>
  Object.freeze<Preconditioner>({
    id: 'score',
    head: 'score',
    at: (rho, schedule) => ({ skip: 1, out: rho * schedule.sigma(schedule.timeOf(rho)), ...seen(rho) }),
    formulas: ({ alphaOfRho: alpha }) => (alpha === undefined ? undefined : { skip: 1, out: mul(square(RHO), alpha), ...SEEN }),
  });

/** The network predicts v = α ε − σ x₀ (T. Salimans, J. Ho: Progressive Distillation, 2202.00512, §4), for any α, σ: x₀ = (α x − σ v)/(α² + σ²). */
export const vPreconditioner = (): Preconditioner =>
  Object.freeze<Preconditioner>({
    id: 'v',
    head: 'v',
    at: (rho, schedule) => {
      const t = schedule.timeOf(rho);
      const alpha = schedule.alpha(t);
      const sigma = schedule.sigma(t);
      const total = alpha * alpha + sigma * sigma;
      return { skip: (alpha * alpha) / total, out: -sigma / total, ...seen(rho) };
    },
    // α² + σ² = α² (1 + ρ²)
    formulas: ({ alphaOfRho: alpha }) => {
      const total = add(1, square(RHO));
      return alpha === undefined ? undefined : { skip: div(1, total), out: div(mul(-1, RHO), mul(alpha, total)), ...SEEN };
    },
  });

/** Input of unit variance where the data have it, 1/√(1 + ρ²) = α under VP; the level as ¼ log ρ, like EDM, under every schedule. */
const seen = (rho: number): { in: number; noise: number } => ({ in: 1 / Math.sqrt(1 + rho * rho), noise: Math.log(rho) / 4 });
const SEEN = Object.freeze({ in: div(1, hypot(1, RHO)), noise: div(log(RHO), 4) });
