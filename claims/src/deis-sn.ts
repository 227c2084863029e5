import { timePower, vpLinear, type Schedule } from '@tweedie/core';
import { deis } from '@tweedie/sampler-classic';
import { deisSn as sampler, interpolated, readProfile } from '@tweedie/sampler-deis-sn';
import { byCalls, callSections, type ByCalls } from './by-calls.ts';
import type { Claim, Lab } from './claim.ts';
import { shippedDigits, type Subject } from './digits.ts';
import { dataGaussian, gaussianProfileFile, measuredProfile, readStatistics } from './digits-statistics.ts';
import type { Entrant } from './entrant.ts';
import { CLIPPED, DECISIVE, findingsOf, GAUSSIAN, MEASURED, PLAIN } from './deis-sn-findings.ts';
import { meanFd } from './paired.ts';
import type { PreparedFile } from './prepared-file.ts';
import { profileSection, profilesOf } from './profiles.ts';

/** DEIS with score normalization, G. Xia et al. (2311.00157): better than DEIS at few calls, most at the fewest. */
export const deisSn: Claim = Object.freeze<Claim>({
  id: 'deis-sn',
  method: 'DEIS-SN',
  paper:
    'G. Xia, D. Danier, A. Das, S. Fotiadis, F. Nabiei, U. Sengupta, A. Bernacchia: Score Normalization for a Faster Diffusion Exponential Integrator Sampler (2311.00157).',
  budget: { whole: 75, quick: 2 },
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
    const profiles = await profilesOf(lab, measuredProfile(lab, subject), gaussianProfileFile(lab, dataGaussian(lab)));
    return {
      findings: results.flatMap(({ setting, by }) =>
        findingsOf(
          setting.short,
          by,
          profiles,
          setting.entrants.some(({ name }) => name === CLIPPED),
        ),
      ),
      sections: [
        ...results.flatMap(({ setting: { title, text, entrants }, by }) =>
          callSections(
            title,
            text(by.n),
            by,
            entrants.map(({ name }) => name),
          ),
        ),
        profileSection(profiles),
      ],
      notes: [
        'The profile is mean |ε̂| of this checkpoint without classes along plain DEIS; the Gaussian one is of the covariance of the training images and of no model. Clipped: held below 5/1000 of VP’s time, ρ = .03, as published for CIFAR-10.',
        `At ${DECISIVE} calls: ${results.map(({ setting: { short, entrants }, by }) => `${short}, ${entrants.map(({ name }) => `${name} ${meanFd(by.cells(name, DECISIVE)).toPrecision(3)}`).join(', ')}`).join('; ')}.`,
      ],
    };
  },
});

/** Levels and variable of all. */
interface Setting {
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
        inTimeOfVp(lab, CLIPPED, { use: 'deis-sn', clipSteps: 5 }, measured),
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

const inTimeOfVp = (
  lab: Lab,
  name: string,
  named: { readonly use: string; readonly clipSteps?: number },
  profile?: PreparedFile,
): Entrant => ({
  name,
  sampler: named,
  levels: { grid: 'time-power', power: 2, max: 80, min: 0.002, zero: true },
  ...(profile === undefined ? {} : { files: { profile } }),
  own: {
    schedule: vp,
    sampler: async () => {
      if (profile === undefined) return deis();
      const file = await readStatistics(lab, profile);
      if (named.clipSteps === undefined) return sampler({ profile: file });
      // Published tables have 1000 entries even in the time of VP; this one has other levels.
      const [r, least] = [interpolated(readProfile(file)), vp.rho((vp.tMax * named.clipSteps) / 1000)];
      return sampler({ profile: (rho) => r(Math.max(rho, least)) });
    },
    levels: (steps) => timePower(vp, { steps, max: 80, min: 0.002, power: 2, zero: true }),
  },
});
