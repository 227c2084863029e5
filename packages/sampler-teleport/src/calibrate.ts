import { add, mul, square, sub, sum, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { STREAM, tweedieError, type Dataset, type Denoiser, type Noise } from '@tweedie/core';
import { checkShape, denoisedBy, lawOf, type AnyGaussian, type Floor } from './gaussian.ts';

export interface CalibrateOptions {
  /** A model, or anything with a denoiser. */
  readonly model: { readonly denoise: Denoiser };
  readonly gaussian: AnyGaussian;
  readonly floor?: Floor;
  /** Images that the model was not trained on. */
  readonly dataset: Dataset;
  /** Levels ρ > 0 to try, from the highest: those of the grid that will be used. */
  readonly levels: ArrayLike<number>;
  /** Greatest residual. Default .03. */
  readonly tolerance?: number;
  /** Images to use: the first n. Default 256, or as many as there are. */
  readonly n?: number;
  readonly batchSize?: number;
  readonly noise: Noise;
}

export interface Calibration {
  readonly levels: Float64Array;
  /** R(ρ) of each level. */
  readonly residual: Float64Array;
  /** The level to skip to; undefined where no level will do. */
  readonly skipTo?: number;
}

/** The stream of the noise that images are noised with: the same at every level. */
const CALIBRATE = STREAM.plugin + 2413;

/**
 * How far the Gaussian's denoiser is from the network's, level by level,
 *
 *     R(ρ) = E‖D_net(y) − D_Gauss(y)‖² / E‖D_net(y) − E D_net‖²,   y = x₀ + ρ z
 *
 * and the lowest level before which it is small. In denoisers, not in scores: the score's part −(y − μ)/ρ² would drown the difference.
 * Counted from above, beginning above the deviation of the data: near ρ = 0 both denoisers are the identity and R is small again.
 * Levels at the top where the network itself is off are passed over.
 */
export const calibrateSkip = async (options: CalibrateOptions): Promise<Calibration> => {
  const { model, gaussian, floor, dataset, tolerance = 0.03, batchSize = 64, noise } = options;
  const { n = Math.min(256, dataset.size) } = options;
  const levels = Float64Array.from(options.levels).filter((rho, i, all) => !(rho === 0 && i === all.length - 1));
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject: 'calibrateSkip', problem, got, expected });
  };
  if (!(levels.length > 0 && levels.every((rho, i) => rho > 0 && Number.isFinite(rho) && (i === 0 || rho < levels[i - 1]!))))
    refuse('the levels cannot be used', [...levels.slice(0, 8)], 'decreasing levels > 0');
  if (!(Number.isInteger(n) && n >= 2 && n <= dataset.size)) refuse('n does not fit the data', n, `2 to ${dataset.size}`);
  const law = lawOf(gaussian, floor);
  checkShape(law, dataset.shape);
  const dims = dataset.shape.reduce((product, k) => product * k, 1);
  const residual = new Float64Array(levels.length);
  for (const [at, rho] of levels.entries()) {
    let [gap, squares] = [0, 0];
    const total = new Float64Array(dims);
    for (let from = 0; from < n; from += batchSize) {
      const rows = Math.min(batchSize, n - from);
      const { images } = dataset.rows(Array.from({ length: rows }, (_, i) => from + i));
      const y = tidy(() => {
        const shape = [rows, ...dataset.shape];
        return add(tensor(images, shape), mul(noise.rows(from).normal(shape, { stream: CALIBRATE }), rho));
      });
      let net: Tensor | undefined;
      try {
        net = await model.denoise(y, rho);
        const difference = tidy(() => sum(square(sub(net!, denoisedBy(law, y, rho)))));
        gap += (await difference.data())[0]!;
        difference.dispose();
        (await net.data()).forEach((v, i) => {
          squares += v * v;
          total[i % dims]! += v;
        });
      } finally {
        net?.dispose();
        y.dispose();
      }
    }
    residual[at] = gap / (squares - total.reduce((s, v) => s + (v * v) / n, 0));
  }
  const deviation = deviationOf(dataset, n);
  const first = residual.findIndex((r, i) => r <= tolerance && levels[i]! >= deviation);
  if (first < 0) return { levels, residual };
  const end = residual.findIndex((r, i) => i > first && !(r <= tolerance));
  return { levels, residual, skipTo: levels[(end < 0 ? levels.length : end) - 1]! };
};

/** √(mean variance of a coordinate) of the first n images. */
const deviationOf = (dataset: Dataset, n: number): number => {
  const { images } = dataset.rows(Array.from({ length: n }, (_, i) => i));
  const dims = images.length / n;
  const [sums, squares] = [new Float64Array(dims), new Float64Array(dims)];
  images.forEach((x, i) => {
    sums[i % dims]! += x;
    squares[i % dims]! += x * x;
  });
  return Math.sqrt(squares.reduce((total, s, k) => total + s / n - (sums[k]! / n) ** 2, 0) / dims);
};
