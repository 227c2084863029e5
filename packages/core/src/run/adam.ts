import { add, div, mul, sqrt, square, sub, tidy } from '@tensorflow/tfjs-core';
import type { Optimizer, Rate } from '../contracts/optimizer.ts';

/**
 * Adam, and AdamW where `weightDecay` > 0.
 *
 *   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   θ ← θ − η [ m̂ / (√v̂ + ε) + λ θ ],   m̂ = m/(1 − β₁ᵏ), v̂ = v/(1 − β₂ᵏ)
 *
 * D. Kingma, J. Ba: Adam (1412.6980), algorithm 1; I. Loshchilov, F. Hutter: Decoupled Weight Decay (1711.05101), algorithm 2.
 * Bias corrections are float64 from the step, never accumulated: what is stored is the whole state.
 */
export const adam = ({
  rate,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0,
}: {
  readonly rate: number | Rate;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}): Optimizer =>
  Object.freeze<Optimizer>({
    id: `adam(${beta1},${beta2},${epsilon},${weightDecay})`,
    slots: ['m', 'v'],
    update: (parameters, gradient, { m, v }, step) =>
      tidy(() => {
        const eta = typeof rate === 'number' ? rate : rate(step);
        const correction1 = 1 - beta1 ** (step + 1);
        const correction2 = 1 - beta2 ** (step + 1);
        const m1 = add(mul(m!, beta1), mul(gradient, 1 - beta1));
        const v1 = add(mul(v!, beta2), mul(square(gradient), 1 - beta2));
        // m̂/(√v̂ + ε) = (√c₂/c₁) m / (√v + ε √c₂)
        const root2 = Math.sqrt(correction2);
        const change = mul(div(m1, add(sqrt(v1), epsilon * root2)), (eta * root2) / correction1);
        const kept = weightDecay === 0 ? parameters : mul(parameters, 1 - eta * weightDecay);
        return { parameters: sub(kept, change), slots: { m: m1, v: v1 } };
      }),
  });
