import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { resolveSection } from '../experiment/methods.ts';
import { isMethodSection, type ExperimentConfig, type ExperimentInput } from './experiment.ts';
import { unknownKey } from './explain.ts';
import { inputSchema, valueOf, type JsonSchema } from './json-schema.ts';
import { experimentSchema, parseExperiment } from './parse.ts';

type Tree = { readonly [key: string]: unknown };

/** Other choices than a run's own. */
export type Overrides = Pick<ExperimentInput, 'sampler' | 'levels' | 'seed' | 'data' | 'schedule'>;

export interface LoadOptions {
  /** A configuration in ts, js, json or yaml. Without it `tweedie.config.*` of the folder, if there is one. */
  readonly file?: string;
  /** Values by dotted path, e.g. `training.steps`. Text is read as the schema wants it; other values are taken as they are. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** The user's project. Default: the working directory. */
  readonly cwd?: string;
}

/** Flags over file over defaults, validated. A flag that chooses another method drops the options of the file's method. */
export const loadConfig = async ({ file, flags = {}, cwd = process.cwd() }: LoadOptions = {}): Promise<ExperimentConfig> => {
  const found = await readConfig(file, cwd);
  // The file is held against the schema alone first: its problems are said with its name.
  if (found !== undefined) parseExperiment(found.config, found.subject);
  const chosen = await treeOf(flags, found?.config ?? {}, cwd);
  return parseExperiment(layered(found?.config ?? {}, chosen), Object.keys(flags).length > 0 ? 'flags' : (found?.subject ?? 'config'));
};

const readConfig = async (
  file: string | undefined,
  cwd: string,
): Promise<{ readonly config: Tree; readonly subject: string } | undefined> => {
  const subject = file ?? 'tweedie.config';
  const path = file === undefined ? undefined : resolve(cwd, file);
  if (path !== undefined && !existsSync(path))
    throw tweedieError({
      subject,
      problem: 'there is no such configuration file',
      remedy: 'check the path given to --config',
      code: 'CONFIG',
    });
  const { loadConfig: load } = await import('c12');
  try {
    const { config, _configFile } = await load<Record<string, unknown>>({
      cwd,
      name: 'tweedie',
      ...(path === undefined ? {} : { configFile: path }),
      rcFile: false,
      globalRc: false,
      packageJson: false,
      dotenv: false,
      envName: false,
      extend: false,
      giget: false,
    });
    if (path === undefined && (_configFile === undefined || Object.keys(config).length === 0)) return undefined;
    return { config, subject: path === undefined ? basename(_configFile ?? subject) : subject };
  } catch (cause) {
    throw tweedieError({
      subject,
      problem: 'the configuration file cannot be read',
      got: cause instanceof Error ? cause.message.split('\n')[0] : cause,
      expected: 'a default export, JSON or YAML',
      remedy: 'correct it',
      code: 'CONFIG',
      cause,
    });
  }
};

/** Dotted flags that change an experiment that is there already, as sections to lay over `base`; only some sections may be changed. */
export const overridesFrom = async (
  flags: Readonly<Record<string, unknown>>,
  base: ExperimentConfig,
  sections: readonly string[],
  cwd: string,
): Promise<Overrides> => {
  const foreign = Object.keys(flags).find((path) => !sections.includes(path.split('.')[0]!));
  if (foreign !== undefined)
    throw tweedieError({
      subject: 'flags',
      problem: `${foreign}: this cannot be changed here; allowed: ${sections.map((section) => `${section}.…`).join(', ')}`,
      code: 'CONFIG',
    });
  const tree = await treeOf(flags, base, cwd);
  parseExperiment(layered(base, tree), 'flags');
  return tree;
};

/** Dotted flags as a tree, each word read as the schema of its place wants it. */
const treeOf = async (flags: Readonly<Record<string, unknown>>, config: Tree, cwd: string): Promise<Tree> => {
  const schema = experimentSchema();
  const tree: Record<string, unknown> = {};
  // `use` first: which options there are depends on it.
  const entries = Object.entries(flags).sort(([a], [b]) => Number(b.endsWith('.use')) - Number(a.endsWith('.use')));
  for (const [path, value] of entries) {
    const keys = path.split('.');
    const wanted = await schemaFor(keys, schema, tree, config, cwd);
    setAt(tree, keys, typeof value === 'string' ? valueOf(value, wanted) : value);
  }
  return tree;
};

const schemaFor = async (
  keys: readonly string[],
  schema: JsonSchema,
  tree: Tree,
  config: Tree,
  cwd: string,
): Promise<JsonSchema | undefined> => {
  const [section, option, ...deeper] = keys as [string, ...string[]];
  const here = schema.properties?.[section];
  if (here === undefined)
    throw tweedieError({ subject: 'flags', problem: unknownKey(keys, Object.keys(schema.properties ?? {})), code: 'CONFIG' });
  if (option === undefined) return here;
  if (!isMethodSection(section) || option === 'use') {
    const known = here.properties?.[option];
    if (known === undefined)
      throw tweedieError({ subject: 'flags', problem: unknownKey(keys, Object.keys(here.properties ?? {})), code: 'CONFIG' });
    return known;
  }
  const use = textAt(tree, section) ?? textAt(config, section) ?? (here.properties?.['use']?.default as string | undefined);
  // Which network it is may depend on the data: then its options are checked later.
  if (use === undefined) return undefined;
  const { provision } = await resolveSection(section, use, cwd);
  const options = inputSchema(provision.options);
  const known = options.properties?.[option];
  if (known === undefined && options.additionalProperties === false) {
    throw tweedieError({
      subject: `${section} ${use}`,
      problem: unknownKey(keys, ['use', ...Object.keys(options.properties ?? {})]),
      code: 'CONFIG',
    });
  }
  return deeper.reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], known);
};

const textAt = (tree: Tree, section: string): string | undefined => {
  const at = tree[section];
  const use = typeof at === 'object' && at !== null ? (at as Tree)['use'] : undefined;
  return typeof use === 'string' ? use : undefined;
};

const setAt = (tree: Record<string, unknown>, keys: readonly string[], value: unknown): void => {
  const last = keys.at(-1)!;
  const parent = keys.slice(0, -1).reduce<Record<string, unknown>>((at, key) => {
    at[key] ??= {};
    return at[key] as Record<string, unknown>;
  }, tree);
  parent[last] = value;
};

/** `over` on top of `under`, section by section. A section that chooses another method drops the options of the one below. */
export const layered = (under: Tree, over: Tree): Tree => {
  const sections = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries(
    [...sections].map((section) => {
      const [below, above] = [under[section], over[section]];
      if (above === undefined) return [section, below];
      if (!isTree(below) || !isTree(above)) return [section, above];
      if (isMethodSection(section) && above['use'] !== undefined && above['use'] !== below['use']) return [section, above];
      // Steps and seconds exclude each other: the upper layer decides which.
      const { steps: _steps, seconds: _seconds, ...timeless } = below;
      const kept = section === 'training' && (above['steps'] !== undefined || above['seconds'] !== undefined) ? timeless : below;
      return [section, { ...kept, ...above }];
    }),
  );
};

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
