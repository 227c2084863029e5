import { add, mul, square, sub, sum, type Scalar, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Model } from '../contracts/model.ts';
import { scaleRows } from './scale-rows.ts';

/** Where a model is asked: noisy points y = x_t/α, their levels, their labels. */
export interface At {
  readonly y: Tensor;
  readonly rho: Float64Array;
  readonly label?: Tensor2D | undefined;
}

/** What a model is asked to predict, in both forms that heads are made of: a clean point and the noise beside it, y = x₀ + ρ ε. */
export interface Target {
  readonly x0: Tensor;
  readonly eps: Tensor;
}

/**
 * The residual of a model's own head, and by what each row of it must be multiplied to be ε̂ − ε (up to sign):
 *
 *     eps  ε̂ − ε        score  σ s + ε        x0  (D − x₀)/ρ        v  α (v̂ − v)/(α² + σ²)
 *
 * Nothing is divided by σ², and the multiplier is a float64 number of the host. Differentiable in the model.
 */
export const residualOf = (model: Model, { y, rho, label }: At, { x0, eps }: Target): { residual: Tensor; unit: Float64Array } => {
  const prediction = model.raw(y, rho, label);
  const { alpha, sigma } = kernelAt(model, rho);
  switch (model.head) {
    case 'x0':
      return { residual: sub(prediction, x0), unit: rho.map((level) => 1 / level) };
    case 'eps':
      return { residual: sub(prediction, eps), unit: rho.map(() => 1) };
    case 'score':
      return { residual: add(scaleRows(prediction, sigma), eps), unit: rho.map(() => 1) };
    case 'v':
      // v = α ε − σ x₀ and x₀ = (α x_t − σ v)/(α² + σ²), so (D − x₀)/ρ = −α (v̂ − v)/(α² + σ²).
      return {
        residual: sub(prediction, sub(scaleRows(eps, alpha), scaleRows(x0, sigma))),
        unit: alpha.map((a, i) => a / (a ** 2 + sigma[i]! ** 2)),
      };
    default:
      return unknownHead(model.head);
  }
};

/** ε̂(y, ρ) = −σ s, whatever the head: what every objective and sampler is about. Differentiable in y and in the model. */
export const predictedNoise = (model: Model, { y, rho, label }: At): Tensor => {
  const prediction = model.raw(y, rho, label);
  const { alpha, sigma } = kernelAt(model, rho);
  switch (model.head) {
    case 'eps':
      return prediction;
    case 'score':
      return scaleRows(
        prediction,
        sigma.map((s) => -s),
      );
    case 'x0':
      return scaleRows(
        sub(y, prediction),
        rho.map((level) => 1 / level),
      );
    case 'v': {
      // ε = (σ x_t + α v)/(α² + σ²), x_t = α y
      const total = alpha.map((a, i) => a ** 2 + sigma[i]! ** 2);
      const fromY = scaleRows(
        y,
        alpha.map((a, i) => (a * sigma[i]!) / total[i]!),
      );
      return add(
        fromY,
        scaleRows(
          prediction,
          alpha.map((a, i) => a / total[i]!),
        ),
      );
    }
    default:
      return unknownHead(model.head);
  }
};

/** x₀ + ρ z, row by row. */
export const noised = (x0: Tensor, z: Tensor, rho: Float64Array): Tensor => add(x0, scaleRows(z, rho));

/** Σ over rows and coordinates of ½ w ‖u r‖², the weights float64 and applied before the square. `unit` is 1 without it. */
export const halfSquares = (residual: Tensor, weight: Float64Array, unit?: Float64Array): Scalar =>
  sum<Scalar>(
    square(
      scaleRows(
        residual,
        weight.map((w, i) => Math.sqrt(0.5 * w) * (unit?.[i] ?? 1)),
      ),
    ),
  );

/** Σ over rows and coordinates of w a·b. */
export const dots = (a: Tensor, b: Tensor, weight: Float64Array): Scalar => sum<Scalar>(mul(a, scaleRows(b, weight)));

const kernelAt = ({ schedule }: Model, rho: Float64Array): { alpha: Float64Array; sigma: Float64Array } => {
  const t = rho.map((level) => schedule.timeOf(level));
  return { alpha: t.map((at) => schedule.alpha(at)), sigma: t.map((at) => schedule.sigma(at)) };
};

const unknownHead = (head: never): never => {
  throw tweedieError({
    subject: 'model',
    problem: 'the head is none that an objective knows',
    got: head,
    expected: 'x0, eps, score or v',
    remedy: 'choose a preconditioner with one of these heads',
  });
};
