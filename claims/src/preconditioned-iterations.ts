import { formatNumber, lineChart, type Line } from '@tweedie/cli';
import { createNoise, type Json } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { pdsFilter } from '@tweedie/sampler-pds';
import type { Conclusion, Finding, Lab } from './claim.ts';
import { quality, shippedDigits, type Quality } from './digits.ts';
import { belowVerdict, gapOf, said } from './paired.ts';
import { needing, preparedFile } from './prepared-file.ts';
import { speedUp, type Point } from './speed-up.ts';

/** σ from .02 to 32: VE of MNIST in [−1, 1] by the rule of Song and Ermon, the greatest distance of two images. */
const LEVELS = { grid: 'log-snr', max: 32, min: 0.02, zero: true } as const;
const SEED = 1;
/** As many as the paper takes. */
const FILTER_IMAGES = 200;

/** What is compared with the plain predictor–corrector, M = 1. */
const VARIANTS = [
  { name: 'plain', options: {} },
  { name: 'frequency', options: { domains: 'frequency' } },
  { name: 'both', options: { domains: 'both' } },
  { name: 'frequency, published', options: { domains: 'frequency', parity: 'published' } },
] as const;
type VariantName = (typeof VARIANTS)[number]['name'];
const PRECONDITIONED = ['frequency', 'both', 'frequency, published'] as const;

/** Iterations where the corrector's step is tried. */
const STEPPED = 33;

/** Two qualities with one step of the corrector. */
export interface Tuned {
  readonly snr: number;
  readonly plain: Quality;
  readonly filtered: Quality;
}

/** FD against iterations, and against the corrector's step. */
export const iterationsOnDigits = async (lab: Lab): Promise<Conclusion> => {
  const subject = await shippedDigits(lab);
  const n = lab.quick ? 128 : 512;
  const counts = lab.quick ? [10, 33] : [10, 20, 33, 50, 66, 100, 200];
  const snrs = lab.quick ? [] : [0.05, 0.1, 0.16, 0.25, 0.4];
  const gains = preparedFile(lab, { kind: 'pds-filter', data: 'mnist/train', n: FILTER_IMAGES, seed: 0 }, async () =>
    pdsFilter.estimate({ dataset: await mnist({ split: 'train', fetch: true }), n: FILTER_IMAGES, seed: 0n, noise: createNoise(0n) }),
  );
  const at = (options: { readonly [name: string]: Json }, steps: number): Promise<Quality> =>
    quality('domains' in options ? needing(lab, [gains]) : lab, {
      subject,
      sampler: { use: 'pds', ...options, ...('domains' in options ? { filter: gains.path } : {}) },
      steps,
      levels: LEVELS,
      n,
      seed: SEED,
      ...('domains' in options ? { files: { filter: gains.hash } } : {}),
    });
  const curves = new Map<VariantName, Point[]>();
  for (const { name, options } of VARIANTS) {
    const points: Point[] = [];
    for (const iterations of counts) points.push({ iterations, quality: await at(options, iterations) });
    curves.set(name, points);
  }
  const tuned: Tuned[] = [];
  for (const snr of snrs)
    tuned.push({ snr, plain: await at({ snr }, STEPPED), filtered: await at({ snr, domains: 'frequency' }, STEPPED) });
  const plain = curves.get('plain')!;
  const decisive = lab.quick ? 33 : 66;
  const { extractor, floor } = plain[0]!.quality;
  const best = plain.reduce((a, b) => (b.quality.fd < a.quality.fd ? b : a));

  return {
    findings: [
      ...PRECONDITIONED.map((name) => betterAfter({ name, n, decisive, plain, curve: curves.get(name)! })),
      ...(tuned.length === 0 ? [] : [betterAtTheBestStep(tuned)]),
    ],
    sections: [
      {
        title: 'Quality against iterations',
        text: `FD-${extractor} from the test split, n = ${n}, unconditional, equal noise; real images against real ones get ${formatNumber(floor ?? NaN, 3)}. Filters of 200 training images, α = 5; the corrector's snr is .16 for all.`,
        table: {
          columns: ['', ...counts.map((each) => `${each} iterations`)],
          rows: VARIANTS.map(({ name }) => [name, ...curves.get(name)!.map(({ quality: { fd } }) => fd)]),
        },
        figures: [
          {
            picture: (width) =>
              lineChart({
                lines: VARIANTS.map(({ name }, i) => curveOf(name, curves.get(name)!, (['data', 'first', 'second', 'third'] as const)[i]!)),
                xLabel: 'iterations (two network calls each)',
                yLabel: `FD-${extractor.split('-')[0]}`,
                log: { x: true, y: true },
                width,
              }),
            alt: 'Distance against iterations, with and without preconditioning',
          },
        ],
      },
      {
        title: 'How many times as many iterations plain needs',
        text: `To come to the same distance: its curve is interpolated, log distance against log iterations. In brackets the interval of 95 %; none stands where the curve is not that good without one of the groups of images. “never”: plain is at no point that good; it is at its best after ${best.iterations} iterations.`,
        table: {
          columns: ['', ...counts.map((each) => `${each} iterations`)],
          rows: PRECONDITIONED.map((name) => [name, ...curves.get(name)!.map((point) => factorText(plain, point))]),
        },
      },
      ...(tuned.length === 0
        ? []
        : [
            {
              title: 'The step of the corrector',
              text: `A preconditioned corrector may like another step: the distance after ${STEPPED} iterations by its snr.`,
              table: {
                columns: ['snr', 'plain', 'frequency'],
                rows: tuned.map(({ snr, plain: p, filtered }) => [String(snr), p.fd, filtered.fd]),
              },
            },
          ]),
    ],
  };
};

