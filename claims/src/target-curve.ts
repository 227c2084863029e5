import { formatNumber, lineChart, type Line, type Role } from '@tweedie/cli';
import { cifar10 } from '@tweedie/data';
import { targetVariance } from '@tweedie/metrics';
import type { Json } from '@tweedie/core';
import type { Conclusion, Finding, Lab } from './claim.ts';
import { round } from './digits.ts';

/** A number with its 95 % interval. */
type Three = readonly [value: number, low: number, high: number];

/** σ²V of the target at one level, by size of reference, and the effective size of the greatest. */
export interface LevelOfTarget {
  readonly sigma: number;
  readonly variance: readonly Three[];
  readonly ess: number;
}

export interface TargetCurve {
  readonly sizes: readonly number[];
  readonly rows: number;
  readonly population: number;
  readonly levels: readonly LevelOfTarget[];
}

/** V(t) of CIFAR-10, whose training images are the population. */
export const targetCurve = (lab: Lab): Promise<TargetCurve> => {
  const sizes = lab.quick ? [1, 8, 64] : [1, 8, 64, 512, 1024];
  const [count, rows, points] = lab.quick ? [7, 32, 2000] : [13, 128, 50_000];
  const sigmas = Array.from({ length: count }, (_, i) => round(0.1 * 500 ** (i / (count - 1)), 3));
  const options = { levels: sigmas, references: sizes, rows, blocks: lab.quick ? 8 : 16, points, seed: 0 };
  return lab.cell({ kind: 'target-variance', data: 'cifar10/train', ...options }, async (): Promise<Json> => {
    const { levels, population } = await drained(targetVariance(await cifar10({ split: 'train', fetch: true }), options));
    return {
      sizes,
      rows,
      population,
      levels: levels.map(({ sigma, references }) => ({
        sigma,
        variance: references.map(({ variance: { value, interval } }) => [value, ...interval].map((each) => round(each, 4))),
        ess: round(references.at(-1)!.ess.value, 4),
      })),
    };
  }) as unknown as Promise<TargetCurve>;
};

const drained = async <T>(drain: AsyncGenerator<unknown, T, void>): Promise<T> => {
  for (;;) {
    const next = await drain.next();
    if (next.done === true) return next.value;
    await new Promise<void>((turn) => setImmediate(turn));
  }
};

/** The level between the ends at which the variance of denoising score matching is greatest. */
const peakOf = ({ levels }: TargetCurve): LevelOfTarget =>
  levels.slice(1, -1).reduce((best, each) => (each.variance[0]![0] > best.variance[0]![0] ? each : best));

export const curveFindings = (curve: TargetCurve): readonly Finding[] => {
  const { sizes, rows, population, levels } = curve;
  const peak = peakOf(curve);
  const [, low, most] = peak.variance[0]!;
  const [first, last] = [levels[0]!.variance[0]!, levels.at(-1)!.variance[0]!];
  const ran = `CIFAR-10, ${population} training images as the population, ${rows} noisy images, σ ${levels[0]!.sigma} … ${levels.at(-1)!.sigma}`;
  const [value, least, high] = peak.variance.at(-1)!;
  return [
    {
      claim: 'The variance of the target of DSM is low, high and low again along the noise levels',
      ran,
      measured: `σ²V ${shown(first)} at σ = ${levels[0]!.sigma}, ${shown(peak.variance[0]!)} at σ = ${peak.sigma}, ${shown(last)} at σ = ${levels.at(-1)!.sigma}`,
      verdict: verdictOfHump(first, peak.variance[0]!, last),
    },
    {
      claim: `A reference of ${sizes.at(-1)} takes the variance down where it is high`,
      ran,
      measured: `at σ = ${peak.sigma}: σ²V ${shown(peak.variance.at(-1)!)} against ${shown(peak.variance[0]!)}, ${formatNumber((100 * value) / peak.variance[0]![0], 2)} %`,
      verdict: high < low ? 'held' : least > most ? 'not held' : 'not decided',
    },
  ];
};

/** Held where the interval in the middle is above those of both ends. */
const verdictOfHump = (first: Three, middle: Three, last: Three): Finding['verdict'] => {
  if (middle[1] > first[2] && middle[1] > last[2]) return 'held';
  return middle[2] < first[1] || middle[2] < last[1] ? 'not held' : 'not decided';
};

const shown = ([value, low, high]: Three): string => `${formatNumber(value, 3)} (${formatNumber(low, 2)} … ${formatNumber(high, 2)})`;
const sizeOf = (n: number): string => (n === 1 ? 'n = 1 (DSM)' : `n = ${n}`);
const COLOURS: readonly Role[] = ['first', 'second', 'third', 'fourth', 'fifth'];

export const curveSection = ({ sizes, levels, rows }: TargetCurve): Conclusion['sections'][number] => ({
  title: 'The variance of the target',
  text: `σ²V(t) of the target that a step regresses on, by the size n of the reference; n = 1 is denoising score matching. Means over ${rows} noisy images with 95 % intervals; the last column is the effective number of points in a target of n = ${sizes.at(-1)}.`,
  table: {
    columns: ['σ', ...sizes.map(sizeOf), 'effective'],
    rows: levels.map(({ sigma, variance, ess }) => [formatNumber(sigma, 3), ...variance.map(shown), formatNumber(ess, 3)]),
  },
  figures: [
    {
      picture: (width) =>
        lineChart({
          lines: sizes.map((n, r): Line => {
            const of = (at: 0 | 1 | 2): number[] => levels.map(({ variance }) => variance[r]![at]);
            return {
              name: sizeOf(n),
              x: levels.map(({ sigma }) => sigma),
              y: of(0),
              interval: { low: of(1), high: of(2) },
              colour: COLOURS[r]!,
              style: 'dots',
            };
          }),
          xLabel: 'noise level σ',
          yLabel: 'σ²V',
          log: { x: true },
          width,
        }),
      alt: 'σ²V by noise level, a line for each size of reference',
      caption: 'Low, high, low: at little noise one image explains what is seen, at much noise all do. Bands are 95 % intervals.',
    },
  ],
});
