/**
 * Iterations until Langevin dynamics x ← x + ε m² s + √(2ε) m z has the law N(0, λ) to 1 %, mode by mode, by the exact recursion of
 * moments: of every mode the mean below .01 √λ and the variance within 1 % of the stationary λ/(1 − εq/2), q = m²/λ. It starts at
 * mean √λ and variance 10 λ of the greatest mode in all modes, with a step of 5 % of the stability limit 2/max q.
 *
 * H. Ma et al. (2302.06504): preconditioning makes q even, and so the number of iterations independent of the condition number.
 *
 * @param variances λ, the variance of each mode.
 * @param gains m² of each mode.
 */
export const langevinIterations = (variances: ArrayLike<number>, gains: ArrayLike<number>): number => {
  const modes = variances.length;
  const q = Float64Array.from({ length: modes }, (_, k) => gains[k]! / variances[k]!);
  const most = q.reduce((a, b) => Math.max(a, b));
  const top = Array.from(variances).reduce((a, b) => Math.max(a, b));
  const epsilon = 0.1 / most;
  let slowest = 0;
  for (let k = 0; k < modes; k++) {
    const [lambda, factor] = [variances[k]!, 1 - epsilon * q[k]!];
    const stationary = lambda / (1 - (epsilon * q[k]!) / 2);
    // After n iterations: mean √λ_max fⁿ, variance v∞ + (10 λ_max − v∞) f²ⁿ.
    const ofMean = Math.log((0.01 * Math.sqrt(lambda)) / Math.sqrt(top)) / Math.log(factor);
    const ofVariance = Math.log((0.01 * stationary) / Math.abs(10 * top - stationary)) / (2 * Math.log(factor));
    slowest = Math.max(slowest, Math.ceil(ofMean), Math.ceil(ofVariance));
  }
  return slowest;
};