const curveOf = (name: string, points: readonly Point[], colour: 'data' | 'first' | 'second' | 'third'): Line => ({
  name,
  x: points.map(({ iterations }) => iterations),
  y: points.map(({ quality: { fd } }) => fd),
  colour,
});

const NEVER = 'never';
const FEWER = 'fewer than any';

/** How many times as many iterations a curve needs to be as good as a point. */
const factorText = (plain: readonly Point[], point: Point): string => {
  const found = speedUp(plain, point);
  if (found === undefined) return point.quality.fd >= plain[0]!.quality.fd ? FEWER : NEVER;
  const { factor, interval } = found;
  return `${formatNumber(factor, 3)}${interval === null ? '' : ` (${interval.map((each) => formatNumber(each, 3)).join(' … ')})`}`;
};

const factorSaid = (factor: string, plain: readonly Point[]): string =>
  factor === NEVER
    ? `plain is never as good, up to ${plain.at(-1)!.iterations} iterations`
    : factor === FEWER
      ? `plain is better after its first ${plain[0]!.iterations}`
      : `plain is as good after ${factor} times as many`;

/** Held where the distance after equally many iterations is smaller; how many fewer it takes stands beside. */
export const betterAfter = ({
  name,
  n,
  decisive,
  plain,
  curve,
}: {
  /** What is preconditioned. */
  readonly name: string;
  readonly n: number;
  /** The number of iterations that decides. */
  readonly decisive: number;
  readonly plain: readonly Point[];
  readonly curve: readonly Point[];
}): Finding => {
  const ours = pointAt(curve, decisive);
  const theirs = pointAt(plain, decisive);
  return {
    claim: `Preconditioning (${name}) makes ${decisive} iterations of a predictor–corrector better`,
    ran: `the shipped digits model as VE, σ .02 … 32, n = ${n}, seed ${SEED}, ${ours.quality.nfe} network calls`,
    ...judged(ours.quality, theirs.quality, `; ${factorSaid(factorText(plain, ours), plain)}`),
  };
};

/** Held where the distance is smaller, each with the step that is best for it among those tried, plain and preconditioned alike. */
export const betterAtTheBestStep = (tuned: readonly Tuned[]): Finding => {
  const best = (of: (each: Tuned) => Quality): Tuned => tuned.reduce((a, b) => (of(b).fd < of(a).fd ? b : a));
  const [ours, theirs] = [best(({ filtered }) => filtered), best(({ plain }) => plain)];
  return {
    claim: 'Preconditioning (frequency) is better where each has the best step for it',
    ran: `the same, ${STEPPED} iterations, the corrector's snr from ${tuned[0]!.snr} to ${tuned.at(-1)!.snr}`,
    ...judged(ours.filtered, theirs.plain, `; snr ${ours.snr} against ${theirs.snr}`),
  };
};

const judged = (ours: Quality, theirs: Quality, more: string): Pick<Finding, 'measured' | 'verdict'> => {
  const gap = gapOf([ours], [theirs]);
  return {
    measured: `FD-${ours.extractor.split('-')[0]} ${formatNumber(ours.fd, 3)} against ${formatNumber(theirs.fd, 3)}: ${said(gap)}${more}`,
    verdict: belowVerdict(gap),
  };
};

const pointAt = (curve: readonly Point[], iterations: number): Point => curve.find((point) => point.iterations === iterations)!;
