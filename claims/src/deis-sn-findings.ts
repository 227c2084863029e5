import { formatNumber } from '@tweedie/cli';
import type { ByCalls } from './by-calls.ts';
import type { Finding } from './claim.ts';
import { allOf, belowVerdict, gapOf, meanFd, said } from './paired.ts';
import { PUBLISHED_LEAST, type Profiles } from './profiles.ts';

/** The published table's number of calls. */
export const DECISIVE = 10;
export const PLAIN = 'DEIS';
export const MEASURED = 'DEIS-SN, measured profile';
export const CLIPPED = 'DEIS-SN, measured, clipped';
export const GAUSSIAN = 'DEIS-SN, Gaussian profile';

/** At 10 calls, at every number of calls, and what the measuring of the profile is worth. */
export const findingsOf = (short: string, by: ByCalls, { levels, measured }: Profiles, clips = false): readonly Finding[] => {
  const least = measured[levels.indexOf(0.01)]!;
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
  const cut = clips ? gapOf(by.cells(CLIPPED, DECISIVE), by.cells(PLAIN, DECISIVE)) : undefined;
  return [
    {
      claim: `Normalised scores are better than plain DEIS at ${DECISIVE} calls (${short})`,
      ran: ran(`${seeds === 1 ? 'one seed' : `${seeds} seeds`}, ${DECISIVE} calls`),
      measured: `FD ${with_.toPrecision(3)} against ${without.toPrecision(3)}: ${said(at)}, ${formatNumber(Math.round((100 * at.value) / without), 3)} %; published: 6.44 → 5.57 on CIFAR-10, −14 %`,
      verdict: first,
      ...(first === 'held'
        ? {}
        : {
            because: `as far as it is known: the flow itself is followed as well (off it by ${off(MEASURED)} with and ${off(PLAIN)} without), and the profile of digits falls less (to ${least.toPrecision(2)} at ρ = .01; CIFAR-10, published: ${PUBLISHED_LEAST.toPrecision(2)}), so that between levels this close there is little to normalise`,
          }),
    },
    ...(cut === undefined
      ? []
      : [
          {
            claim: `With the profile clipped, as published for CIFAR-10, they are better at ${DECISIVE} calls (${short})`,
            ran: ran(`${DECISIVE} calls`),
            measured: `FD less that of plain DEIS: ${said(cut)}; off the flow by ${off(CLIPPED)}`,
            verdict: belowVerdict(cut),
          },
        ]),
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
