import { formatNumber } from '@tweedie/cli';
import type { Claim, Conclusion, Finding, Lab } from './claim.ts';
import { shippedDigits } from './digits.ts';
import { gradientIdentity, HEADS, type Apart } from './gradient-identity.ts';
import { otherScores } from './lcss-scores.ts';
import { OBJECTIVES, planOf, trainedDigits } from './lcss-training.ts';
import { trainingFindings, trainingSection } from './lcss-verdicts.ts';
import { below, between } from './over-seeds.ts';
import { stepCost, type StepCost } from './step-cost.ts';

/**
 * Local curvature smoothing with Stein's identity, G. Osada, M. Shing, T. Nishide (2412.03962): a score without the noise of random
 * projections and without second derivatives. Written out, its loss is that of denoising score matching and a constant.
 */
export const lcss: Claim = Object.freeze<Claim>({
  id: 'lcss',
  method: 'LCSS',
  paper: "G. Osada, M. Shing, T. Nishide: Local Curvature Smoothing with Stein's Identity for Efficient Score Matching (2412.03962).",
  budget: { whole: 90, quick: 3 },
  study: async (lab) => {
    const plan = planOf(lab);
    const outcomes = await trainedDigits(lab, plan);
    const parts = [await otherScores(lab, plan), await cost(lab), await identity(lab)];
    return {
      findings: [...parts[2]!.findings, ...trainingFindings(outcomes, plan), ...parts.slice(0, 2).flatMap(({ findings }) => findings)],
      sections: [...parts[2]!.sections, trainingSection(outcomes, plan), ...parts.slice(0, 2).flatMap(({ sections }) => sections)],
      notes: [
        'All objectives see the same first weights, batches, noise levels and noise at equal seeds; `fd-ssm` takes differences 0.1 σ long, for 0.1 would be many times the least σ.',
      ],
    };
  },
});

type Part = Pick<Conclusion, 'findings' | 'sections'>;

/** Where two programs for one number differ by rounding: 2⁻²³ times what a long sum in float32 makes of it. */
const ROUNDING = 1e-5;

const identity = async (lab: Lab): Promise<Part> => {
  const sigmas = lab.quick ? [0.1, 10] : [0.002, 0.1, 0.5, 2, 10, 80];
  const rows = lab.quick ? 4 : 32;
  const measured = [
    { weights: 'fresh', apart: await gradientIdentity(lab, { sigmas, rows }) },
    { weights: 'shipped', apart: await gradientIdentity(lab, { subject: await shippedDigits(lab), sigmas, rows }) },
  ];
  return {
    findings: [
      identityFinding(
        measured.flatMap(({ apart }) => apart),
        rows,
      ),
    ],
    sections: [identitySection(measured, sigmas, rows)],
  };
};

export const identityFinding = (apart: readonly Apart[], rows: number): Finding => {
  const greatest = Math.max(...apart.map((each) => each.lcss));
  const least = Math.min(...apart.map((each) => each.control));
  return {
    claim: 'The gradient of LCSS is the gradient of DSM',
    ran: `the digits network, fresh and as shipped, ${rows} digits, same noise, every head and level of the table`,
    measured: `greatest difference ${formatNumber(greatest, 2)} of the greatest entry; fd-ssm differs by ${formatNumber(least, 2)} at least`,
    // Where another objective is no farther away, the comparison cannot tell anything.
    verdict: least <= 10 * greatest ? 'not decided' : greatest <= ROUNDING ? 'held' : 'not held',
  };
};

const identitySection = (
  measured: readonly { readonly weights: string; readonly apart: readonly Apart[] }[],
  sigmas: readonly number[],
  rows: number,
): Part['sections'][number] => ({
  title: 'One gradient',
  text: `max |∇L_LCSS − ∇L_DSM| / max |∇L_DSM| over all weights, ${rows} digits. The head is how the output of the network is read: with \`edm\` the two losses are one program, with the others two. Last, the same of fd-ssm, which has the optimum of DSM and another gradient.`,
  table: {
    columns: ['weights, head', ...sigmas.map((sigma) => `σ = ${sigma}`)],
    rows: measured.flatMap(({ weights, apart }) => [
      ...HEADS.map((head) => [`${weights}, ${head}`, ...row(apart, head, 'lcss')]),
      [`${weights}, edm: fd-ssm`, ...row(apart, 'edm', 'control')],
    ]),
  },
});

