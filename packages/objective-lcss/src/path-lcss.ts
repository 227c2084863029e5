import { add, addN, mul, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { predictedNoise, scaleRows, STREAM, tweedieError, uniformTimeLaw, type Objective, type Process } from '@tweedie/core';
import { z } from 'zod';
import { lcss, perturbations, stein, steinOptions } from './lcss.ts';

/**
 * Local curvature smoothing along simulated paths: eq. 18 of G. Osada, M. Shing, T. Nishide (2412.03962) at x_t of any forward process.
 *
 *     x_t ~ the process, simulated from x₀        x′± = x_t ± τ z
 *     L = E_t ½ Σ± τ² [ ± γ s(x′±, t)·z/τ + ½ ‖s(x′±, t)‖² ]
 *
 * No kernel p(x_t | x₀) is used, so that the drift need not be affine (the limitation of §6). The minimiser is the score of
 * p_t ∗ N(0, τ²I), which tends to that of p_t as τ → 0. One draw has a variance of ‖s‖²/τ²; the pair ±z removes it.
 *
 * The model's schedule is a clock here: its ρ(t) tells the network the time, and α(t), σ(t) are the units of its heads.
 */
const pathOptions = z.strictObject({
  ...steinOptions,
  tau: z.number().positive().default(0.05),
  antithetic: z.boolean().default(true),
});

export interface PathLcssOptions extends z.input<typeof pathOptions> {
  /** The forward process; see `simulated` of `@tweedie/core`. */
  readonly process: Process;
}

/**
 * Local curvature smoothing of a forward process that can only be simulated. `tau` (default 0.05, in units of x) is how far the learnt
 * score is smoothed; `antithetic` (default true) pairs z with −z. t is uniform over the times of the model's schedule.
 */
export const pathLcss = ({ process, ...options }: PathLcssOptions): Objective => {
  const parsed = pathOptions.safeParse(options);
  if (!parsed.success)
    throw tweedieError({
      subject: 'path-lcss',
      problem: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    });
  const { gamma, draws, tau, antithetic } = parsed.data;
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'path-lcss',
    needs: Object.freeze({ derivatives: 1, kernel: false }),
    reference: lcss().reference,
    loss: (model, { x0, label, step }, noise) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const { schedule } = model;
        const rho = uniformTimeLaw(schedule).levels(rows, noise, step);
        const t = rho.map((level) => schedule.timeOf(level));
        const xt = process.simulate(x0, t, noise, step);
        // λ = τ², in units of the clock's σ².
        const [ratio, weight] = [t.map((at) => tau / schedule.sigma(at)), new Float64Array(rows).fill(1)];
        const terms = perturbations(draws, antithetic).map(({ draw, sign }) => {
          const z: Tensor = mul(noise.normal(x0.shape, { stream: STREAM.perturb, step, draw }), sign);
          const y = scaleRows(
            add(xt, mul(z, tau)),
            t.map((at) => 1 / schedule.alpha(at)),
          );
          return stein(predictedNoise(model, { y, rho, label }), z, { ratio, weight, gamma });
        });
        return mul(addN(terms), 1 / (rows * terms.length));
      }),
  });
};
