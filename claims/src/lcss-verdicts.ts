import { formatNumber, lineChart, type Role } from '@tweedie/cli';
import type { Conclusion, Finding } from './claim.ts';
import { digitsRun, NAMES, type Name, type Outcome, type Plan } from './lcss-training.ts';
import { below, between, equivalent, overSeeds } from './over-seeds.ts';
import { checkpointsOf } from './small-run.ts';

const at = (outcomes: readonly Outcome[], name: string): Outcome => outcomes.find((each) => each.name === name)!;
const lastOf = ({ distances }: Outcome): readonly (number | null)[] => distances.at(-1)!;

/** b − a over the seeds that both have. */
export const differences = (a: Outcome, b: Outcome): readonly number[] =>
  lastOf(b).flatMap((value, seed) => {
    const other = lastOf(a)[seed];
    return value === null || other === null || other === undefined ? [] : [value - other];
  });

/** What the distances say. */
export const trainingFindings = (outcomes: readonly Outcome[], plan: Plan): readonly Finding[] => {
  const [dsm, lcss] = [at(outcomes, 'dsm'), at(outcomes, 'lcss')];
  const ran = (name: string): string =>
    `MNIST, the digits network, ${plan.steps} steps of 16 images, λ = σ², ${lastOf(at(outcomes, name)).length} seeds; n = ${plan.n}, ${plan.calls} network calls`;
  const equal = overSeeds(differences(dsm, lcss));
  const own = overSeeds(lastOf(dsm).filter((each) => each !== null));
  const same = equal.interval[0] === 0 && equal.interval[1] === 0;
  const shown = `FD-mnistnet ${formatNumber(own.mean + equal.mean, 3)} against ${formatNumber(own.mean, 3)}`;
  return [
    {
      claim: 'Trained by LCSS a network draws as well as trained by DSM',
      ran: ran('lcss'),
      measured: `${shown}: difference ${formatNumber(equal.mean, 2)} ${between(equal.interval)}; one seed deviates by ${formatNumber(own.deviation, 2)}`,
      verdict: equivalent(equal.interval, own.deviation),
      ...(same
        ? { because: 'gradient and weights are equal to the bit: with this head the two losses are one program and a constant' }
        : {}),
    },
    {
      claim: 'LCSS learns a better score than DSM (as the paper says)',
      ran: ran('lcss'),
      measured: `difference of FD ${formatNumber(equal.mean, 2)} ${between(equal.interval)}`,
      verdict: same ? 'not held' : below(equal.interval, 0),
      ...(same ? { because: 'its loss is that of DSM less ½λ‖z‖²/σ², which has no weights in it: same gradient, same optimum, same variance of the gradient' } : {}), // prettier-ignore
    },
    ...(['ssm', 'ssm-vr', 'fd-ssm'] as const)
      .filter((name) => outcomes.some((each) => each.name === name))
      .map((name) => better(outcomes, name, ran(name))),
  ];
};

const better = (outcomes: readonly Outcome[], name: Name, ran: string): Finding => {
  const claim = `After equally many steps LCSS is better than ${name}`;
  const values = differences(at(outcomes, name), at(outcomes, 'lcss'));
  const diverged = at(outcomes, name).trainings.filter((each) => each.diverged !== null).length;
  const left = diverged === 0 ? '' : `; ${diverged} of ${at(outcomes, name).trainings.length} runs diverged`;
  if (values.length === 0) return { claim, ran, measured: `no distance to compare with${left}`, verdict: 'not decided' };
  const { mean, interval } = overSeeds(values);
  return {
    claim,
    ran,
    measured: `difference of FD ${formatNumber(mean, 3)} ${between(interval)}, paired over ${values.length} seeds${left}`,
    verdict: below(interval, 0),
    ...(values.length > 2 ? {} : { because: `${values.length === 1 ? 'one seed has' : 'two seeds have'} an interval that is ${values.length === 1 ? 'endless' : 'very wide'}; the loss is slow to differentiate` }), // prettier-ignore
  };
};

export const trainingSection = (outcomes: readonly Outcome[], plan: Plan): Conclusion['sections'][number] => {
  const steps = checkpointsOf(digitsRun({ name: 'dsm', seed: 0, steps: plan.steps }));
  const dsm = at(outcomes, 'dsm');
  const spread = (values: readonly (number | null)[]): string => {
    const known = values.filter((each) => each !== null);
    if (known.length === 0) return '';
    const { mean, deviation } = overSeeds(known);
    return known.length === 1 ? formatNumber(mean, 3) : `${formatNumber(mean, 3)} ± ${formatNumber(deviation, 2)}`;
  };
  return {
    title: 'Training digits',
    text: `FD-mnistnet from the test split, n = ${plan.n}, ${plan.calls} network calls, after ${steps.join(' and ')} steps: mean and deviation over seeds. This is the beginning of a training: equal steps are compared, not what each could come to. Time is the processor's, of the median step.`,
    table: {
      columns: ['objective', ...steps.map((step) => `${step} steps`), 'less dsm', 'gradient norm', 'step, ms', 'seeds', 'diverged'],
      rows: outcomes.map((outcome) => {
        const base = outcome.name.includes('ε head') ? at(outcomes, 'dsm, ε head') : dsm;
        const values = differences(base, outcome);
        const { mean, interval } = values.length === 0 ? { mean: NaN, interval: [NaN, NaN] as const } : overSeeds(values);
        const times = outcome.trainings.flatMap(({ milliseconds }) => milliseconds ?? []);
        return [
          outcome.name,
          ...outcome.distances.map(spread),
          outcome === base || values.length === 0 ? '' : `${formatNumber(mean, 3)}${values.length === 1 ? '' : ` ${between(interval)}`}`,
          spread(outcome.trainings.map(({ gradientNorm }) => gradientNorm)),
          spread(times),
          String(outcome.trainings.length),
          outcome.trainings.flatMap(({ diverged }) => (diverged === null ? [] : `step ${diverged}`)).join(', '),
        ];
      }),
    },
    figures: [
      {
        picture: (width) =>
          lineChart({
            lines: outcomes
              .filter(({ name }) => NAMES.includes(name as Name))
              .flatMap((outcome) => {
                const known = outcome.distances.every((row) => row.some((each) => each !== null));
                if (!known) return [];
                const rows = outcome.distances.map((row) => row.filter((each) => each !== null));
                const line = {
                  name: outcome.name,
                  x: steps,
                  y: rows.map((row) => overSeeds(row).mean),
                  interval: { low: rows.map((row) => Math.min(...row)), high: rows.map((row) => Math.max(...row)) },
                  colour: COLOURS[NAMES.indexOf(outcome.name as Name)]!,
                };
                return [outcome.name === 'lcss' ? { ...line, style: 'dots' as const } : line];
              }),
            xLabel: 'training steps',
            yLabel: 'FD-mnistnet',
            log: { x: true, y: true },
            width,
          }),
        alt: 'Distance from the test split against training steps, a line for each objective',
        caption: 'Means over seeds; bands from the least to the greatest seed. lcss lies on dsm.',
      },
    ],
  };
};

const COLOURS: readonly Role[] = ['first', 'second', 'third', 'fourth', 'fifth'];
