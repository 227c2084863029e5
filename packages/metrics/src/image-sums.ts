import { moments, symmetricEigen, type MomentSums } from '@tweedie/analytic';
import { GROUPS } from './jackknife.ts';
import { radialPower } from './radial-power.ts';

/** What images look like to first and second order, pixels scaled to 0 … 1; all but mean and deviation are of the luminance. */
export interface ImageStatistics {
  readonly n: number;
  /** Slope of log power over log frequency, by least squares; see {@link radialPower}. Natural images: about −2 to −3. */
  readonly slope: number;
  /** Least mean power over the frequencies: 0 where there is no detail, and the slope means nothing. */
  readonly leastPower: number;
  /** Excess kurtosis of the differences of horizontal neighbours: 0 for Gaussian noise. NaN where all differences are equal. */
  readonly kurtosis: number;
  /** Pearson's correlation of horizontal neighbours. NaN for constant images. */
  readonly correlation: number;
  /** Of all values. */
  readonly mean: number;
  readonly deviation: number;
}

/** The spectrum of the covariance of all values of an image. */
export interface Principal {
  readonly totalVariance: number;
  /** Least number of principal components that hold 90, 95 and 99 % of it. */
  readonly components: readonly [number, number, number];
}

/** Sums over images in float64, so that neither order nor split matters beyond rounding; dealt to the groups of the jackknife. */
export interface ImageSums {
  /** Images [count, height, width, channels] in the range of the data. */
  add(values: Float32Array, first: number): void;
  /** [GROUPS, …] */
  readonly sums: Float64Array;
  /** Of the covariance, where it is collected. */
  covariance(): MomentSums | undefined;
  merge(sums: ArrayLike<number>, covariance?: MomentSums): void;
  n(): number;
  /** Of all images, or of those outside one group. */
  statistics(without?: number): ImageStatistics;
  principal(): Principal | undefined;
}

export interface ImageSumsOptions {
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Becomes 0 … 1. */
  readonly range: readonly [number, number];
  /** Collect the covariance. */
  readonly components: boolean;
}

/** Places in a group's sums: n; values and squares; differences d to the fourth power; neighbours a, b; the powers behind them. */
const [N, X, X2, D, A, B, AA, BB, AB, POWER] = [0, 1, 2, 3, 7, 8, 9, 10, 11, 12];

export const imageSums = ({ shape: [height, width, channels], range: [low, high], components }: ImageSumsOptions): ImageSums => {
  const spectrum = radialPower(height, width);
  const rings = spectrum.frequencies.length;
  const places = POWER + rings;
  const pixels = height * width;
  const size = pixels * channels;
  const sums = new Float64Array(GROUPS * places);
  const collected = components ? moments(size, new Float64Array(size).fill(0.5)) : undefined;
  const weights = channels === 3 ? LUMINANCE : Array.from({ length: channels }, () => 1 / channels);
  const scaled = new Float64Array(size);
  const grey = new Float64Array(pixels);

  const total = (without?: number): Float64Array => {
    const all = new Float64Array(places);
    for (let g = 0; g < GROUPS; g++) if (g !== without) for (let i = 0; i < places; i++) all[i]! += sums[g * places + i]!;
    return all;
  };

  return {
    sums,
    add: (values, first) => {
      for (let row = 0; row * size < values.length; row++) {
        const from = ((first + row) % GROUPS) * places;
        const to = sums.subarray(from, from + places);
        to[N]!++;
        for (let i = 0; i < size; i++) {
          const x = (values[row * size + i]! - low) / (high - low);
          scaled[i] = x;
          to[X]! += x;
          to[X2]! += x * x;
        }
        collected?.add(scaled);
        for (let i = 0; i < pixels; i++) {
          grey[i] = 0;
          for (let c = 0; c < channels; c++) grey[i]! += weights[c]! * scaled[i * channels + c]!;
        }
        for (let i = 0; i + 1 < pixels; i++) {
          if ((i + 1) % width === 0) continue;
          const [a, b] = [grey[i]!, grey[i + 1]!];
          const d = b - a;
          for (let power = 0, term = d; power < 4; power++, term *= d) to[D + power]! += term;
          to[A]! += a;
          to[B]! += b;
          to[AA]! += a * a;
          to[BB]! += b * b;
          to[AB]! += a * b;
        }
        spectrum.add(grey, to.subarray(POWER));
      }
    },
    covariance: () => collected?.sums(),
    merge: (more, covariance) => {
      for (let i = 0; i < sums.length; i++) sums[i]! += more[i]!;
      if (covariance !== undefined) collected?.merge(covariance);
    },
    n: () => total()[N]!,
    statistics: (without) => {
      const all = total(without);
      const at = (place: number): number => all[place]!;
      const [n, count, pairs] = [at(N), at(N) * size, at(N) * height * (width - 1)];
      const powers = Array.from(all.subarray(POWER), (power) => power / n);
      const mean = at(X) / count;
      const [a, b] = [at(A) / pairs, at(B) / pairs];
      return {
        n,
        slope: slopeOf(spectrum.frequencies, powers),
        leastPower: Math.min(...powers),
        kurtosis: excessKurtosis([at(D) / pairs, at(D + 1) / pairs, at(D + 2) / pairs, at(D + 3) / pairs]),
        correlation: (at(AB) / pairs - a * b) / Math.sqrt((at(AA) / pairs - a * a) * (at(BB) / pairs - b * b)),
        mean,
        deviation: Math.sqrt(Math.max(0, at(X2) / count - mean * mean)),
      };
    },
    principal: () => collected && principalOf(collected.result().covariance),
  };
};

/** Of R, G, B: ITU-R BT.601. */
const LUMINANCE = [0.299, 0.587, 0.114];

/** Least squares of log power over log frequency. */
const slopeOf = (frequencies: readonly number[], powers: readonly number[]): number => {
  const x = frequencies.map(Math.log);
  const y = powers.map(Math.log);
  const mean = x.reduce((sum, each) => sum + each, 0) / x.length;
  return x.reduce((sum, each, i) => sum + (each - mean) * y[i]!, 0) / x.reduce((sum, each) => sum + (each - mean) ** 2, 0);
};

/** From the mean powers 1 to 4 of a variable. */
const excessKurtosis = ([m, m2, m3, m4]: readonly [number, number, number, number]): number => {
  const variance = m2 - m * m;
  return (m4 - 4 * m * m3 + 6 * m * m * m2 - 3 * m ** 4) / variance ** 2 - 3;
};

const principalOf = (covariance: Float64Array): Principal => {
  const values = symmetricEigen(covariance).values.map((value) => Math.max(0, value));
  const totalVariance = values.reduce((sum, value) => sum + value, 0);
  const holding = (fraction: number): number => {
    let [held, count] = [0, 0];
    while (count < values.length && held < fraction * totalVariance) held += values[count++]!;
    return count;
  };
  return { totalVariance, components: [holding(0.9), holding(0.95), holding(0.99)] };
};
