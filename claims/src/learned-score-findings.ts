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
/** The same of a score. */
const IN_SCORES = 0.01;
/** How far apart, relatively, two states may be that are called the same. */
const SAME = 0.01;

const around = (value: number, half: number): { readonly interval: readonly [number, number] } => ({
  interval: [value - half, value + half],
});
const range = (value: number, half: number): string => `${formatNumber(value, 2)} ± ${formatNumber(half, 1)}`;

const halfOf = ({ denoiser, leftOut }: Unexplained): number => jackknifed({ value: denoiser, leftOut }).half;
const written = (of: Unexplained): string => range(of.denoiser, halfOf(of));
const apart = (a: Unexplained, b: Unexplained) =>
  pairedDifference({ value: a.denoiser, leftOut: a.leftOut }, { value: b.denoiser, leftOut: b.leftOut });

/** At σ = 20: in scores, the paper's measure, and in denoisers, where what both share is left out. */
export const gaussianFar = (levels: readonly Level[], n: number): readonly Finding[] => {
  const { sigma, unexplained, error, errors, distances } = levels.find((level) => level.sigma === 20)!;
  const { gaussian, isotropic } = unexplained;
  const verdict = belowVerdict(around(gaussian.denoiser, halfOf(gaussian)), NEARLY);
  const ran = `the shipped digits model without classes, ${n} test images, σ = ${sigma}`;
  return [
    {
      claim: 'At high noise the learned score is that of a Gaussian',
      ran: `${ran}; at most ${IN_SCORES} of the score’s square unexplained`,
      measured: `${formatNumber(gaussian.score, 2)} unexplained; published for CIFAR-10: 2.6·10⁻⁶. An isotropic Gaussian leaves ${formatNumber(isotropic.score, 2)}`,
      verdict: belowVerdict({ interval: [gaussian.score, gaussian.score] }, IN_SCORES),
    },
    {
      claim: 'So is the learned denoiser, which leaves out what all scores share at high noise',
      ran: `${ran}; at most ${NEARLY} of the denoiser’s variance unexplained`,
      measured: `${written(gaussian)} unexplained; published for CIFAR-10: .024`,
      verdict,
      ...(verdict === 'held'
        ? {}
        : {
            because: `the two are E‖D − D_G‖² = ${formatNumber(distances.gaussian, 2)} a pixel apart, ${formatNumber((100 * distances.gaussian) / error, 2)} % of the error E‖D − x₀‖² that each makes (network ${error.toPrecision(4)}, Gaussian ${errors.gaussian.toPrecision(4)}, training images ${errors.delta.toPrecision(4)}): there is little to learn at such noise, and this training law rarely draws it`,
          }),
    },
  ];
};

/** Against the images themselves, which is what a network would be that memorised them. */
export const gaussianNearer = (levels: readonly Level[], n: number): Finding => {
  const compared = levels
    .filter(({ sigma }) => sigma >= 1 && sigma <= 5)
    .map(({ sigma, errors, unexplained: { gaussian, delta } }) => ({
      sigma,
      gaussian,
      delta,
      errors,
      verdict: belowVerdict(apart(gaussian, delta)),
    }));
  const against = compared.filter(({ verdict }) => verdict === 'not held');
  return {
    claim: 'At moderate noise the learned score is nearer to the Gaussian’s than to that of the training images',
    ran: `the shipped digits model without classes, ${n} test images, σ = ${compared.map(({ sigma }) => sigma).join(', ')}`,
    measured: `unexplained of the denoiser, Gaussian against images: ${compared
      .map(({ sigma, gaussian, delta }) => `σ = ${sigma}: ${written(gaussian)} against ${written(delta)}`)
      .join('; ')}`,
    verdict: allOf(compared.map(({ verdict }) => verdict)),
    ...(against.length === 0
      ? {}
      : {
          because: `there the images themselves make the better denoiser: E‖D_a − x₀‖² ${against.map(({ sigma, errors }) => `${errors.delta.toPrecision(3)} against the Gaussian’s ${errors.gaussian.toPrecision(3)} at σ = ${sigma}`).join(', ')}`,
        }),
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

/** From equal noise, at ρ = 20: where the state is, and what the network and the Gaussian say of its image. */
export const trajectoryPredicted = (departures: readonly Departure[], n: number): readonly Finding[] => {
  const at = departures.reduce((best, each) => (Math.abs(Math.log(each.rho / 20)) < Math.abs(Math.log(best.rho / 20)) ? each : best));
  const { rho, unexplained, half, state, image, mean } = at;
  const apartFrom = departures.find((each) => each.state > 5 * SAME);
  const ran = `the shipped digits model without classes from ${n} draws of noise, Heun’s method with ${2 * departures.length} calls, and the Gaussian’s flow from the same; at ρ = ${formatNumber(rho, 3)}`;
  const percent = (value: number): string => `${formatNumber(100 * value, 2)} %`;
  const verdict = belowVerdict(around(unexplained, half), NEARLY);
  return [
    {
      claim: 'The first part of a trajectory is the Gaussian’s',
      ran: `${ran}; states apart by at most ${percent(SAME)}`,
      measured: `${percent(state)} apart${apartFrom === undefined ? '' : `, ${percent(5 * SAME)} from ρ = ${formatNumber(apartFrom.rho, 3)} down`}; x̂₀ apart by ${percent(image)}, the mean from it by ${percent(mean)}`,
      verdict: belowVerdict({ interval: [state, state] }, SAME),
    },
    {
      claim: 'So is what the image is expected to be, beyond the mean of all',
      ran: `${ran}; at most ${NEARLY} of E‖x̂₀ − mean‖² unexplained`,
      measured: `${range(unexplained, half)} unexplained`,
      verdict,
      ...(verdict === 'held'
        ? {}
        : { because: 'as with the denoiser at high noise: the network’s own error is of the size of what there is to say' }),
    },
  ];
};
