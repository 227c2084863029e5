import { formatNumber } from '@tweedie/cli';
import { judge, type Dataset, type Json } from '@tweedie/core';
import { cifar10, subset } from '@tweedie/data';
import { memorisation } from '@tweedie/metrics';
import type { Conclusion, Finding, Lab } from './claim.ts';
import { round } from './digits.ts';
import { inBatches } from './image-judge.ts';
import { between } from './over-seeds.ts';
import { configKey, drawFrom } from './small-run.ts';
import { photographRun, SAMPLING_SEED, type Plan, type Target } from './stf-training.ts';

/** How many drawn images lie nearer to some images than 5 % of test images do. */
export interface Near {
  readonly share: number;
  readonly interval: readonly [low: number, high: number];
  /** Images that are equal to one of them. */
  readonly equal: number;
  /** Median distance to the nearest, of what was drawn and of test images. */
  readonly drawn: number;
  readonly heldOut: number;
}

/**
 * Nearest neighbours among training images, and among as many images of the test split, which nobody can have copied: smooth images are
 * near to everything, and only the difference of the two tells of copies.
 */
export interface Copied {
  readonly training: Near;
  readonly control: Near;
}

interface Sizes {
  readonly n: number;
  readonly neighbours: number;
  readonly heldOut: number;
}

const copied = (lab: Lab, plan: Plan, target: Target, { n, neighbours, heldOut }: Sizes): Promise<Copied> => {
  const run = photographRun(plan, target, 0);
  const key = {
    kind: 'memorisation',
    config: configKey(run),
    step: plan.steps,
    n,
    calls: plan.calls,
    seed: SAMPLING_SEED,
    neighbours,
    heldOut,
  };
  return lab.cell(key, async (): Promise<Json> => {
    const [train, test] = [await cifar10({ split: 'train', fetch: true }), await cifar10({ split: 'test', fetch: true })];
    const { images } = await drawFrom(lab, { run, step: plan.steps, n, calls: plan.calls, seed: SAMPLING_SEED });
    const reference = subset(test, test.size - heldOut, test.size);
    const near = async (training: Dataset): Promise<Json> => {
      const metric = memorisation({ quantile: 0.05, referenceRows: heldOut });
      const [result] = await judge([metric], { reference, training, seed: 0n }, inBatches(images, reference));
      const { value, interval = [0, 1], details } = result!;
      return {
        share: round(value),
        interval: interval.map((each) => round(each)),
        equal: Number(details['copies']),
        drawn: round(Number(details['medianDistance'])),
        heldOut: round(Number(details['heldOutMedianDistance'])),
      };
    };
    return { training: await near(subset(train, 0, neighbours)), control: await near(subset(test, 0, neighbours)) };
  }) as unknown as Promise<Copied>;
};

/** The check of both targets. */
export const copiedImages = async (lab: Lab, plan: Plan): Promise<Pick<Conclusion, 'findings' | 'sections'>> => {
  const sizes = lab.quick ? { n: 32, neighbours: 500, heldOut: 100 } : { n: 500, neighbours: 8000, heldOut: 2000 };
  const measured = { dsm: await copied(lab, plan, 'dsm', sizes), stf: await copied(lab, plan, 'stf', sizes) };
  return {
    findings: [copiesFinding(measured.stf, sizes, plan)],
    sections: [
      {
        title: 'Copies of training images',
        text: `The share of ${sizes.n} drawn images whose nearest among ${sizes.neighbours} training images is nearer than 5 % of ${sizes.heldOut} test images have theirs; the same among ${sizes.neighbours} other test images, which nobody can have copied. Smooth images are near to everything: only the difference tells of copies.`,
        table: {
          columns: ['', 'among', 'share', '95 %', 'median distance', 'of test images', 'equal images'],
          rows: (['dsm', 'stf'] as const).flatMap((target) =>
            (['training', 'control'] as const).map((among) => {
              const { share, interval, equal, drawn, heldOut } = measured[target][among];
              return [
                target,
                among === 'training' ? 'training images' : 'test images',
                share,
                between(interval),
                drawn,
                heldOut,
                String(equal),
              ];
            }),
          ),
        },
      },
    ],
  };
};

/** Shares that differ by so much are told apart. */
const MARGIN = 0.05;

export const copiesFinding = (
  { training, control }: Copied,
  { n, neighbours }: Pick<Sizes, 'n' | 'neighbours'>,
  { steps }: Pick<Plan, 'steps'>,
): Finding => ({
  claim: 'STF does not make a network copy training images',
  ran: `CIFAR-10, seed 0 after ${steps} steps, n = ${n}; ${neighbours} training images against ${neighbours} test images`,
  measured: `${formatNumber(training.share, 2)} ${between(training.interval)} lie nearer to a training image than 5 % of test images do, ${formatNumber(control.share, 2)} ${between(control.interval)} to a test image; ${training.equal} equal a training image`,
  verdict:
    training.equal > 0 || training.interval[0] > control.interval[1]
      ? 'not held'
      : training.interval[1] <= control.share + MARGIN
        ? 'held'
        : 'not decided',
});
