import { formatNumber } from '@tweedie/cli';
import { pairedDifference } from '@tweedie/metrics';
import type { Claim, Conclusion, Finding, Lab } from './claim.ts';
import { copiedImages } from './copied-images.ts';
import { gradientNoise, type GradientNoise } from './gradient-noise.ts';
import { below, between, overSeeds } from './over-seeds.ts';
import { stepCost, type StepCost } from './step-cost.ts';
import {
  learningFindings,
  learningSection,
  photographRun,
  planOf,
  TARGETS,
  trainedPhotographs,
  type Learnt,
  type Plan,
  type Target,
} from './stf-training.ts';
import { curveFindings, curveSection, targetCurve, type TargetCurve } from './target-curve.ts';

/** Stable target field, Y. Xu, S. Tong, T. Jaakkola (2302.00670): targets averaged over a reference batch vary less, so that training is faster and steadier. */
export const stf: Claim = Object.freeze<Claim>({
  id: 'stf',
  method: 'STF',
  paper: 'Y. Xu, S. Tong, T. Jaakkola: Stable Target Field for Reduced Variance Score Estimation in Diffusion Models (2302.00670).',
  budget: { whole: 60, quick: 1.5 },
  study: async (lab) => {
    const plan = planOf(lab);
    const curve = await targetCurve(lab);
    const learnt = await trainedPhotographs(lab, plan);
    const parts = [await noise(lab, plan), await cost(lab, learnt, plan), await copiedImages(lab, plan)];
    const told = `${formatNumber(100 * shareAbove(reachOf(curve)), 2)} % of the levels of a training lie where a reference of ${curve.sizes.at(-1)} has more than 2 effective points; on the others the target of STF is about that of DSM`;
    return {
      findings: [
        ...curveFindings(curve),
        ...learningFindings(learnt, plan).map((each) => (each.verdict === 'held' ? each : { ...each, because: told })),
        ...parts.flatMap(({ findings }) => findings),
      ],
      sections: [curveSection(curve), learningSection(learnt, plan), ...parts.flatMap(({ sections }) => sections)],
      notes: [`Under EDM’s law, ln σ ~ N(−1.2, 1.2²), ${told}.`],
    };
  },
});

type Part = Pick<Conclusion, 'findings' | 'sections'>;

/** The least level measured at which a target of the largest reference is an average: an effective size above 2. */
const reachOf = ({ levels }: TargetCurve): number => levels.find(({ ess }) => ess > 2)?.sigma ?? Infinity;

