import { resolve } from 'node:path';
import {
  checkStatistics,
  decodeStatistics,
  isTweedieError,
  parseOptions,
  tweedieError,
  type Json,
  type Kind,
  type Provided,
  type Provision,
  type StatisticsFile,
} from '@tweedie/core';
import { FIRST_PARTY as NAMES, readBytes, resolveMethod, type Resolved } from '@tweedie/core/node';
import { unknownKey } from '../config/explain.ts';
import { inputSchema } from '../config/json-schema.ts';
import { meant } from '../config/nearest.ts';

/** The packages that come with the command line: used where the project has no copy of its own. */
export const FIRST_PARTY: Readonly<Record<string, () => Promise<unknown>>> = Object.freeze({
  '@tweedie/data': () => import('@tweedie/data'),
  '@tweedie/networks': () => import('@tweedie/networks'),
  '@tweedie/objective-classic': () => import('@tweedie/objective-classic'),
  '@tweedie/objective-lcss': () => import('@tweedie/objective-lcss'),
  '@tweedie/objective-stf': () => import('@tweedie/objective-stf'),
  '@tweedie/sampler-classic': () => import('@tweedie/sampler-classic'),
  '@tweedie/sampler-deis-sn': () => import('@tweedie/sampler-deis-sn'),
  '@tweedie/sampler-pds': () => import('@tweedie/sampler-pds'),
  '@tweedie/sampler-teleport': () => import('@tweedie/sampler-teleport'),
  '@tweedie/metrics': () => import('@tweedie/metrics'),
});

const fallback = (packageName: string): Promise<unknown> => {
  const load = FIRST_PARTY[packageName];
  if (load !== undefined) return load();
  throw tweedieError({
    subject: packageName,
    problem: 'this method of Tweedie is not installed',
    remedy: `npm install ${packageName}`,
    code: 'NOT_INSTALLED',
  });
};

/** Finds a method by name: in the user's project, or among those that came with the command line. */
export const resolveSection = async (kind: Kind, use: string, cwd: string): Promise<Resolved> => {
  try {
    return await resolveMethod(kind, use, { from: cwd, fallback });
  } catch (error) {
    const near = meant(use, Object.keys(NAMES[kind] ?? {}));
    if (near === '' || !isTweedieError(error) || error.complaint.subject !== use) throw error;
    throw tweedieError({ ...error.complaint, remedy: `${near}Else ${error.complaint.remedy ?? 'choose another'}`, cause: error });
  }
};

/** A method as a configuration writes it. */
export type MethodConfig = { readonly use: string; readonly [option: string]: Json };

/** A method that was chosen, made and described. */
export interface Made<K extends Kind> {
  readonly it: Provided[K];
  /** The configuration with every default filled in: enough to make it again. */
  readonly config: MethodConfig;
  readonly packageName: string;
  readonly version: string;
}

/**
 * `given` are options that follow from other parts (the shape of the data), used where the method has them and the user said nothing;
 * `modelHash` is of the model that the method is made for: statistics of another are refused.
 */
export const makeMethod = async <K extends Kind>(
  kind: K,
  { use, ...options }: MethodConfig,
  cwd: string,
  given: Readonly<Record<string, Json>> = {},
  modelHash?: string,
): Promise<Made<K>> => {
  const { plugin, provision } = await resolveSection(kind, use, cwd);
  const filled = { use, ...withDefaults(provision, options, given) };
  const { config, parts } = await makeParts(provision, filled, cwd, given, modelHash);
  const it = await createChecked<K>(provision, kind, { ...config, ...parts, ...(await readStatistics(provision, config, cwd, modelHash)) });
  return { it, config, packageName: plugin.name, version: plugin.version };
};

/** Options that are methods themselves: named in the configuration, made for the factory. */
const makeParts = async (
  { parts = {} }: Provision,
  config: MethodConfig,
  cwd: string,
  given: Readonly<Record<string, Json>>,
  modelHash: string | undefined,
): Promise<{ readonly config: MethodConfig; readonly parts: Readonly<Record<string, unknown>> }> => {
  const named = Object.entries(parts).filter(([option]) => config[option] !== undefined);
  const made = await Promise.all(
    named.map(async ([option, kind]) => {
      const chosen = config[option];
      const section = typeof chosen === 'string' ? { use: chosen } : (chosen as MethodConfig);
      if (typeof section !== 'object' || section === null || typeof section.use !== 'string')
        throw tweedieError({
          subject: `${option}`,
          problem: `this names no ${kind}`,
          got: chosen,
          expected: `a name, or { use: name, … }`,
          code: 'CONFIG',
        });
      return [option, await makeMethod(kind, section, cwd, given, modelHash)] as const;
    }),
  );
  return {
    config: { ...config, ...Object.fromEntries(made.map(([option, part]) => [option, part.config])) },
    parts: Object.fromEntries(made.map(([option, part]) => [option, part.it])),
  };
};

/** The statistics that an option names by path, read for the factory. */
const readStatistics = async (
  { statistics }: Provision,
  config: MethodConfig,
  cwd: string,
  modelHash: string | undefined,
): Promise<Readonly<Record<string, StatisticsFile>>> => {
  const option = statistics?.option;
  const path = option === undefined ? undefined : config[option];
  if (option === undefined || typeof path !== 'string') return {};
  const file = decodeStatistics(await readBytes(resolve(cwd, path), `make it: tweedie stats ${statistics!.kind}`), path);
  checkStatistics(file, {
    kind: statistics!.kind,
    ...(file.header['model'] === undefined || !modelHash ? {} : { model: modelHash }),
  });
  return { [option]: file };
};

/** Options by the schema: what was given, then what follows from other parts, then defaults. */
const withDefaults = (
  provision: Provision,
  options: Readonly<Record<string, Json>>,
  given: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> => {
  const { properties = {} } = inputSchema(provision.options);
  const filled = Object.entries(properties).flatMap(([key, { default: byDefault }]) => {
    const value = options[key] ?? given[key] ?? (byDefault as Json | undefined);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...options, ...Object.fromEntries(filled) };
};

const createChecked = async <K extends Kind>(
  provision: Provision,
  kind: K,
  { use, ...options }: { readonly use: string; readonly [option: string]: unknown },
): Promise<Provided[K]> => {
  refuseUnknown(provision, kind, use, options);
  return (await provision.create(await parseOptions(provision.options, options, `${kind} ${use}`))) as Provided[K];
};

const refuseUnknown = (provision: Provision, kind: Kind, use: string, options: Readonly<Record<string, unknown>>): void => {
  const { properties = {}, additionalProperties } = inputSchema(provision.options);
  if (additionalProperties !== false) return;
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(properties, key));
  if (unknown.length === 0) return;
  const allowed = ['use', ...Object.keys(properties)];
  throw tweedieError({
    subject: `${kind} ${use}`,
    problem: unknown.map((key) => unknownKey([kind, key], allowed)).join('; '),
    code: 'CONFIG',
  });
};
