import { formatNumber, lineChart, type Section } from '@tweedie/cli';
import { karras } from '@tweedie/core';
import type { Finding, Lab, Verdict } from './claim.ts';
import type { Quality, Subject } from './digits.ts';
import { dataGaussian, measuredProfile, solverStatistics } from './digits-statistics.ts';
import { qualityOf, type Entrant } from './entrant.ts';
import { allOf, belowVerdict, gapOf, said, type Gap } from './paired.ts';
import type { PreparedFile } from './prepared-file.ts';

/** Steps of the grid that levels are skipped of, as in the paper: 35 calls of Heun's method. */
const STEPS = 18;
/** More than this share of the distance without skipping is a loss. */
const LOSS = 0.02;

/** One sampler with its first steps skipped. */
export interface Skipped {
  /** Levels left out at the top. */
  readonly skipped: number;
  readonly quality: Quality;
}

/** A sampler, without skipping and with more and more of it. */
export interface Curve {
  readonly name: string;
  readonly points: readonly Skipped[];
}

/** Distance against the skipped part of the grid, for five solvers behind teleportation. */
export const skipping = async (
  lab: Lab,
  subject: Subject,
): Promise<{ readonly findings: readonly Finding[]; readonly sections: readonly Section[] }> => {
  const counts = lab.quick ? [0, 4] : [0, 3, 5, 8, 10];
  const n = lab.quick ? 160 : 2000;
  const gaussian = dataGaussian(lab);
  const curves: Curve[] = [];
  for (const { name, sampler, files = {} } of solvers(lab, subject)) {
    const points: Skipped[] = [];
    for (const skipped of counts)
      points.push({
        skipped,
        quality: await qualityOf(lab, subject, entrant(sampler, files, gaussian, skipped), { steps: STEPS, n, seed: 1 }),
      });
    curves.push({ name, points });
  }
  return { findings: curves.map((curve) => noLoss(curve, n)), sections: [sectionOf(curves, n)] };
};

const levels = karras({ steps: STEPS, max: 80, min: 0.002, zero: true });

type Files = { readonly [name: string]: PreparedFile };

const entrant = (sampler: Entrant['sampler'], files: Files, gaussian: PreparedFile, skipped: number): Entrant =>
  skipped === 0
    ? { name: '', sampler, files }
    : {
        name: '',
        sampler: {
          use: 'teleport',
          skipTo: Number(levels[skipped]!.toPrecision(6)),
          grid: 'keep',
          gaussian: gaussian.path,
          then: { ...sampler } as { use: string },
        },
        files: { ...files, gaussian },
      };

const solvers = (lab: Lab, subject: Subject): readonly Entrant[] => {
  const profile = measuredProfile(lab, subject);
  const statistics = solverStatistics(lab, subject);
  return [
    { name: 'Heun', sampler: { use: 'heun' } },
    { name: 'UniPC', sampler: { use: 'unipc', order: 2 } },
    { name: 'DPM++ 2M', sampler: { use: 'dpmpp-2m' } },
    { name: 'DPM-Solver-v3', sampler: { use: 'dpm-solver-v3', statistics: statistics.path }, files: { statistics } },
    { name: 'DEIS-SN', sampler: { use: 'deis-sn', variable: 'log-rho', profile: profile.path }, files: { profile } },
  ];
};

/** What skipping costs: the gap to the whole grid, and whether it is a loss. */
export const lossOf = ({ points: [whole, ...rest] }: Curve): readonly (Skipped & { readonly gap: Gap; readonly verdict: Verdict })[] =>
  rest.map((point) => {
    const gap = gapOf([point.quality], [whole!.quality]);
    return { ...point, gap, verdict: belowVerdict(gap, LOSS * whole!.quality.fd) };
  });

/** 15 to 30 % of the steps at no loss. */
export const noLoss = (curve: Curve, n: number): Finding => {
  const losses = lossOf(curve);
  const whole = curve.points[0]!.quality;
  const meant = losses.filter(({ skipped }) => skipped / STEPS >= 0.15 && skipped / STEPS <= 0.3);
  const most = losses.findLast((_, i) => losses.slice(0, i + 1).every(({ verdict }) => verdict === 'held'));
  const share = (skipped: number): string => `${Math.round((100 * skipped) / STEPS)} %`;
  return {
    claim: `15 to 30 % of the steps can be left to the Gaussian at no loss: ${curve.name}`,
    ran: `the shipped digits model, ${STEPS} steps of Karras et al., n = ${n}, one seed; a loss is more than ${100 * LOSS} % of FD ${formatNumber(whole.fd, 3)}`,
    measured: `${meant
      .map(({ skipped, quality, gap }) => `${share(skipped)} of the steps, ${whole.nfe - quality.nfe} of ${whole.nfe} calls: ${said(gap)}`)
      .join('; ')}; ${
      most === undefined
        ? 'nothing is saved at no loss'
        : `up to ${share(most.skipped)} at no loss, which saves ${whole.nfe - most.quality.nfe} calls`
    }`,
    verdict: allOf(meant.map(({ verdict }) => verdict)),
  };
};

const sectionOf = (curves: readonly Curve[], n: number): Section => {
  const counts = curves[0]!.points.map(({ skipped }) => skipped);
  const percent = (skipped: number): number => Math.round((100 * skipped) / STEPS);
  return {
    title: 'Skipping the first steps',
    text: `FD-mnistnet from the test split, n = ${n}, no classes, equal noise. Of ${STEPS} levels of Karras et al. the first are left out, and the flow of the training images’ Gaussian takes their place; in brackets what that changes, with its 95 % interval. Calls are those of an image.`,
    table: {
      columns: ['', ...counts.map((skipped) => `${percent(skipped)} %: ρ ${formatNumber(levels[skipped]!, 3)}`)],
      rows: curves.map((curve) => {
        const losses = lossOf(curve);
        return [
          curve.name,
          ...curve.points.map(({ quality: { fd, nfe }, skipped }) => {
            const loss = losses.find((each) => each.skipped === skipped);
            return `${formatNumber(fd, 3)}, ${nfe} calls${loss === undefined ? '' : ` (${loss.gap.interval.map((v) => formatNumber(v, 2)).join(' … ')})`}`;
          }),
        ];
      }),
    },
    figures: [
      {
        picture: (width) =>
          lineChart({
            lines: curves.map(({ name, points }, i) => ({
              name,
              x: points.map(({ skipped }) => (100 * skipped) / STEPS),
              y: points.map(({ quality: { fd } }) => fd),
              colour: (['first', 'second', 'third', 'fourth', 'fifth'] as const)[i]!,
            })),
            xLabel: 'part of the steps that is skipped, %',
            yLabel: 'FD-mnistnet',
            log: { y: true },
            width,
          }),
        alt: 'Distance from real digits against the part of the steps that the Gaussian takes over, for five solvers',
      },
    ],
  };
};
