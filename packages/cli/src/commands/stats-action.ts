import { resolve } from 'node:path';
import { encodeStatistics, isTweedieError, tweedieError, type Kind, type Plugin, type Provision } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import { layered, overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { FIRST_PARTY, makeMethod, resolveSection, type MethodConfig } from '../experiment/methods.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK, whileRunning } from '../run/failure.ts';
import type { StatsFlags } from './stats.ts';

export const runStats = async ({ io, dotted }: Context, method: string, data: string, flags: StatsFlags): Promise<Exit> => {
  const { provision, statistics, packageName, version } = await findStatistics(method, io.cwd);
  if (statistics.needs === 'model')
    throw tweedieError({
      subject: `statistics ${statistics.kind}`,
      problem: 'these are made from a model, not from data',
      remedy: 'see the README of the method',
    });
  if (flags.out === undefined && flags.dryRun !== true)
    throw tweedieError({ subject: 'stats', problem: 'there is nowhere to write to', remedy: 'give --out FILE' });
  if (flags.n !== undefined && !(Number.isInteger(flags.n) && flags.n > 0))
    throw tweedieError({ subject: '-n', problem: 'not a number of data points', got: flags.n, expected: 'an integer ≥ 1' });
  const base = parseExperiment({ data: { use: data }, seed: flags.seed }, 'flags');
  const overrides = await overridesFrom(dotted, base, ['data'], io.cwd);
  const chosen = parseExperiment(layered(base, overrides)).data as MethodConfig;
  const { it: dataset } = await makeMethod('data', chosen, io.cwd);
  const file = flags.out === undefined ? null : resolve(io.cwd, flags.out);
  const described = { schema: 'tweedie/stats@1' as const, kind: statistics.kind, method: provision.name, data: dataset.id };
  if (flags.dryRun === true) {
    const planned: Output<'stats'> = { ...described, file: null, header: {}, tensors: {} };
    emit(io, flags.json, planned, [
      `Would estimate ${statistics.kind} (${statistics.summary}) from ${dataset.id}${file === null ? '' : ` and write ${file}`}.`,
    ]);
    return OK;
  }
  const output = await whileRunning(async (): Promise<Output<'stats'>> => {
    const { header, tensors } = await statistics.estimate({
      dataset,
      seed: BigInt(flags.seed),
      ...(flags.n === undefined ? {} : { n: flags.n }),
    });
    const whole = {
      kind: statistics.kind,
      by: `${packageName} ${version}`,
      data: dataset.id,
      shape: [...dataset.shape],
      ...(dataset.range === undefined ? {} : { range: [...dataset.range] }),
      seed: flags.seed,
      ...header,
    };
    await writeFileAtomic(file!, encodeStatistics({ header: whole, tensors }));
    return {
      ...described,
      file,
      header: whole,
      tensors: Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, [...shape]])),
    };
  });
  emit(io, flags.json, output, [
    ...table(Object.entries(output.tensors).map(([name, shape]) => [name, `[${shape.join(', ')}]`])),
    `wrote ${output.file}`,
  ]);
  return OK;
};

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
