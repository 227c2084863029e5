import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  createNoise,
  encodeStatistics,
  isTweedieError,
  parseOptions,
  tweedieError,
  type Kind,
  type Plugin,
  type Provision,
  type Statistics,
  type StatisticsContext,
  type StatisticsFile,
} from '@tweedie/core';
import { WEIGHTS, writeFileAtomic } from '@tweedie/core/node';
import { inputSchema, valueOf } from '../config/json-schema.ts';
import { layered, overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { startEngine } from '../engine.ts';
import { FIRST_PARTY, makeMethod, resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { bindRun, openRun, overridden } from '../run/open-run.ts';
import type { StatsFlags } from './stats.ts';

export const runStats = async (context: Context, method: string, source: string, flags: StatsFlags): Promise<Exit> => {
  const { io } = context;
  const found = await findStatistics(method, io.cwd);
  const { statistics, provision, packageName, version } = found;
  if (flags.out === undefined && flags.dryRun !== true)
    throw tweedieError({ subject: 'stats', problem: 'there is nowhere to write to', remedy: 'give --out FILE' });
  if (flags.n !== undefined && !(Number.isInteger(flags.n) && flags.n > 0))
    throw tweedieError({ subject: '-n', problem: 'not a number of data points', got: flags.n, expected: 'an integer ≥ 1' });
  const options = await optionsOf(statistics, context.dotted);
  const from = await (statistics.needs === 'model' ? runSource : dataSource)(context, statistics, source, flags);
  const file = flags.out === undefined ? null : resolve(io.cwd, flags.out);
  const described = { schema: 'tweedie/stats@1' as const, kind: statistics.kind, method: provision.name, ...from.described };
  if (flags.dryRun === true) {
    const planned: Output<'stats'> = { ...described, file: null, header: {}, tensors: {} };
    emit(io, flags.json, planned, [
      `Would estimate ${statistics.kind} (${statistics.summary}) from ${from.name}${file === null ? '' : ` and write ${file}`}.`,
    ]);
    return OK;
  }
  let bar: Promise<Progress> | undefined;
  const output = await from
    .use(async ({ header: facts, ...own }) => {
      const { header, tensors } = await statistics.estimate({
        ...own,
        seed: BigInt(flags.seed),
        noise: createNoise(flags.seed),
        ...(flags.n === undefined ? {} : { n: flags.n }),
        ...(options === undefined ? {} : { options }),
        onProgress: (done, total) => {
          bar ??= startProgress(io, { title: 'stats', total, unit: 'steps' });
          void bar.then((progress) => progress.update(done));
          if (io.signal?.aborted === true)
            throw tweedieError({ subject: 'stats', problem: 'interrupted; nothing was written', code: 'INTERRUPTED' });
        },
      });
      const whole = { kind: statistics.kind, by: `${packageName} ${version}`, ...facts, seed: flags.seed, ...header };
      await writeFileAtomic(file!, encodeStatistics({ header: whole, tensors }));
      return { header: whole, shapes: Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, [...shape]])) };
    })
    .then(({ header, shapes }): Output<'stats'> => ({ ...described, file, header, tensors: shapes }))
    .finally(async () => (await bar)?.stop());
  emit(io, flags.json, output, [
    ...table(Object.entries(output.tensors).map(([name, shape]) => [name, `[${shape.join(', ')}]`])),
    `wrote ${output.file}`,
  ]);
  return OK;
};

/** What an estimator is given of a source, and what the header says of it. */
type Given = Pick<StatisticsContext, 'dataset' | 'model' | 'modelHash'> & { readonly header: StatisticsFile['header'] };

/** What statistics are made from: a data set, or a run. */
interface Source {
  readonly name: string;
  readonly described: Pick<Output<'stats'>, 'data' | 'run' | 'model'>;
  use<T>(work: (given: Given) => Promise<T>): Promise<T>;
}
type OpenSource = (context: Context, statistics: Statistics, source: string, flags: StatsFlags) => Promise<Source>;

const dataSource: OpenSource = async ({ io, dotted }, { kind }, data, { seed }) => {
  if (isRun(data, io.cwd))
    throw tweedieError({
      subject: `statistics ${kind}`,
      problem: 'these are made from data, not from a model',
      got: `the run ${data}`,
      expected: 'a data set',
      remedy: 'name the data that the model was trained on',
    });
  const base = parseExperiment({ data: { use: data }, seed }, 'flags');
  const overrides = await overridesFrom(withoutOptions(dotted), base, ['data'], io.cwd);
  const chosen = parseExperiment(layered(base, overrides)).data as MethodConfig;
  const { it: dataset } = await makeMethod('data', chosen, io.cwd);
  const { id, shape, range } = dataset;
  return {
    name: id,
    described: { data: id, run: null, model: null },
    use: (work) =>
      whileRunning(() => work({ dataset, header: { data: id, shape: [...shape], ...(range === undefined ? {} : { range: [...range] }) } })),
  };
};

