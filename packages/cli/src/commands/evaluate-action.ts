import { tweedieError, type Json, type MetricResult } from '@tweedie/core';
import { DATA, METRICS } from '@tweedie/core/container';
import { subset } from '@tweedie/data';
import { unknownKey } from '../config/explain.ts';
import { inputSchema, valueOf } from '../config/json-schema.ts';
import { overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { startWorkers } from '../engine.ts';
import { resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import { againstOf } from '../judge/against.ts';
import { targetOf, type Target } from '../judge/target.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { OK } from '../run/failure.ts';
import { evaluateRun, EXTRACTOR_SOURCE, prepareEvaluation, type EvaluateRunOptions } from '../run/evaluate-run.ts';
import { runtimeOf } from '../run/onnx-run.ts';
import { openRun } from '../run/open-run.ts';
import type { EvaluateFlags } from './evaluate.ts';

/** Images that are drawn where nobody says how many. */
const COUNT = 512;

export const runEvaluate = async ({ io, dotted }: Context, judged: string, flags: EvaluateFlags): Promise<Exit> => {
  const runtime = runtimeOf(flags.runtime);
  const target = first(await targetOf(judged, io.cwd), flags);
  const run = 'run' in target ? target.run : undefined;
  const opened = run === undefined ? undefined : await openRun(run, io.cwd);
  const against = flags.against === undefined ? undefined : await againstOf(flags.against, io.cwd);
  const reference = against !== undefined && 'reference' in against ? against.reference : undefined;
  const base = opened?.config ?? parseExperiment({});
  const ofMetrics = Object.entries(dotted).filter(([path]) => path.startsWith('metric.'));
  const others = Object.fromEntries(Object.entries(dotted).filter(([path]) => !path.startsWith('metric.')));
  checkFlags({ flags, target, data: against !== undefined && 'flags' in against, dotted: Object.keys(others) });
  const changes = {
    ...others,
    ...(against !== undefined && 'flags' in against ? against.flags : {}),
    ...given('sampler.use', flags.sampler),
    ...given('levels.steps', flags.steps),
    ...given('seed', flags.seed),
  };
  const { sampler, levels, seed, data } = await overridesFrom(changes, base, ['sampler', 'levels', 'seed', 'data'], io.cwd);
  const metrics =
    flags.metrics === undefined && ofMetrics.length === 0 ? undefined : await metricsOf(flags.metrics ?? [], ofMetrics, io.cwd);
  const asked: EvaluateRunOptions = {
    ...target,
    ...given('count', flags.count),
    ...given('metrics', metrics),
    ...given('data', data),
    ...given('reference', reference),
    ...given('extractor', flags.extractor),
    ...given('seed', seed),
    ...(flags.unconditional === true ? { labels: 'none' } : {}),
    cwd: io.cwd,
  };

  if (flags.dryRun === true) {
    const { judging } = await prepareEvaluation(asked);
    const named = judging.get(METRICS);
    const planned: Output<'evaluate-dry-run'> = {
      schema: 'tweedie/evaluate-dry-run@1',
      judged,
      n: named.every(({ needs }) => needs === 'model') ? 0 : 'samples' in target ? target.samples.size : (flags.count ?? COUNT),
      reference: judging.get(DATA).id,
      metrics: named.map(({ name }) => name),
      extractor: judging.has(EXTRACTOR_SOURCE) ? judging.get(EXTRACTOR_SOURCE).name : null,
    };
    emit(io, flags.json, planned, [
      `Would judge ${planned.n} images of ${judged} by ${planned.metrics.join(', ')}${planned.extractor === null ? '' : `, seen by ${planned.extractor},`} against ${planned.reference}.`,
    ]);
    return OK;
  }
  const { workers } = await startWorkers({ backend: flags.backend, workers: flags.workers, io, purpose: 'sampling' });
  let bar: Promise<Progress> | undefined;
  const result = await evaluateRun({
    ...asked,
    ...given('sampler', sampler),
    ...given('levels', levels),
    ...given('guidance', flags.guidance),
    ...given('signal', io.signal),
    workers,
    runtime,
    onEvent: ({ done, total, images }) => {
      bar ??= startProgress(io, { title: 'sample', total, unit: 'steps' });
      void bar.then((progress) => progress.update(done, `${images} images done`));
    },
  }).finally(async () => (await bar)?.stop());
  const { drawn } = result;
  const output: Output<'evaluate'> = {
    schema: 'tweedie/evaluate@2',
    judged,
    modelHash: opened?.weights.modelHash ?? null,
    n: result.n,
    reference: result.reference,
    extractor: result.extractor ?? null,
    seed: result.seed,
    sampler: drawn?.plan.sampler ?? null,
    labels: drawn === undefined ? null : (drawn.labels?.some((label) => label >= 0) ?? false) ? 'classes' : 'none',
    guidance: drawn?.guidance ?? null,
    nfe: drawn?.nfe ?? null,
    seconds: Math.round(1000 * result.seconds) / 1000,
    runtime,
    warnings: [...result.warnings],
    metrics: result.metrics.map(reported),
  };
  output.warnings.forEach((warning) => io.stderr(`warning: ${warning}\n`));
  for (const { name, warnings } of output.metrics) warnings.forEach((warning) => io.stderr(`warning: ${name}: ${warning}\n`));
  emit(io, flags.json, output, [
    `${result.n} images of ${judged} against ${result.reference}:`,
    ...table([['metric', 'value', '95 % interval', 'real against real', 'n'], ...output.metrics.map(row)]),
  ]);
  return OK;
};

type Reported = Output<'evaluate'>['metrics'][number];

/** A result as it is printed: what its details warn of stands by itself. */
const reported = ({ name, value, n, interval, floor, details: { warning, ...details } }: MetricResult): Reported => ({
  name,
  value,
  n,
  interval: interval === undefined ? null : [interval[0], interval[1]],
  floor: floor ?? null,
  details,
  warnings: warning === undefined ? [] : [String(warning)],
});

const row = ({ name, value, interval, floor, n }: Reported): string[] => [
  name,
  value.toPrecision(4),
  interval === null ? '' : `${interval[0].toPrecision(3)} … ${interval[1].toPrecision(3)}`,
  floor === null ? '' : floor.toPrecision(3),
  String(n),
];

const given = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

/** The first `-n` of images that are there. */
const first = (target: Target, { count }: EvaluateFlags): Target => {
  if ('run' in target || count === undefined) return target;
  return { samples: subset(target.samples, 0, count) };
};

/** Flags that say nothing to what is judged are refused. */
const checkFlags = ({
  flags,
  target,
  data,
  dotted,
}: {
  readonly flags: EvaluateFlags;
  readonly target: Target;
  readonly data: boolean;
  readonly dotted: readonly string[];
}): void => {
  const refuse = (got: string, problem: string, remedy: string): never => {
    throw tweedieError({ subject: 'evaluate', problem, got, remedy });
  };
  if ('run' in target) {
    if (flags.against !== undefined && !data) {
      const stray = dotted.find((path) => path.startsWith('data.'));
      if (stray !== undefined) refuse(`--${stray}`, 'this is an option of data that have a name', 'leave it out');
    }
    return;
  }
  if (flags.against === undefined)
    refuse(
      'no --against',
      'there are no real data to hold the images against',
      'give --against DATA: a name (mnist:test), a folder or a .npz',
    );
  const drawing = (['sampler', 'steps', 'guidance', 'unconditional'] as const).find((flag) => flags[flag] !== undefined);
  if (drawing !== undefined) refuse(`--${drawing}`, 'this is about drawing, and these images are there already', 'leave it out');
};

/** Metrics by name, with the options that `--metric.NAME.OPTION` gave them. */
const metricsOf = async (
  names: readonly string[],
  dotted: readonly (readonly [string, string])[],
  cwd: string,
): Promise<readonly MethodConfig[]> => {
  const twice = names.find((name, i) => name === '' || names.indexOf(name) !== i);
  if (twice !== undefined)
    throw tweedieError({
      subject: '--metrics',
      problem: twice === '' ? 'there is an empty name in the list' : `${twice} is there twice`,
      got: names.join(','),
    });
  const chosen = new Map<string, Record<string, Json>>(names.map((name) => [name, {}]));
  for (const [path, word] of dotted) {
    const [, name, option] = path.split('.') as [string, string, string | undefined];
    if (option === undefined || !chosen.has(name))
      throw tweedieError({
        subject: 'flags',
        problem: `${path}: this is no option of a metric that was named`,
        expected: '--metrics NAME and --metric.NAME.OPTION',
        code: 'CONFIG',
      });
    const { provision } = await resolveSection('metric', name, cwd);
    const { properties = {} } = inputSchema(provision.options);
    if (!Object.hasOwn(properties, option))
      throw tweedieError({ subject: `metric ${name}`, problem: unknownKey([path], Object.keys(properties)), code: 'CONFIG' });
    chosen.get(name)![option] = valueOf(word, properties[option]) as Json;
  }
  return [...chosen].map(([use, options]) => ({ use, ...options }));
};
