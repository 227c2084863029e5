import { resolve } from 'node:path';
import { decodeNpz, tweedieError, type Json, type MetricResult } from '@tweedie/core';
import { DATA, METRICS } from '@tweedie/core/container';
import { readBytes } from '@tweedie/core/node';
import { unknownKey } from '../config/explain.ts';
import { inputSchema, valueOf } from '../config/json-schema.ts';
import { overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { startWorkers } from '../engine.ts';
import { resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { OK } from '../run/failure.ts';
import { composeJudging, evaluateRun, type Samples } from '../run/evaluate-run.ts';
import { runtimeOf } from '../run/onnx-run.ts';
import { openRun, overridden } from '../run/open-run.ts';
import type { EvaluateFlags } from './evaluate.ts';

export const runEvaluate = async ({ io, dotted }: Context, run: string | undefined, flags: EvaluateFlags): Promise<Exit> => {
  if (run === undefined && flags.samples === undefined)
    throw tweedieError({
      subject: 'evaluate',
      problem: 'there is nothing to judge',
      remedy: 'give a RUN, or --samples FILE and --data NAME',
    });
  if (run === undefined && flags.data === undefined)
    throw tweedieError({
      subject: 'evaluate',
      problem: 'there are no real data to hold the samples against',
      remedy: 'give --data NAME, or the RUN that they came from',
    });
  const runtime = runtimeOf(flags.runtime);
  const opened = run === undefined ? undefined : await openRun(run, io.cwd);
  const base = opened?.config ?? parseExperiment({});
  const ofMetrics = Object.entries(dotted).filter(([path]) => path.startsWith('metric.'));
  const others = Object.entries(dotted).filter(([path]) => !path.startsWith('metric.'));
  const changes = {
    ...Object.fromEntries(others),
    ...given('sampler.use', flags.sampler),
    ...given('levels.steps', flags.steps),
    ...given('seed', flags.seed),
    ...given('data.use', flags.data),
  };
  const { sampler, levels, seed, data } = await overridesFrom(changes, base, ['sampler', 'levels', 'seed', 'data'], io.cwd);
  const metrics = flags.metric === undefined && ofMetrics.length === 0 ? undefined : await metricsOf(flags.metric ?? [], ofMetrics, io.cwd);
  const samples = flags.samples === undefined ? undefined : await readSamples(resolve(io.cwd, flags.samples), flags.samples);
  const judged = flags.samples ?? run!;

  if (flags.dryRun === true) {
    const judging = await composeJudging(overridden(base, { data }), {
      cwd: io.cwd,
      ...given('metrics', metrics),
      ...given('exact', data),
    });
    const size = samples?.shape.reduce((product, x) => product * x, 1) ?? 1;
    const planned: Output<'evaluate-dry-run'> = {
      schema: 'tweedie/evaluate-dry-run@1',
      judged,
      n: samples === undefined ? flags.count : samples.images.length / size,
      reference: judging.get(DATA).id,
      metrics: judging.get(METRICS).map(({ name }) => name),
    };
    emit(io, flags.json, planned, [
      `Would judge ${planned.n} images of ${judged} by ${planned.metrics.join(', ')} against ${planned.reference}.`,
    ]);
    return OK;
  }
  const { workers } = await startWorkers({ backend: flags.backend, workers: flags.workers, io, purpose: 'sampling' });
  let bar: Promise<Progress> | undefined;
  const result = await evaluateRun({
    ...given('run', run),
    ...given('samples', samples),
    count: flags.count,
    ...given('metrics', metrics),
    ...given('data', data),
    ...given('seed', seed),
    ...given('sampler', sampler),
    ...given('levels', levels),
    ...given('guidance', flags.guidance),
    ...given('signal', io.signal),
    workers,
    cwd: io.cwd,
    runtime,
    onEvent: ({ done, total, images }) => {
      bar ??= startProgress(io, { title: 'sample', total, unit: 'steps' });
      void bar.then((progress) => progress.update(done, `${images} images done`));
    },
  }).finally(async () => (await bar)?.stop());
  const output: Output<'evaluate'> = {
    schema: 'tweedie/evaluate@1',
    judged,
    modelHash: opened?.weights.modelHash ?? null,
    n: result.n,
    reference: result.reference,
    extractor: result.extractor ?? null,
    seed: result.seed,
    sampler: result.drawn?.plan.sampler ?? null,
    nfe: result.drawn?.nfe ?? null,
    seconds: Math.round(1000 * result.seconds) / 1000,
    runtime,
    metrics: result.metrics.map(({ name, value, n, interval, floor, details }) => ({
      name,
      value,
      n,
      ...(interval === undefined ? {} : { interval: [interval[0], interval[1]] }),
      ...given('floor', floor),
      details: { ...details },
    })),
  };
  emit(io, flags.json, output, [
    `${result.n} images of ${judged} against ${result.reference}:`,
    ...table([['metric', 'value', '95 % interval', 'real against real', 'n'], ...result.metrics.map(row)]),
  ]);
  return OK;
};

const row = ({ name, value, interval, floor, n }: MetricResult): string[] => [
  name,
  value.toPrecision(4),
  interval === undefined ? '' : `${interval[0].toPrecision(3)} … ${interval[1].toPrecision(3)}`,
  floor === undefined ? '' : floor.toPrecision(3),
  String(n),
];

const given = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

/** Metrics by name, with the options that `--metric.NAME.OPTION` gave them. */
const metricsOf = async (
  names: readonly string[],
  dotted: readonly (readonly [string, string])[],
  cwd: string,
): Promise<readonly MethodConfig[]> => {
  const chosen = new Map<string, Record<string, Json>>(names.map((name) => [name, {}]));
  for (const [path, word] of dotted) {
    const [, name, option] = path.split('.') as [string, string, string | undefined];
    if (option === undefined || !chosen.has(name))
      throw tweedieError({
        subject: 'flags',
        problem: `${path}: this is no option of a metric that was named`,
        expected: '--metric NAME and --metric.NAME.OPTION',
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

/** `arr_0` as uint8 images or as numbers, and `labels`. */
const readSamples = async (path: string, subject: string): Promise<Samples> => {
  const { arr_0: array, labels } = decodeNpz(await readBytes(path, 'check the path given to --samples'), subject);
  if (array === undefined || array.shape.length < 2)
    throw tweedieError({ subject, problem: 'the archive holds no samples', got: array?.shape ?? 'no arr_0', expected: 'arr_0 of [N, …]' });
  const images =
    array.data instanceof Uint8Array
      ? Float32Array.from(array.data, (byte) => byte / 127.5 - 1)
      : Float32Array.from(array.data as Float32Array);
  return {
    images,
    shape: array.shape.slice(1),
    ...(labels === undefined ? {} : { labels: Int32Array.from(labels.data as Int32Array, Number) }),
  };
};