/** P(σ > level), ln σ ~ N(−1.2, 1.2²): the tail of the normal law by 7.1.26 of Abramowitz and Stegun, to 2·10⁻⁷. */
export const shareAbove = (level: number): number => {
  const x = (Math.log(level) + 1.2) / (1.2 * Math.SQRT2);
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = (((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x)) / 2;
  return x >= 0 ? tail : 1 - tail;
};

/** The noise of a batch's gradient under both targets, at weights of a DSM run. */
const noise = async (lab: Lab, plan: Plan): Promise<Part> => {
  const sigmas: readonly (number | undefined)[] = lab.quick ? [undefined, 10] : [undefined, 0.3, 2, 5, 10, 20];
  const batches = lab.quick ? 16 : 32;
  const run = photographRun(plan, 'dsm', 0);
  const of = (target: Target, sigma: number | undefined): Promise<GradientNoise> =>
    gradientNoise(lab, { run, step: plan.steps, objective: TARGETS[target], sigma, batches });
  const measured: Noises[] = [];
  for (const sigma of sigmas) measured.push({ sigma, dsm: await of('dsm', sigma), stf: await of('stf', sigma) });
  return {
    findings: [noiseFinding(measured, { batches, plan })],
    sections: [
      {
        title: 'The noise of the gradient',
        text: `tr Cov of the gradient of a batch of ${plan.batchSize} over ${batches} batches, at the weights of DSM's seed 0 after ${plan.steps} steps: that of STF over that of DSM on the same batches, levels and noise, with its 95 % interval (jackknife over groups of batches). Beside it how loud the noise of DSM is, tr Cov/‖E g‖².`,
        table: {
          columns: ['σ', 'STF over DSM', '95 %', 'noise over signal, DSM'],
          rows: measured.map(({ sigma, dsm, stf: other }) => {
            const { value, interval } = ratioOf(other, dsm);
            return [
              sigma === undefined ? 'as trained' : String(sigma),
              formatNumber(value, 3),
              between(interval, 3),
              dsm.signal > 0 ? formatNumber(dsm.value / dsm.signal, 3) : 'signal not seen',
            ];
          }),
        },
      },
    ],
  };
};

interface Noises {
  readonly sigma: number | undefined;
  readonly dsm: GradientNoise;
  readonly stf: GradientNoise;
}

/** The jackknife of log a − log b. */
export const ratioOf = (a: GradientNoise, b: GradientNoise): { readonly value: number; readonly interval: readonly [number, number] } => {
  const log = ({ value, leftOut }: GradientNoise) => ({ value: Math.log(value), leftOut: leftOut.map(Math.log) });
  const { value, interval } = pairedDifference(log(a), log(b));
  return { value: Math.exp(value), interval: [Math.exp(interval[0]), Math.exp(interval[1])] };
};

export const noiseFinding = (measured: readonly Noises[], { batches, plan }: { batches: number; plan: Plan }): Finding => {
  const { dsm, stf: other } = measured.find(({ sigma }) => sigma === undefined)!;
  const { value, interval } = ratioOf(other, dsm);
  return {
    claim: 'STF is steadier: the gradient of a step is less noisy',
    ran: `weights of DSM after ${plan.steps} steps, ${batches} batches of ${plan.batchSize}, levels as trained`,
    measured: `tr Cov over that of DSM: ${formatNumber(value, 3)} ${between(interval, 3)}`,
    verdict: below(interval, 1),
  };
};

const cost = async (lab: Lab, { dsm, stf: other }: Readonly<Record<Target, Learnt>>, plan: Plan): Promise<Part> => {
  const measured = await stepCost(lab, {
    shape: [32, 32, 3],
    batchSize: plan.batchSize,
    rounds: lab.quick ? 6 : 40,
    objectives: (['dsm', 'stf'] as const).map((name) => ({ name, objective: TARGETS[name] })),
  });
  const trained = overSeeds(
    dsm.trainings.flatMap(({ milliseconds }, seed) => {
      const slower = other.trainings[seed]!.milliseconds;
      return milliseconds === null || slower === null ? [] : [slower / milliseconds];
    }),
  );
  return { findings: [costFinding(measured)], sections: [costSection(measured, trained)] };
};

export const costFinding = ({ rows, batchSize, rounds, machine }: StepCost): Finding => {
  const { time, memory, limit } = rows.find(({ name }) => name === 'stf')!;
  const interval = time?.interval ?? null;
  const verdict = interval === null ? 'not decided' : below(interval, limit ?? LIMIT);
  return {
    claim: 'The reference batch costs little',
    ran: `a training step of the digits network on 32 × 32 × 3, batch ${batchSize}, reference 1024, ${rounds} rounds in turns; processor time; ${machine}`,
    measured: `time over that of DSM ${formatNumber(time?.median ?? NaN, 3)} ${between(interval ?? [NaN, NaN], 3)}, memory ${formatNumber(memory ?? NaN, 3)} times. At most ${LIMIT} counts as little`,
    verdict,
    ...(verdict === 'not held'
      ? { because: 'reading 1024 images and weighing them costs the same whatever the network: much beside a network this small, little beside one of 56 million weights' } // prettier-ignore
      : {}),
  };
};

const LIMIT = 1.1;

const costSection = ({ rows, parameters }: StepCost, trained: ReturnType<typeof overSeeds>): Part['sections'][number] => ({
  title: 'What the reference costs',
  text: `Processor time and peak bytes of tensors of a whole step of ${formatNumber(parameters)} weights, in turns. In the trainings above, which read real images, a median step of STF took ${formatNumber(trained.mean, 3)} times ${between(trained.interval, 3)} as long as one of DSM.`,
  table: {
    columns: ['', 'step, ms', 'time over dsm', 'peak, MiB', 'memory over dsm'],
    rows: rows.map(({ name, milliseconds, time, peakBytes, memory }) => [
      name,
      milliseconds ?? '',
      time === null ? '' : `${formatNumber(time.median, 3)} ${time.interval === null ? '' : between(time.interval, 3)}`,
      peakBytes === null ? '' : formatNumber(peakBytes / 2 ** 20, 3),
      memory ?? '',
    ]),
  },
});
