import {
  add,
  matMul,
  mul,
  reshape,
  sub,
  tanh,
  tidy,
  transpose,
  variable,
  tensor,
  type Tensor,
  type Tensor2D,
  type Variable,
} from '@tensorflow/tfjs-core';
import { createNoise, mapLevels, scaleRows, type Head, type Model, type Schedule } from '@tweedie/core';

/** A small network whose value and Jacobian are known in float64 on the host, and the same as a differentiable model. */
export interface TanhScore {
  readonly dims: number;
  /** ε̂(y, ρ) at one point. */
  eps(y: ArrayLike<number>, rho: number): Float64Array;
  /** ∂ε̂/∂y at one point, [d, d] row-major. */
  jacobian(y: ArrayLike<number>, rho: number): Float64Array;
  /** The same network as tensors, read as any head. Its gradients are taken in `variables`. */
  model(schedule: Schedule, head: Head, sigmaData?: number): Model;
  /** W₁, b₁, W₂, b₂. */
  readonly variables: readonly Variable[];
  dispose(): void;
}

/**
 * ε̂(y, ρ) = W₂ tanh(W₁ y/√(1 + ρ²) + b₁ ln ρ) + b₂ with random weights: nonlinear in y, so that traces, norms and their gradients
 * cannot be right by chance; smooth, so that they are right to rounding.
 */
export const tanhScore = ({
  dims,
  width = 7,
  seed = 3,
}: {
  readonly dims: number;
  readonly width?: number;
  readonly seed?: number;
}): TanhScore => {
  const noise = createNoise(seed);
  const draw = (rows: number, columns: number, draw: number): Float64Array =>
    noise.hostNormal([rows, columns], { stream: 1, draw }).map((z) => Math.fround((0.9 * z) / Math.sqrt(columns)));
  const [w1, b1, w2, b2] = [draw(width, dims, 0), draw(width, 1, 1), draw(dims, width, 2), draw(dims, 1, 3)];
  const scale = (rho: number): number => 1 / Math.sqrt(1 + rho * rho);

  const hidden = (y: ArrayLike<number>, rho: number): Float64Array =>
    Float64Array.from({ length: width }, (_, k) => {
      let total = b1[k]! * Math.log(rho);
      for (let i = 0; i < dims; i++) total += w1[k * dims + i]! * y[i]! * scale(rho);
      return Math.tanh(total);
    });
  const variables = [
    variable(tensor(Float32Array.from(w1), [width, dims]), true),
    variable(tensor(Float32Array.from(b1), [1, width]), true),
    variable(tensor(Float32Array.from(w2), [dims, width]), true),
    variable(tensor(Float32Array.from(b2), [1, dims]), true),
  ] as unknown as readonly [Variable, Variable, Variable, Variable];

  const epsOf = (y: Tensor, rho: number | Float64Array): Tensor => {
    const [v1, c1, v2, c2] = variables as unknown as readonly [Tensor2D, Tensor2D, Tensor2D, Tensor2D];
    const rows = y.shape[0]!;
    const flat = reshape(y, [rows, dims]) as Tensor2D;
    const levels = typeof rho === 'number' ? new Float64Array(rows).fill(rho) : rho;
    const logs = tensor(Float32Array.from(levels, Math.log), [rows, 1]);
    const inner = add(matMul(scaleRows(flat, levels.map(scale)), transpose(v1)), mul(logs, c1));
    return reshape(add(matMul(tanh(inner) as Tensor2D, transpose(v2)), c2), y.shape);
  };

  return Object.freeze<TanhScore>({
    dims,
    variables,
    eps: (y, rho) => {
      const h = hidden(y, rho);
      return Float64Array.from({ length: dims }, (_, i) => h.reduce((total, hk, k) => total + w2[i * width + k]! * hk, b2[i]!));
    },
    jacobian: (y, rho) => {
      const h = hidden(y, rho);
      const out = new Float64Array(dims * dims);
      for (let i = 0; i < dims; i++)
        for (let j = 0; j < dims; j++)
          for (let k = 0; k < width; k++) out[i * dims + j]! += w2[i * width + k]! * (1 - h[k]! ** 2) * w1[k * dims + j]! * scale(rho);
      return out;
    },
    model: (schedule, head, sigmaData) => {
      const denoise: Model['denoise'] = (y, rho) => tidy(() => sub(y, scaleRows(epsOf(y, rho), rho)));
      const scaled = (x: Tensor, rho: number | Float64Array, factor: (alpha: number, sigma: number) => number): Tensor =>
        scaleRows(
          x,
          mapLevels(rho, (at) => factor(schedule.alpha(schedule.timeOf(at)), schedule.sigma(schedule.timeOf(at)))),
        );
      const raw: Model['raw'] = (y, rho) =>
        tidy(() => {
          switch (head) {
            case 'x0':
              return denoise(y, rho);
            case 'eps':
              return epsOf(y, rho);
            case 'score':
              return scaled(epsOf(y, rho), rho, (_, sigma) => -1 / sigma);
            case 'v':
              return sub(
                scaled(epsOf(y, rho), rho, (alpha) => alpha),
                scaled(denoise(y, rho), rho, (_, sigma) => sigma),
              );
          }
        });
      return Object.freeze<Model>({
        schedule,
        head,
        shape: [dims],
        classes: 0,
        ...(sigmaData === undefined ? {} : { sigmaData }),
        raw,
        denoise,
        doubleDifferentiable: true,
      });
    },
    dispose: () => variables.forEach((each) => each.dispose()),
  });
};
