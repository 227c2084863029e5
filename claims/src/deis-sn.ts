import { timePower, vpLinear, type Schedule } from '@tweedie/core';
import { deis } from '@tweedie/sampler-classic';
import { deisSn as sampler } from '@tweedie/sampler-deis-sn';
import { byCalls, callSections, type ByCalls } from './by-calls.ts';
import type { Claim, Finding, Lab } from './claim.ts';
import { shippedDigits, type Subject } from './digits.ts';
import { dataGaussian, gaussianProfileFile, measuredProfile, readStatistics } from './digits-statistics.ts';
import type { Entrant } from './entrant.ts';
import { allOf, belowVerdict, gapOf, meanFd, said } from './paired.ts';
import type { PreparedFile } from './prepared-file.ts';

/** DEIS with score normalization, G. Xia et al. (2311.00157): better than DEIS at few calls, most at the fewest. */
export const deisSn: Claim = Object.freeze<Claim>({
  id: 'deis-sn',
  method: 'DEIS-SN',
  paper:
    'G. Xia, D. Danier, A. Das, S. Fotiadis, F. Nabiei, U. Sengupta, A. Bernacchia: Score Normalization for a Faster Diffusion Exponential Integrator Sampler (2311.00157).',
  study: async (lab) => {
    const subject = await shippedDigits(lab);
    const counts = lab.quick ? [5, 10] : [5, 6, 8, 10, 12, 15, 20];
    const results: { readonly setting: Setting; readonly by: ByCalls }[] = [];
    for (const setting of settings(lab, subject))
      results.push({
        setting,
        by: await byCalls(lab, {
          subject,
          entrants: setting.entrants,
          counts,
          n: lab.quick ? 200 : 2000,
          seeds: (count) => (count === DECISIVE && !lab.quick ? [1, 2] : [1]),
          near: lab.quick ? 32 : 256,
        }),
      });
    return {
      findings: results.flatMap(({ setting, by }) => findingsOf(setting, by)),
      sections: results.flatMap(({ setting: { title, text }, by }) => callSections(title, text(by.n), by, [PLAIN, MEASURED, GAUSSIAN])),
      notes: [
        'The profile is mean |ε̂| of this checkpoint without classes along plain DEIS; the Gaussian one is of the covariance of the training images and of no model.',
      ],
    };
  },
});

const DECISIVE = 10;
const PLAIN = 'DEIS';
const MEASURED = 'DEIS-SN, measured profile';
const GAUSSIAN = 'DEIS-SN, Gaussian profile';

/** Levels and variable of both. */
export interface Setting {
  readonly title: string;
  readonly short: string;
  text(n: number): string;
  readonly entrants: readonly Entrant[];
}

const settings = (lab: Lab, subject: Subject): readonly Setting[] => {
  const measured = measuredProfile(lab, subject);
  const gaussian = gaussianProfileFile(lab, dataGaussian(lab));
  const common = (n: number): string => `n = ${n}, degree 3, no classes, equal noise for all; from ρ = 80 to .002 and then to 0.`;
  return [
    {
      title: 'The time of VP',
      short: 'VP time, quadratic levels',
      text: (n) => `As published: extrapolation in the time of VP, levels quadratic in it; the denoiser is the same one. ${common(n)}`,
      entrants: [
        inTimeOfVp(lab, PLAIN, { use: 'deis' }),
        inTimeOfVp(lab, MEASURED, { use: 'deis-sn' }, measured),
        inTimeOfVp(lab, GAUSSIAN, { use: 'deis-sn' }, gaussian),
      ],
    },
    {
      title: 'In log ρ',
      short: 'log ρ, levels of Karras et al.',
      text: (n) => `As the model was trained: EDM’s schedule, levels of Karras et al., extrapolation in log ρ. ${common(n)}`,
      entrants: [
        { name: PLAIN, sampler: { use: 'deis', variant: 'log-rho-ab' } },
        ...[
          { name: MEASURED, profile: measured },
          { name: GAUSSIAN, profile: gaussian },
        ].map(({ name, profile }) => ({
          name,
          sampler: { use: 'deis-sn', variable: 'log-rho', profile: profile.path },
          files: { profile },
        })),
      ],
    },
  ];
};