const row = (apart: readonly Apart[], head: Apart['head'], what: 'lcss' | 'control'): string[] =>
  apart.filter((each) => each.head === head).map((each) => formatNumber(each[what], 2));

/** The ratio table. */
const cost = async (lab: Lab): Promise<Part> => {
  const measured = await stepCost(lab, {
    shape: [28, 28, 1],
    batchSize: lab.quick ? 8 : 32,
    rounds: lab.quick ? 6 : 120,
    objectives: [
      ...Object.entries(OBJECTIVES).map(([name, objective]) => ({ name, objective })),
      { name: 'lcss-antithetic', objective: { use: 'lcss', antithetic: true } },
      { name: 'stf', objective: { use: 'stf' } },
      { name: 'ism', objective: { use: 'ism' } },
    ],
  });
  return { findings: costFindings(measured), sections: [costSection(measured)] };
};

export const costFindings = ({ rows, shape, batchSize, rounds, machine }: StepCost): readonly Finding[] => {
  const ran = `a training step of the digits network on ${shape.join(' × ')}, batch ${batchSize}, ${rounds} rounds in turns; processor time; ${machine}`;
  const of = (name: string): StepCost['rows'][number] => rows.find((each) => each.name === name)!;
  const own = of('lcss');
  const shown = (name: string): string =>
    `${name} ${of(name).time === null ? of(name).status : `${formatNumber(of(name).time!.median, 3)} ${between(of(name).time!.interval ?? [NaN, NaN], 3)}`}`;
  const others = ['ssm', 'ssm-vr', 'fd-ssm'];
  const highest = own.time?.interval?.[1] ?? Infinity;
  const lowest = Math.min(...others.map((name) => of(name).time?.interval?.[0] ?? -Infinity));
  const least = own.time?.interval?.[0] ?? -Infinity;
  const greatest = Math.max(...others.map((name) => of(name).time?.interval?.[1] ?? Infinity));
  return [
    {
      claim: 'A step of LCSS costs no more than one of DSM',
      ran,
      measured: `time over that of dsm: ${shown('lcss')}; memory ${formatNumber(own.memory ?? NaN, 3)} times. At most 1.03 counts as no more`,
      verdict: own.time?.interval ? below(own.time.interval, 1.03) : 'not decided',
    },
    {
      claim: 'A step of LCSS costs less than one of SSM and FD-SSM',
      ran,
      measured: `time over that of dsm: ${['lcss', ...others].map(shown).join(', ')}; memory ${['lcss', ...others].map((name) => `${name} ${formatNumber(of(name).memory ?? NaN, 3)}`).join(', ')}`,
      verdict: highest < lowest ? 'held' : least > greatest ? 'not held' : 'not decided',
    },
  ];
};

const costSection = ({ rows, machine, batchSize, parameters }: StepCost): Part['sections'][number] => ({
  title: 'What a step costs',
  text: `Processor time and peak bytes of tensors of a whole training step (batch, loss, gradient, Adam, moving average), as ratios to dsm measured in turns; medians with 95 % intervals. Batch ${batchSize}, ${formatNumber(parameters)} weights, ${machine}.`,
  table: {
    columns: ['objective', 'step, ms', 'time over dsm', 'peak, MiB', 'memory over dsm'],
    rows: rows.map((each) => [
      each.name,
      each.milliseconds ?? each.reason ?? each.status,
      each.time === null ? '' : `${formatNumber(each.time.median, 3)} ${each.time.interval === null ? '' : between(each.time.interval, 3)}`,
      each.peakBytes === null ? '' : formatNumber(each.peakBytes / 2 ** 20, 3),
      each.memory === null ? '' : formatNumber(each.memory, 3),
    ]),
  },
});
