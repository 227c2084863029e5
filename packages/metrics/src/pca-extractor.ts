import { matMul, reshape, sub, tensor1d, tensor2d, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError, type Dataset, type Extractor } from '@tweedie/core';
import { hashOf } from './sha256.ts';
import { principalComponents } from './principal-components.ts';
import { chooseRows } from './reference.ts';

export interface PcaExtractorOptions {
  /** Components to project on, those of the largest variance. Default 64, or all where there are fewer. */
  readonly dims?: number;
  /** Which rows are taken. Default 0. */
  readonly seed?: bigint;
  /** Rows of the data set that the components are of. Default 1000, or all where there are fewer. */
  readonly rows?: number;
}

/**
 * Projections on the principal components of real rows as features: images [B, …shape] → (x − μ) V, [B, dims].
 *
 * No network is trained and any data set has one, so it stands beside a classifier's features as a check without one: it sees the
 * large shapes that carry the variance (blur, blends, blocks out of place, colours), not what is in a picture, and hardly noise, which
 * is spread over all directions and small beside these few. In the full basis a Fréchet distance is that of the pixels. Rounds
 * nothing: values between the 256 levels count.
 *
 * The basis is the eigenvectors of the d × d covariance or, where there are fewer rows than dimensions, of the rows' Gram matrix
 * (float64 on the host); of each, the entry of the largest size is positive. The id carries the number of components and the first 8
 * hex digits of the SHA-256 of μ and V in float32: `pca64-1a2b3c4d`. Take the basis from the training split, or state that it is the
 * reference's own. @throws on a data set that has not so many rows, and on more components than its rows span.
 */
export const pcaExtractor = async (
  dataset: Pick<Dataset, 'id' | 'shape' | 'size' | 'rows'>,
  options: PcaExtractorOptions = {},
): Promise<Extractor> => {
  const { shape, size } = dataset;
  const width = shape.reduce((product, n) => product * n, 1);
  const { seed = 0n, rows = Math.min(1000, size) } = options;
  const { dims = Math.min(64, width, rows - 1) } = options;
  const subject = `pcaExtractor of ${dataset.id}`;
  if (!(Number.isInteger(rows) && rows >= 2 && rows <= size))
    throw tweedieError({ subject, problem: 'rows does not fit the data', got: rows, expected: `2 to ${size}` });
  const most = Math.min(width, rows - 1);
  if (!(Number.isInteger(dims) && dims >= 1 && dims <= most)) {
    throw tweedieError({
      subject,
      problem: 'there are not so many components',
      got: dims,
      expected: `1 to ${most}, for ${rows} rows of ${width} numbers`,
      remedy: 'lower dims or raise rows',
    });
  }
  const { images } = dataset.rows(chooseRows(size, rows, seed));
  const found = principalComponents(images, width, dims);
  const [mean, basis] = [Float32Array.from(found.mean), Float32Array.from(found.basis)];
  const id = `pca${dims}-${await hashOf(new Uint8Array(mean.buffer), new Uint8Array(basis.buffer))}`;
  return Object.freeze<Extractor>({
    id,
    dims,
    features: (given) => {
      const [count, ...got] = given.shape;
      if (got.join() !== shape.join()) {
        throw tweedieError({
          subject: id,
          problem: 'the images have another shape',
          got,
          expected: `[${shape.join(', ')}]`,
          remedy: 'use an extractor made for these images',
        });
      }
      return tidy(() => {
        const flat = reshape(given, [count!, width]) as Tensor2D;
        return matMul<Tensor2D>(sub<Tensor2D>(flat, tensor1d(mean)), tensor2d(basis, [width, dims]));
      });
    },
  });
};