const vp: Schedule = vpLinear();

const inTimeOfVp = (lab: Lab, name: string, named: { readonly use: string }, profile?: PreparedFile): Entrant => ({
  name,
  sampler: named,
  levels: { grid: 'time-power', power: 2, max: 80, min: 0.002, zero: true },
  ...(profile === undefined ? {} : { files: { profile } }),
  own: {
    schedule: vp,
    sampler: async () => (profile === undefined ? deis() : sampler({ profile: await readStatistics(lab, profile) })),
    levels: (steps) => timePower(vp, { steps, max: 80, min: 0.002, power: 2, zero: true }),
  },
});

/** At 10 calls, at every number of calls, and what the measuring of the profile is worth. */
export const findingsOf = ({ short }: Pick<Setting, 'short'>, by: ByCalls): readonly Finding[] => {
  const { counts, n } = by;
  const ran = (at: string): string => `the shipped digits model, ${short}, degree 3, n = ${n}, ${at}`;
  const gaps = counts.map((count) => gapOf(by.cells(MEASURED, count), by.cells(PLAIN, count)));
  const decisive = counts.indexOf(DECISIVE);
  const at = gaps[decisive]!;
  const [with_, without] = [MEASURED, PLAIN].map((name) => meanFd(by.cells(name, DECISIVE))) as [number, number];
  const seeds = by.cells(PLAIN, DECISIVE).length;
  const verdicts = gaps.map((gap) => belowVerdict(gap));
  const against = counts.filter((_, i) => verdicts[i] === 'not held');
  const open = counts.filter((_, i) => verdicts[i] === 'not decided');
  const whole = allOf(verdicts);
  const first = belowVerdict(at);
  const off = (name: string): string => by.off(name, DECISIVE).toPrecision(2);
  const profiles = gapOf(by.cells(MEASURED, DECISIVE), by.cells(GAUSSIAN, DECISIVE));
  return [
    {
      claim: `Normalised scores are better than plain DEIS at ${DECISIVE} calls (${short})`,
      ran: ran(`${seeds === 1 ? 'one seed' : `${seeds} seeds`}, ${DECISIVE} calls`),
      measured: `FD ${with_.toPrecision(3)} against ${without.toPrecision(3)}: ${said(at)}, ${Math.round((100 * at.value) / without)} %; published: 6.44 → 5.57 on CIFAR-10, −14 %`,
      verdict: first,
      ...(first === 'held'
        ? {}
        : {
            because: `off the flow by ${off(MEASURED)} with and ${off(PLAIN)} without; Heun’s method with ${by.flow.nfe} calls gets FD ${by.flow.fd.toPrecision(3)}`,
          }),
    },
    {
      claim: `They are better at every number of calls from ${counts[0]} to ${counts.at(-1)} (${short})`,
      ran: ran(`${counts.join(', ')} calls`),
      measured: counts.map((count, i) => `${count}: ${said(gaps[i]!)}`).join('; '),
      verdict: whole,
      ...(whole === 'held'
        ? {}
        : {
            because: [
              ...(against.length === 0 ? [] : [`plain DEIS is nearer at ${against.join(', ')}`]),
              ...(open.length === 0 ? [] : [`the interval allows both at ${open.join(', ')}`]),
            ].join('; '),
          }),
    },
    {
      claim: `A profile measured on the checkpoint is better than that of a Gaussian with the data’s covariance (${short})`,
      ran: ran(`${DECISIVE} calls`),
      measured: `FD, measured less Gaussian: ${said(profiles)}`,
      verdict: belowVerdict(profiles),
    },
  ];
};
