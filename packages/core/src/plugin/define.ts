import { tweedieError } from '../contracts/error.ts';
import { API, type Kind, type Plugin, type Provided, type Provision, type OptionsSchema } from '../contracts/plugin.ts';

const KINDS: readonly Kind[] = ['objective', 'sampler', 'metric', 'network', 'schedule', 'preconditioner', 'data'];

/** One method of a plugin, typed: the options that `create` receives are the output of the schema. */
export const provide = <K extends Kind, Options>(provision: Provision<K, Options>): Provision => provision as unknown as Provision;

/** A plugin is what its package exports as default. Checked and frozen; `api` is filled in. */
export const definePlugin = (plugin: Omit<Plugin, 'kind' | 'api'>): Plugin =>
  checkPlugin({ kind: 'plugin', api: API, ...plugin }, plugin.name);

/** Refuses, by name, what is no plugin or speaks another version of the contracts. `subject` is who was asked for. */
export const checkPlugin = (value: unknown, subject: string): Plugin => {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'plugin') {
    throw tweedieError({
      subject,
      problem: 'this package is no Tweedie plugin',
      got: value === undefined ? 'no default export' : typeof value,
      expected: 'a default export made by definePlugin from @tweedie/core',
      remedy: 'check the package name; a plugin carries the keyword tweedie-plugin',
    });
  }
  const plugin = value as Plugin;
  if ((plugin.api as number) !== API) {
    throw tweedieError({
      subject,
      problem: `plugin "${plugin.name}" speaks another version of the plugin contracts`,
      got: `api ${String(plugin.api)}`,
      expected: `api ${API}`,
      remedy: (plugin.api as number) > API ? 'update @tweedie/core' : `update ${plugin.name}`,
    });
  }
  const seen = new Set<string>();
  for (const { kind, name, options, create } of plugin.provides) {
    if (!KINDS.includes(kind))
      throw tweedieError({ subject, problem: `"${name}" is of an unknown kind`, got: kind, expected: KINDS.join(', ') });
    if (typeof create !== 'function' || options?.['~standard']?.jsonSchema === undefined) {
      throw tweedieError({
        subject,
        problem: `${kind} "${name}" is not complete`,
        expected: 'create(options) and an options schema that implements Standard Schema and Standard JSON Schema',
        remedy: 'use zod ≥ 4.2 for the options',
      });
    }
    const key = `${kind} ${name}`;
    if (seen.has(key)) throw tweedieError({ subject, problem: `${key} is provided twice`, remedy: 'give each method its own name' });
    seen.add(key);
  }
  return Object.freeze({ ...plugin, provides: Object.freeze([...plugin.provides]) });
};

/** Validates options by the provision's schema; every problem names its key, what it got and what is allowed. */
export const parseOptions = async <Options>(schema: OptionsSchema<unknown, Options>, value: unknown, subject: string): Promise<Options> => {
  const result = await schema['~standard'].validate(value ?? {});
  if (result.issues === undefined) return result.value;
  const lines = result.issues.map(({ message, path }) => {
    const keys = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
    const got = keys.reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      value,
    );
    return `${keys.join('.') || 'options'}: ${message}${keys.length > 0 ? ` (got ${JSON.stringify(got) ?? 'nothing'})` : ''}`;
  });
  const known = Object.keys((schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' })['properties'] as object | undefined) ?? {});
  throw tweedieError({
    subject,
    problem: lines.join('; '),
    ...(known.length > 0 ? { remedy: `the options are ${known.join(', ')}` } : { remedy: 'it has no options' }),
  });
};

/** Makes one provided thing from options. */
export const createProvided = async <K extends Kind>(
  provision: Provision,
  options: unknown,
  subject = `${provision.kind} ${provision.name}`,
): Promise<Provided[K]> => (await provision.create(await parseOptions(provision.options, options, subject))) as Provided[K];
