import { formatNumber } from '@tweedie/cli';
import { judge, type Json } from '@tweedie/core';
import { inceptionScore } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';
import type { Conclusion, Lab } from './claim.ts';
import { round } from './digits.ts';
import { heldOutBits } from './held-out-bits.ts';
import { inBatches } from './image-judge.ts';
import { digitsRun, SAMPLING_SEED, type Head, type Plan } from './lcss-training.ts';
import { below, between, equivalent, overSeeds } from './over-seeds.ts';
import { configKey, drawFrom, type SmallRun } from './small-run.ts';

/** A score with its 95 % interval. */
interface Score {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

const inceptionOf = (lab: Lab, run: SmallRun, { steps, n, calls }: Plan): Promise<Score> =>
  lab.cell({ kind: 'inception-score', config: configKey(run), step: steps, n, calls, seed: SAMPLING_SEED }, async (): Promise<Json> => {
    const { images } = await drawFrom(lab, { run, step: steps, n, calls, seed: SAMPLING_SEED });
    const [result] = await judge(
      [inceptionScore()],
      { extractor: await loadMnistnet(), seed: 0n },
      inBatches(images, { shape: [28, 28, 1] }),
    );
    const { value, interval = [value, value] } = result!;
    return { value: round(value, 6), interval: interval.map((each) => round(each)) };
  }) as unknown as Promise<Score>;

/** The Inception score on mnistnet, and bits per dimension of held-out digits, of DSM and LCSS: seed 0. */
export const otherScores = async (lab: Lab, plan: Plan): Promise<Pick<Conclusion, 'findings' | 'sections'>> => {
  const n = lab.quick ? 4 : 64;
  const of = async (name: 'dsm' | 'lcss', head: Head) => {
    const run = digitsRun({ name, head, seed: 0, steps: plan.steps });
    return {
      name: head === 'edm' ? name : `${name}, ε head`,
      score: await inceptionOf(lab, run, plan),
      bits: await heldOutBits(lab, { run, step: plan.steps, n }),
    };
  };
  const pairs = [];
  for (const head of plan.others === 0 ? (['edm'] as const) : (['edm', 'eps'] as const))
    pairs.push({ dsm: await of('dsm', head), lcss: await of('lcss', head) });
  const { dsm, lcss } = pairs.at(-1)!;
  const apart = lcss.score.value - dsm.score.value;
  const bits = overSeeds(lcss.bits.map((each, i) => each - dsm.bits[i]!));
  const ran = `MNIST, seed 0 after ${plan.steps} steps${plan.others === 0 ? '' : ', the head whose losses are two programs'}`;
  return {
    findings: [
      {
        claim: 'LCSS has the Inception score of DSM',
        ran: `${ran}; on mnistnet, n = ${plan.n}`,
        measured: `IS-mnistnet ${formatNumber(lcss.score.value, 4)} against ${formatNumber(dsm.score.value, 4)} ${between(dsm.score.interval, 3)}`,
        verdict: equivalent([apart, apart], (dsm.score.interval[1] - dsm.score.interval[0]) / 2),
      },
      {
        claim: 'LCSS needs no more bits per dimension than DSM',
        ran: `${ran}; ${n} test digits, given their classes; probability-flow ODE, Dormand–Prince at 10⁻⁴, uniform dequantisation, offset 7`,
        measured: `${formatNumber(overSeeds(lcss.bits).mean, 4)} against ${formatNumber(overSeeds(dsm.bits).mean, 4)}: difference ${formatNumber(bits.mean, 2)} ${between(bits.interval)}; up to .01 counts as no more`,
        verdict: below(bits.interval, 0.01),
      },
    ],
    sections: [
      {
        title: 'Inception score and bits per dimension',
        text: `Seed 0 after ${plan.steps} steps, with 95 % intervals: the score of ${plan.n} drawn digits on mnistnet (1 to 10), bits per dimension of ${n} test digits. Below σ ≈ .1 these runs are hardly trained, and most bits are decided there.`,
        table: {
          columns: ['objective', 'IS-mnistnet', '95 %', 'bits per dimension', '95 %'],
          rows: pairs
            .flatMap(({ dsm: a, lcss: b }) => [a, b])
            .map(({ name, score, bits: own }) => {
              const { mean, interval } = overSeeds(own);
              return [name, formatNumber(score.value, 4), between(score.interval, 3), formatNumber(mean, 4), between(interval, 3)];
            }),
        },
      },
    ],
  };
};
