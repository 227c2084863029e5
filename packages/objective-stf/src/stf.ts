import {
  add,
  concat,
  fill,
  matMul,
  mul,
  reshape,
  slice,
  sub,
  tidy,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { logAllowed, posterior } from '@tweedie/analytic';
import {
  checkNoiseSettings,
  detached,
  drawLevels,
  halfSquares,
  noised,
  noiseOptions,
  residualOf,
  scaleRows,
  STREAM,
  tweedieError,
  type Batch,
  type Objective,
} from '@tweedie/core';
import { z } from 'zod';

/**
 * Stable target field. Y. Xu, S. Tong, T. Jaakkola (2302.00670), §3, eqs. 5–6.
 *
 *     x_t = α x_i + σ z,    {x_k} a reference batch of n data points, x_i among them
 *     w_k = softmax_k ( −‖x_t − α x_k‖²/2σ² ),    x̄ = Σ_k w_k x_k
 *     L = mean over rows of ½ λ ‖s − Σ_k w_k ∇log p(x_t | x_k)‖²
 *
 * Denoising score matching with another target: x₀ ← x̄ and, since x_t = α x̄ + σ ε̄ defines it, z ← ε̄ = z + (x_i − x̄)/ρ. In
 * y = x_t/α the weights are softmax(−‖y − x_k‖²/2ρ²). The target is a constant: no gradient passes through it. With labels, the
 * reference points of another class have weight 0, and a row without a label has them all.
 */
const reference = `@inproceedings{xu2023stable,
  title     = {Stable Target Field for Reduced Variance Score Estimation in Diffusion Models},
  author    = {Xu, Yilun and Tong, Shangyuan and Jaakkola, Tommi},
  booktitle = {International Conference on Learning Representations},
  year      = {2023},
  eprint    = {2302.00670},
  archivePrefix = {arXiv}
}`;

export const stfOptions = z.strictObject({
  ...noiseOptions,
  reference: z.int().min(1).default(1024).describe('Size n of the reference batch, the mini-batch its first rows'),
  chunk: z.int().min(1).optional().describe('Reference points that are weighed at a time; without it 4096, fewer where points are large'),
});
export type StfOptions = z.input<typeof stfOptions>;

/**
 * Stable target field: the target of each row averaged over a reference batch that contains the row itself. Unbiased for every n;
 * n = batch = 1 is denoising score matching. Rows are coupled through the reference by design.
 *
 * Errors: no reference, one smaller than the batch, labels without labels of the reference.
 */
export const stf = (options: StfOptions = {}): Objective => {
  const { reference: size, chunk, ...noiseSettings } = stfOptions.parse(options);
  const settings = checkNoiseSettings('stf', noiseSettings);
  return Object.freeze<Objective>({
    kind: 'objective',
    api: 1,
    name: 'stf',
    needs: Object.freeze({ derivatives: 1, kernel: true, reference: size }),
    reference,
    loss: (model, batch, noise, note) =>
      tidy(() => {
        const { x0, label, step } = batch;
        const rows = x0.shape[0]!;
        const { rho, weight } = drawLevels('stf', settings, model, rows, noise, step);
        const z = noise.normal(x0.shape, { stream: STREAM.perturb, step });
        const y = noised(x0, z, rho);
        const { x0: average, ess } = stableTarget(y, rho, batch, { chunk });
        note?.({ ess: { values: ess, rho } });
        // ε̄ = (y − x̄)/ρ, in the form that is z itself where x̄ = x₀.
        const eps = add(
          z,
          scaleRows(
            sub(x0, average),
            rho.map((level) => 1 / level),
          ),
        );
        const { residual, unit } = residualOf(model, { y, rho, label }, { x0: average, eps });
        return mul(halfSquares(residual, weight, unit), 1 / rows);
      }),
  });
};

/**
 * x̄ of each row of `y` [B, …] at `rho`, over the reference of the batch, and the effective number of points that it is made of, [B].
 * Constants: no gradient passes. Holds B × chunk numbers and one chunk of points beside what it is given. The tensors are the caller's.
 */
export const stableTarget = (
  y: Tensor,
  rho: Float64Array,
  batch: Pick<Batch, 'x0' | 'label' | 'reference' | 'referenceLabel'>,
  { chunk }: { readonly chunk?: number | undefined } = {},
): { readonly x0: Tensor; readonly ess: Tensor1D } => {
  const points = checkReference(batch);
  const { label, referenceLabel } = batch;
  const rows = y.shape[0]!;
  const size = y.size / rows;
  const [x0, ess] = tidy(() => {
    const both = detached(
      (noisy, reference) => {
        const flat = reshape(reference, [-1, size]) as Tensor2D;
        // Around the mean float32 loses the fewest digits. (Reducing the first axis is slow on some engines; a product is not.)
        const centre: Tensor2D = matMul(fill([1, points.shape[0]!], 1 / points.shape[0]!), flat);
        const allowed =
          label === undefined || referenceLabel === undefined ? undefined : logAllowed(label, matMul(label, referenceLabel, false, true));
        const { mean: average, ess } = posterior(sub(reshape(noisy, [rows, size]), centre), rho, flat, {
          allowed,
          origin: centre,
          ...(chunk === undefined ? {} : { chunk }),
        });
        return concat([add<Tensor2D>(average, centre), ess], 1);
      },
      y,
      points,
    );
    return [reshape(slice(both, [0, 0], [rows, size]), y.shape), reshape(slice(both, [0, size], [rows, 1]), [rows])] as [Tensor, Tensor1D];
  });
  return { x0, ess };
};

const checkReference = ({ x0, label, reference, referenceLabel }: Pick<Batch, 'x0' | 'label' | 'reference' | 'referenceLabel'>): Tensor => {
  const [rows, n] = [x0.shape[0]!, reference?.shape[0] ?? 0];
  if (reference === undefined || n < rows)
    throw tweedieError({
      subject: 'stf',
      problem: reference === undefined ? 'there is no reference batch' : 'the reference batch is smaller than the batch',
      got: reference === undefined ? 'a batch without `reference`' : n,
      expected: `at least ${rows} points, the mini-batch the first of them`,
      remedy: 'make the feed with `reference`, or lower the batch size',
    });
  if (reference.shape.slice(1).join() !== x0.shape.slice(1).join())
    throw tweedieError({
      subject: 'stf',
      problem: 'the reference batch has another shape than the batch',
      got: reference.shape,
      expected: `[n, ${x0.shape.slice(1).join(', ')}]`,
    });
  if (label !== undefined && referenceLabel === undefined)
    throw tweedieError({
      subject: 'stf',
      problem: 'the reference batch has no labels',
      expected: 'one-hot rows, since the batch has some',
      remedy: 'give `referenceLabel`: a target averaged over other classes is the target of no class',
    });
  return reference;
};