const runSource: OpenSource = async ({ io, dotted }, { kind }, run, { seed, backend }) => {
  if (!existsSync(resolve(io.cwd, run))) {
    const isData = await resolveSection('data', run, io.cwd).then(
      () => true,
      () => false,
    );
    if (isData)
      throw tweedieError({
        subject: `statistics ${kind}`,
        problem: 'these are made from a model, not from data',
        got: `the data set ${run}`,
        expected: 'a RUN folder or a weights file',
        remedy: 'train one with `tweedie train`',
      });
  }
  const opened = await openRun(run, io.cwd);
  const foreign = Object.keys(withoutOptions(dotted))[0];
  if (foreign !== undefined)
    throw tweedieError({ subject: 'flags', problem: `${foreign}: this cannot be changed here; allowed: stats.…`, code: 'CONFIG' });
  const { modelHash } = opened.weights;
  // The sampler of the run is not asked: its statistics may be those that are being made.
  const config = overridden(opened.config, { sampler: { use: 'ddim' }, seed });
  return {
    name: run,
    described: { data: opened.config.data.use, run, model: modelHash },
    use: async (work) => {
      await startEngine(backend, io);
      const { model, dispose } = await bindRun(opened, config, { cwd: io.cwd });
      try {
        return await whileRunning(() =>
          work({ model, modelHash, header: { model: modelHash, shape: [...model.shape], schedule: model.schedule.id } }),
        );
      } finally {
        dispose();
      }
    },
  };
};

const isRun = (path: string, cwd: string): boolean => {
  const at = resolve(cwd, path);
  return existsSync(join(at, WEIGHTS)) || (path.endsWith('.safetensors') && existsSync(at));
};

/** Options of the estimator are flags with dots: `--stats.steps 200`. */
const optionsOf = async (
  { kind, options }: Statistics,
  dotted: Context['dotted'],
): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const own = Object.entries(dotted).flatMap(([path, word]) =>
    path.startsWith(PREFIX) ? [[path.slice(PREFIX.length), word] as const] : [],
  );
  if (own.length === 0) return undefined;
  const subject = `statistics ${kind}`;
  if (options === undefined)
    throw tweedieError({ subject, problem: 'these have no options', got: `--stats.${own[0]![0]}`, remedy: 'leave it out', code: 'CONFIG' });
  const { properties = {} } = inputSchema(options);
  const read = Object.fromEntries(own.map(([key, word]) => [key, valueOf(word, properties[key])]));
  await parseOptions(options, read, subject);
  return read;
};
const PREFIX = 'stats.';
const withoutOptions = (dotted: Context['dotted']): Context['dotted'] =>
  Object.fromEntries(Object.entries(dotted).filter(([path]) => !path.startsWith(PREFIX)));

interface Found {
  readonly provision: Provision;
  readonly statistics: NonNullable<Provision['statistics']>;
  readonly packageName: string;
  readonly version: string;
}

/** By the name of a method, of whatever kind; else by the kind of the statistics, among the methods that came with the command. */
const findStatistics = async (name: string, cwd: string): Promise<Found> => {
  const plugins = await Promise.all(
    Object.values(FIRST_PARTY).map(async (load) => ((await load()) as { readonly default?: Plugin }).default),
  );
  const candidates = plugins.flatMap((plugin) => (plugin === undefined ? [] : plugin.provides.map((provision) => ({ plugin, provision }))));
  const ours = candidates.find(
    ({ provision }) => provision.statistics !== undefined && (provision.name === name || provision.statistics.kind === name),
  );
  if (ours?.provision.statistics !== undefined)
    return {
      provision: ours.provision,
      statistics: ours.provision.statistics,
      packageName: ours.plugin.name,
      version: ours.plugin.version,
    };
  const without = (method: string) =>
    tweedieError({ subject: method, problem: 'this method wants no statistics', remedy: '`tweedie plugins --json` says which do' });
  const known = candidates.find(({ provision }) => provision.name === name);
  if (known !== undefined) throw without(`${known.provision.kind} ${name}`);
  let reason: unknown;
  for (const kind of ['sampler', 'objective', 'metric', 'network', 'schedule', 'preconditioner', 'data'] satisfies Kind[]) {
    try {
      const { plugin, provision } = await resolveSection(kind, name, cwd);
      if (provision.statistics !== undefined)
        return { provision, statistics: provision.statistics, packageName: plugin.name, version: plugin.version };
      reason = without(`${kind} ${name}`);
    } catch (error) {
      if (isTweedieError(error) && error.complaint.code === 'NOT_INSTALLED') throw error;
      reason ??= error;
    }
  }
  throw reason;
};
