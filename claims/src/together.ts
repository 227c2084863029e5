import { edm, karras } from '@tweedie/core';
import { interpolated, readProfile } from '@tweedie/sampler-deis-sn';
import { teleport } from '@tweedie/sampler-teleport';
import { byCalls, callSections, type ByCalls } from './by-calls.ts';
import type { Claim, Finding, Lab } from './claim.ts';
import { correctedDeisSn } from './corrected-deis-sn.ts';
import { shippedDigits, type Subject } from './digits.ts';
import { dataGaussian, measuredProfile, readStatistics } from './digits-statistics.ts';
import type { Entrant } from './entrant.ts';
import { allOf, belowVerdict, gapOf, said } from './paired.ts';

/** What none of the papers has: teleportation, normalised scores and UniPC's corrector together, at 5 to 10 calls. */
export const together: Claim = Object.freeze<Claim>({
  id: 'together',
  method: 'Together',
  paper: 'Teleportation (2412.09726) in front of DEIS-SN (2311.00157) and UniPC (2302.04867), at 5 to 10 network calls. Of no paper.',
  budget: { whole: 20, quick: 0.5 },
  study: async (lab) => {
    const subject = await shippedDigits(lab);
    const by = await byCalls(lab, {
      subject,
      entrants: entrantsOf(lab, subject),
      counts: lab.quick ? [6] : [5, 6, 8, 10],
      n: lab.quick ? 200 : 2000,
      seeds: () => [1],
      near: lab.quick ? 32 : 64,
    });
    return {
      findings: findingsOf(by),
      sections: callSections(
        'Few calls',
        `n = ${by.n}, no classes, equal noise for all; levels of Karras et al. from 80 (teleported: from ${SKIP}) to .002, then to 0. UniPC is of order 2 (its third order is made for levels even in log ρ). DEIS-SN is of degree 3 in log ρ by the profile measured on the checkpoint; corrected, of degree 1 with UniPC’s corrector, which is UniPC’s order 2.`,
        by,
        NAMES,
      ),
      notes: [
        'DEIS-SN and UniPC are both the solver, and one cannot run inside the other. What composes is the idea: UniPC’s corrector takes the step of any solver once more with the answer at its end, which is the next step’s own call; DEIS-SN interpolates ε̂/r. “DEIS-SN corrected” does both, and is UniPC itself where r is constant (a test). It needs ε̂: beside it stands UniPC in ε̂, in place of x̂₀, which is its default.',
      ],
    };
  },
});

const SKIP = 20;
const UNIPC = 'UniPC';
const SN = 'DEIS-SN';
const CORRECTED = 'DEIS-SN corrected';
const IN_EPS = 'UniPC in ε̂';
const and = (name: string): string => `teleport, ${name}`;
const NAMES = [UNIPC, IN_EPS, SN, CORRECTED, and(UNIPC), and(SN), and(CORRECTED)];

const entrantsOf = (lab: Lab, subject: Subject): readonly Entrant[] => {
  const gaussian = dataGaussian(lab);
  const profile = measuredProfile(lab, subject);
  const unipc = { use: 'unipc', order: 2 };
  const sn = { use: 'deis-sn', variable: 'log-rho', profile: profile.path };
  const first = { use: 'teleport', skipTo: SKIP, gaussian: gaussian.path };
  const corrected = async () => correctedDeisSn({ profile: interpolated(readProfile(await readStatistics(lab, profile))), degree: 1 });
  const levels = (steps: number): Float64Array => karras({ steps, max: 80, min: 0.002, zero: true });
  const named = { use: 'deis-sn-unic', degree: 1 };
  return [
    { name: UNIPC, sampler: unipc },
    { name: IN_EPS, sampler: { ...unipc, prediction: 'eps' } },
    { name: SN, sampler: sn, files: { profile } },
    { name: CORRECTED, sampler: named, files: { profile }, own: { schedule: edm(), levels, sampler: corrected } },
    { name: and(UNIPC), sampler: { ...first, then: unipc }, files: { gaussian } },
    { name: and(SN), sampler: { ...first, then: sn }, files: { gaussian, profile } },
    {
      name: and(CORRECTED),
      sampler: { use: 'teleport', skipTo: SKIP, then: named },
      files: { gaussian, profile },
      own: {
        schedule: edm(),
        levels,
        sampler: async () => teleport({ skipTo: SKIP, gaussian: await readStatistics(lab, gaussian), then: await corrected() }),
      },
    },
  ];
};

/** Each against what it is made of, at every number of calls. */
export const findingsOf = (by: ByCalls): readonly Finding[] => [
  versus(by, 'Teleportation makes UniPC better', and(UNIPC), [UNIPC]),
  versus(by, 'Teleportation makes DEIS-SN better', and(SN), [SN]),
  versus(by, 'UniPC’s corrector makes DEIS-SN better', CORRECTED, [SN]),
  versus(by, 'All three together are better than each alone', and(CORRECTED), [UNIPC, SN]),
  versus(by, 'All three together are better than any two', and(CORRECTED), [CORRECTED, and(UNIPC), and(SN)]),
];

const versus = (by: ByCalls, claim: string, name: string, others: readonly string[]): Finding => {
  const compared = others.flatMap((other) =>
    by.counts.map((count) => {
      const gap = gapOf(by.cells(name, count), by.cells(other, count));
      return { other, count, gap, verdict: belowVerdict(gap) };
    }),
  );
  const verdict = allOf(compared.map((each) => each.verdict));
  const against = compared.filter((each) => each.verdict === 'not held');
  const of = (wanted: typeof against): string =>
    others
      .flatMap((other) => {
        const own = wanted.filter((each) => each.other === other);
        return own.length === 0 ? [] : [`${other}: ${own.map(({ count, gap }) => `${count} calls ${said(gap)}`).join(', ')}`];
      })
      .join('; ');
  return {
    claim: `${claim} at ${by.counts.join(', ')} calls`,
    ran: `the shipped digits model, n = ${by.n}, one seed`,
    measured: `FD less that of ${of(compared)}`,
    verdict,
    ...(verdict === 'held'
      ? {}
      : {
          because:
            against.length > 0
              ? `it is farther from real digits than ${against.map(({ other, count }) => `${other} at ${count}`).join(', ')}; off the flow by ${against
                  .map(({ other, count }) => `${by.off(name, count).toPrecision(2)} against ${by.off(other, count).toPrecision(2)}`)
                  .join(', ')}`
              : `the interval allows both against ${compared
                  .filter((each) => each.verdict === 'not decided')
                  .map(({ other, count }) => `${other} at ${count}`)
                  .join(', ')}`,
        }),
  };
};
