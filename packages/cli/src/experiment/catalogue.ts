import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { processes, tweedieError, type Plugin } from '@tweedie/core';
import { loadPlugin } from '@tweedie/core/node';
import { inputSchema } from '../config/json-schema.ts';
import type { Output } from '../outputs.ts';
import { FIRST_PARTY } from './methods.ts';

const KINDS = ['objective', 'sampler', 'metric', 'network', 'schedule', 'preconditioner', 'data'];

type Listed = Output<'plugins'>['plugins'][number];

/** Every method within reach: those that came with the command, and those of packages in the project that carry the keyword. */
export const catalogue = async (cwd: string, kind?: string): Promise<Omit<Output<'plugins'>, 'schema'>> => {
  if (kind !== undefined && !KINDS.includes(kind))
    throw tweedieError({ subject: '--kind', problem: 'there is no such kind of method', got: kind, expected: KINDS.join(', ') });
  const own = await Promise.all(Object.values(FIRST_PARTY).map(async (load) => ((await load()) as { readonly default?: Plugin }).default));
  const listed = [processes, ...own].filter((plugin) => plugin !== undefined).map((plugin) => listedAs(plugin, 'tweedie'));
  const problems: { package: string; message: string }[] = [];
  for (const name of await installed(cwd)) {
    if (name === '@tweedie/core' || Object.hasOwn(FIRST_PARTY, name)) continue;
    try {
      listed.push(listedAs(await loadPlugin(name, { from: cwd }), 'project'));
    } catch (error) {
      problems.push({ package: name, message: error instanceof Error ? error.message : String(error) });
    }
  }
  const plugins = listed.map((plugin) => ({
    ...plugin,
    provides: plugin.provides.filter((method) => kind === undefined || method.kind === kind),
  }));
  return { plugins: plugins.filter(({ provides }) => provides.length > 0), problems };
};

const listedAs = (plugin: Plugin, from: Listed['from']): Listed => ({
  package: plugin.name,
  version: plugin.version,
  from,
  provides: plugin.provides.map(({ kind, name, summary, options, statistics }) => ({
    kind,
    name,
    use:
      from === 'tweedie'
        ? name
        : plugin.provides.filter((other) => other.kind === kind).length === 1
          ? plugin.name
          : `${plugin.name}#${name}`,
    summary,
    options: { ...inputSchema(options) },
    ...(statistics === undefined ? {} : { statistics: statistics.kind }),
  })),
});

/** Packages with the keyword `tweedie-plugin` in the project's `node_modules`, and in those of the folders above. */
const installed = async (cwd: string): Promise<readonly string[]> => {
  const found = new Set<string>();
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const name of await packagesIn(join(folder, 'node_modules'))) {
      if (!found.has(name) && (await isPlugin(join(folder, 'node_modules', name, 'package.json')))) found.add(name);
    }
    if (folder === dirname(folder)) return [...found].sort();
  }
};

const packagesIn = async (modules: string): Promise<readonly string[]> => {
  const names = await readdir(modules).catch(() => []);
  const nested = await Promise.all(
    names
      .filter((name) => name.startsWith('@'))
      .map(async (scope) => (await readdir(join(modules, scope)).catch(() => [])).map((name) => `${scope}/${name}`)),
  );
  return [...names.filter((name) => !name.startsWith('@') && !name.startsWith('.')), ...nested.flat()];
};

const isPlugin = async (manifest: string): Promise<boolean> => {
  try {
    const { keywords } = JSON.parse(await readFile(manifest, 'utf8')) as { readonly keywords?: unknown };
    return Array.isArray(keywords) && keywords.includes('tweedie-plugin');
  } catch {
    return false;
  }
};
