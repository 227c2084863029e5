import { add, reshape, slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import { STREAM } from '../contracts/noise.ts';
import type { Process } from '../contracts/schedule.ts';
import { scaleRows } from './scale-rows.ts';

export interface SimulatedOptions {
  readonly id: string;
  /** f(x, t) of dx = f dt + g dw, row by row; need not be affine. */
  readonly drift: (x: Tensor, t: Float64Array) => Tensor;
  /** g(t), float64. */
  readonly diffusion: (t: number) => number;
  /** Euler–Maruyama steps from 0 to t. */
  readonly steps: number;
}

/**
 * A forward process dx = f(x, t) dt + g(t) dw from t = 0, by Euler–Maruyama: each row in `steps` equal steps to its own time
 * (weak order 1). No kernel p(x_t | x₀) is needed, and none is known. Row i depends on row i of the noise alone.
 */
export const simulated = ({ id, drift, diffusion, steps }: SimulatedOptions): Process => {
  if (!Number.isInteger(steps) || steps < 1)
    throw tweedieError({ subject: id, problem: 'a process is simulated in steps', got: steps, expected: 'an integer ≥ 1' });
  return Object.freeze<Process>({
    id,
    simulate: (x0, t, noise, step) =>
      tidy(() => {
        const rows = x0.shape[0]!;
        const size = x0.size / rows;
        const z = noise.normal([rows, steps * size], { stream: STREAM.process, step });
        let x = x0;
        for (let k = 0; k < steps; k++) {
          const at = t.map((end) => (k * end) / steps);
          const own = reshape(slice(z, [0, k * size], [rows, size]), x0.shape);
          x = add(
            add(
              x,
              scaleRows(
                drift(x, at),
                t.map((end) => end / steps),
              ),
            ),
            scaleRows(
              own,
              t.map((end, i) => diffusion(at[i]!) * Math.sqrt(end / steps)),
            ),
          );
        }
        return x;
      }),
  });
};
