/**
 * The 5(4) pair of J. R. Dormand, P. J. Prince: A family of embedded Runge–Kutta formulae (J. Comput. Appl. Math. 6, 1980).
 *
 *     k_s = f(u + nodes[s] h, y + h Σ_j stages[s][j] k_j),    y' = y + h Σ_j stages[6][j] k_j,    error = h Σ_s error[s] k_s
 *
 * The last stage stands at the new point: its k is the first of the next step.
 */
export const dormandPrince = Object.freeze({
  nodes: Object.freeze([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]),
  stages: Object.freeze(
    [
      [],
      [1 / 5],
      [3 / 40, 9 / 40],
      [44 / 45, -56 / 15, 32 / 9],
      [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
      [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
      [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ].map((row): readonly number[] => Object.freeze(row)),
  ),
  /** Weights of order five less those of order four. */
  error: Object.freeze([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]),
});

/** By what a step length is multiplied after a local error, in units of what is tolerated: .9 error^(−1/5), at most a factor of 4 up and 5 down. */
export const stepFactor = (error: number): number => Math.min(4, Math.max(0.2, 0.9 * error ** -0.2));
