import { add, addN, mul, sub, tidy } from '@tensorflow/tfjs-core';
import {
  checkNoiseSettings,
  dots,
  drawLevels,
  halfSquares,
  noised,
  noiseOptions,
  predictedNoise,
  STREAM,
  type Objective,
} from '@tweedie/core';
import { z } from 'zod';
import { unitDirection } from './projections.ts';

/**
 * Finite-difference sliced score matching. T. Pang, K. Xu, C. Li, Y. Song, S. Ermon, J. Zhu: Efficient Learning of Generative Models
 * via Finite-Difference Score Matching (2007.03317), §4, the variance-reduced form, at x_t and times λ = σ² as in the authors' NCSN.
 *
 *     L = mean λ(t) [ (d/2ε²) v·(s₊ − s₋) + ⅛ ‖s₊ + s₋‖² ],     s± = s(x_t ± v, t),   v uniform on the sphere of radius ε
 *
 * In y = x_t/α with ε̂ = −σ s, h = ε/σ and u = v/ε:
 *
 *     L = mean (λ/σ²) [ −(d/2h) u·(ε̂₊ − ε̂₋) + ⅛ ‖ε̂₊ + ε̂₋‖² ],     ε̂± = ε̂(y ± h ρ u).
 *
 * First order only. Exact for a linear score; else off by O(ε²). The norm sees the mean of ε̂± alone, so that a component of
 * the score with half a period of ε is rewarded and not penalised: keep ε small against the length over which the score changes.
 */
const reference = `@inproceedings{pang2020efficient,
  title     = {Efficient Learning of Generative Models via Finite-Difference Score Matching},
  author    = {Pang, Tianyu and Xu, Kun and Li, Chongxuan and Song, Yang and Ermon, Stefano and Zhu, Jun},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {33},
  year      = {2020},
  eprint    = {2007.03317},
  archivePrefix = {arXiv}
}`;

export const fdSsmOptions = z.strictObject({
  ...noiseOptions,
  epsilon: z.number().positive().default(0.1).describe('Length of the finite difference, in units of x; of σ where `relative`'),
  relative: z.boolean().default(false).describe('Whether `epsilon` grows with σ: ε = epsilon · σ at every level'),
  projections: z.int().min(1).max(256).default(1).describe('Directions a row, averaged'),
});
export type FdSsmOptions = z.input<typeof fdSsmOptions>;

/**
 * Finite-difference sliced score matching: two evaluations, first-order gradients. Uses samples of x_t alone, never its kernel.
 * At the optimum the value is about −½ λ I(p_t) a level: negative. Not for half precision: the difference is of order ε/σ.
 */
export const fdSsm = (options: FdSsmOptions = {}): Objective => {
  const { epsilon, relative, projections, ...noiseSettings } = fdSsmOptions.parse(options);
  const settings = checkNoiseSettings('fd-ssm', noiseSettings);
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'fd-ssm',
    needs: Object.freeze({ derivatives: 1, kernel: false }),
    reference,
    loss: (model, { x0, label, step }, noise) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const size = x0.size / rows;
        const { schedule } = model;
        const { rho, weight } = drawLevels('fd-ssm', settings, model, rows, noise, step);
        const y = noised(x0, noise.normal(x0.shape, { stream: STREAM.perturb, step }), rho);
        const h = rho.map((level) => (relative ? epsilon : epsilon / schedule.sigma(schedule.timeOf(level))));
        const parts = Array.from({ length: projections }, (_, draw) => {
          const u = unitDirection(noise, x0.shape, { step, draw });
          // Two calls, not one of twice the rows: row i of dropout stays row i.
          const [plus, minus] = [1, -1].map((sign) =>
            predictedNoise(model, {
              y: noised(
                y,
                u,
                h.map((each, i) => sign * each * rho[i]!),
              ),
              rho,
              label,
            }),
          ) as [typeof y, typeof y];
          const trace = dots(
            sub(plus, minus),
            u,
            weight.map((w, i) => (-w * size) / (2 * h[i]!)),
          );
          return add(trace, halfSquares(mul(add(plus, minus), 0.5), weight));
        });
        return mul(addN(parts), 1 / (rows * projections));
      }),
  });
};
