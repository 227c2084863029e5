import {
  add,
  matMul,
  reshape,
  sub,
  tensor,
  transpose,
  variable,
  variableGrads,
  type Tensor,
  type Tensor2D,
  type Variable,
} from '@tensorflow/tfjs-core';
import { createNoise, edm, mapLevels, scaleRows, type Model, type Objective } from '@tweedie/core';
import type { Distribution } from '@tweedie/analytic';

export interface AffineFit {
  /** A of s(y) = b − A y, [d, d] row-major. */
  readonly matrix: readonly number[];
  /** b, [d]. */
  readonly offset: readonly number[];
  /** Standard errors, of the matrix and then the offset, over independent batches. */
  readonly errors: readonly number[];
}

/**
 * The affine score s(y) = b − A y that an objective is minimised by, on data of few dimensions under the schedule `edm`: for Gaussian data
 * A = (Σ + σ²I)⁻¹, b = A μ. The objective must draw one fixed level, `rho`, with λ = σ². At a fixed level its loss is a quadratic in
 * (A, b), so that Newton's step from 0 on its own gradients is its minimum; one fit a batch, averaged.
 */
export const fitAffine = async (
  objective: Objective,
  data: Distribution,
  { rows = 4000, batches = 8, seed = 31 }: { readonly rows?: number; readonly batches?: number; readonly seed?: number } = {},
): Promise<AffineFit> => {
  const d = data.dims;
  const size = d * d + d;
  const noise = createNoise(seed);
  const matrix = variable(tensor(new Float32Array(d * d), [d, d]), true);
  const offset = variable(tensor(new Float32Array(d), [d]), true);
  const model = affineModel(d, matrix as unknown as Tensor2D, offset as unknown as Tensor);
  const fits: number[][] = [];
  try {
    for (let step = 0; step < batches; step++) {
      const wanted = Math.max(rows, objective.needs.reference ?? 0);
      const points = Float32Array.from(data.sample(noise.rows(step * wanted), wanted));
      const x0 = tensor(points.subarray(0, rows * d), [rows, d]);
      const reference = objective.needs.reference === undefined ? undefined : tensor(points, [wanted, d]);
      const gradient = async (at: readonly number[]): Promise<number[]> => {
        const [m, o] = [tensor(at.slice(0, d * d), [d, d]), tensor(at.slice(d * d), [d])];
        matrix.assign(m);
        offset.assign(o);
        const batch = { x0, step, ...(reference === undefined ? {} : { reference }) };
        const { value, grads } = variableGrads(() => objective.loss(model, batch, noise), [matrix as Variable, offset as Variable]);
        const parts = [...(await grads[matrix.name]!.data()), ...(await grads[offset.name]!.data())];
        [m, o, value, ...Object.values(grads)].forEach((used) => used.dispose());
        return parts;
      };
      const start = await gradient(new Array<number>(size).fill(0));
      const columns: number[][] = [];
      for (let k = 0; k < size; k++) {
        const unit = Array.from({ length: size }, (_, i) => (i === k ? 1 : 0));
        columns.push((await gradient(unit)).map((g, i) => g - start[i]!));
      }
      const rowsOf = Array.from({ length: size }, (_, i) => columns.map((column) => column[i]!));
      fits.push(solve(rowsOf, start.map((g) => -g))); // prettier-ignore
      x0.dispose();
      reference?.dispose();
    }
  } finally {
    matrix.dispose();
    offset.dispose();
  }
  const mean = Array.from({ length: size }, (_, i) => fits.reduce((total, fit) => total + fit[i]!, 0) / batches);
  const errors = mean.map((m, i) => Math.sqrt(fits.reduce((total, fit) => total + (fit[i]! - m) ** 2, 0) / (batches * (batches - 1))));
  return { matrix: mean.slice(0, d * d), offset: mean.slice(d * d), errors };
};

/** ε̂ = −ρ (b − A y), as a model under EDM. */
const affineModel = (d: number, matrix: Tensor2D, offset: Tensor): Model => {
  const score = (y: Tensor): Tensor => reshape(sub(offset, matMul(reshape(y, [-1, d]) as Tensor2D, transpose(matrix))), y.shape);
  return {
    schedule: edm(),
    head: 'eps',
    shape: [d],
    classes: 0,
    raw: (y, rho) =>
      scaleRows(
        score(y),
        mapLevels(rho, (level) => -level),
      ),
    denoise: (y, rho) =>
      add(
        y,
        scaleRows(
          score(y),
          mapLevels(rho, (level) => level ** 2),
        ),
      ),
    doubleDifferentiable: true,
  };
};

/** Gaussian elimination with partial pivoting. */
const solve = (matrix: readonly (readonly number[])[], right: readonly number[]): number[] => {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let c = 0; c < rows.length; c++) {
    const pivot = rows.reduce((best, row, r) => (r >= c && Math.abs(row[c]!) > Math.abs(rows[best]![c]!) ? r : best), c);
    [rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!];
    for (let r = 0; r < rows.length; r++) {
      if (r === c) continue;
      const factor = rows[r]![c]! / rows[c]![c]!;
      rows[r] = rows[r]!.map((value, k) => value - factor * rows[c]![k]!);
    }
  }
  return rows.map((row, i) => row.at(-1)! / row[i]!);
};
