import { formatNumber } from '@tweedie/cli';
import { jackknifed, pairedDifference } from '@tweedie/metrics';
import { APPROXIMATIONS, type Approximation } from './approximations.ts';
import type { Finding, Verdict } from './claim.ts';
import type { Level, Unexplained } from './explained-variance.ts';
import type { Departure } from './initial-trajectory.ts';
import type { Stage } from './learned-score.ts';
import { allOf, belowVerdict } from './paired.ts';

/** What may be left unexplained of a denoiser that is called nearly Gaussian. */
const NEARLY = 0.05;

const around = (value: number, half: number): { readonly interval: readonly [number, number] } => ({
  interval: [value - half, value + half],
});
const range = (value: number, half: number): string => `${formatNumber(value, 2)} ± ${formatNumber(half, 1)}`;

const halfOf = ({ denoiser, leftOut }: Unexplained): number => jackknifed({ value: denoiser, leftOut }).half;
const written = (of: Unexplained): string => range(of.denoiser, halfOf(of));
const apart = (a: Unexplained, b: Unexplained) =>
  pairedDifference({ value: a.denoiser, leftOut: a.leftOut }, { value: b.denoiser, leftOut: b.leftOut });

/** At σ = 20. */
export const gaussianFar = (levels: readonly Level[], n: number): Finding => {
  const { sigma, unexplained, error, errors } = levels.find((level) => level.sigma === 20)!;
  const { gaussian } = unexplained;
  const verdict = belowVerdict(around(gaussian.denoiser, halfOf(gaussian)), NEARLY);
  const digits = (value: number): string => value.toPrecision(4);
  return {
    claim: 'At high noise the learned score is that of a Gaussian',
    ran: `the shipped digits model without classes, ${n} test images, σ = ${sigma}; nearly: at most ${NEARLY} of the denoiser’s variance unexplained`,
    measured: `unexplained of the denoiser ${written(gaussian)}, of the score ${formatNumber(gaussian.score, 2)}; published for CIFAR-10: .024, and 2.6·10⁻⁶`,
    verdict,
    ...(verdict === 'held'
      ? {}
      : {
          because: `there E‖D − x₀‖² of the network is ${digits(error)} a pixel, that of the Gaussian’s denoiser ${digits(errors.gaussian)}, of the training images’ ${digits(errors.delta)}${
            error > errors.gaussian ? ': the network, which sees such noise rarely in training, is the one that is off' : ''
          }`,
        }),
  };
};

/** Against the images themselves, which is what a network would be that memorised them. */
export const gaussianNearer = (levels: readonly Level[], n: number): Finding => {
  const compared = levels
    .filter(({ sigma }) => sigma >= 1 && sigma <= 5)
    .map(({ sigma, unexplained: { gaussian, delta } }) => ({
      sigma,
      gaussian,
      delta,
      verdict: belowVerdict(apart(gaussian, delta)),
    }));
  return {
    claim: 'At moderate noise the learned score is nearer to the Gaussian’s than to that of the training images',
    ran: `the shipped digits model without classes, ${n} test images, σ = ${compared.map(({ sigma }) => sigma).join(', ')}`,
    measured: `unexplained of the denoiser, Gaussian against images: ${compared
      .map(({ sigma, gaussian, delta }) => `σ = ${sigma}: ${written(gaussian)} against ${written(delta)}`)
      .join('; ')}`,
    verdict: allOf(compared.map(({ verdict }) => verdict)),
  };
};

/** Whichever explains most of a model at a level; undefined where two cannot be told apart. */
const nearestOf = ({ unexplained }: Level): Approximation | undefined => {
  const [best, next] = APPROXIMATIONS.toSorted((a, b) => unexplained[a].denoiser - unexplained[b].denoiser) as [
    Approximation,
    Approximation,
  ];
  return apart(unexplained[best], unexplained[next]).interval[1] < 0 ? best : undefined;
};

/** Which formula a network is nearest to, step by step: the Gaussian's before the mixture's? */
export const gaussianFirst = (stages: readonly Stage[], n: number): Finding => {
  const sigma = 1;
  const nearest = stages.map(({ step, levels }) => {
    const level = levels.find((each) => each.sigma === sigma)!;
    return { step, level, nearest: nearestOf(level) };
  });
  const gaussian = nearest.findIndex((each) => each.nearest === 'gaussian');
  const mixture = nearest.findIndex((each) => each.nearest === 'mixture');
  const verdict: Verdict =
    gaussian >= 0 && mixture > gaussian ? 'held' : mixture >= 0 && (gaussian < 0 || gaussian > mixture) ? 'not held' : 'not decided';
  const called = (step: number): string => (step === Infinity ? 'at the end' : `step ${step}`);
  return {
    claim: 'The Gaussian part of the score is learnt first',
    ran: `the digits model after ${nearest.length - 1} numbers of steps and at the end, ${n} test images, σ = ${sigma}: whose denoiser is nearest, and later one with more structure`,
    measured: nearest
      .map(({ step, level: { unexplained }, nearest: name }) =>
        name === undefined
          ? `${called(step)}: no one surely`
          : `${called(step)}: ${SAID[name]} (${written(unexplained[name])} unexplained)`,
      )
      .join('; '),
    verdict,
    ...(verdict === 'held'
      ? {}
      : { because: gaussian < 0 ? 'at none of these steps is the Gaussian’s the nearest' : 'no mixture is surely nearer later' }),
  };
};

const SAID: { readonly [name in Approximation]: string } = {
  mean: 'the mean',
  isotropic: 'the isotropic Gaussian',
  gaussian: 'the Gaussian',
  mixture: 'the Gaussians of ten classes',
  delta: 'the training images',
};

export const trajectoryPredicted = (departures: readonly Departure[], n: number): Finding => {
  const { rho, unexplained, half, state } = departures.reduce((best, each) =>
    Math.abs(Math.log(each.rho / 20)) < Math.abs(Math.log(best.rho / 20)) ? each : best,
  );
  const verdict = belowVerdict(around(unexplained, half), NEARLY);
  const departs = departures.find((each) => each.rho < rho && each.unexplained - each.half > 2 * NEARLY);
  return {
    claim: 'The first part of a trajectory is the Gaussian’s',
    ran: `the shipped digits model without classes from ${n} draws of noise, Heun’s method with ${2 * departures.length} calls, and the Gaussian’s flow from the same; at ρ = ${formatNumber(rho, 3)}`,
    measured: `state apart by ${formatNumber(100 * state, 2)} %; of x̂₀ less the mean ${range(unexplained, half)} unexplained${departs === undefined ? '' : `; surely more than ${2 * NEARLY} from ρ = ${formatNumber(departs.rho, 3)} down`}`,
    verdict,
    ...(verdict === 'held'
      ? {}
      : { because: 'the state is as the Gaussian says; what the network makes of it is not, see the score at high noise' }),
  };
};
