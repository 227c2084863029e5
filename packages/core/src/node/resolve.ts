import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, parse, resolve as resolvePath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolveSpecifier } from 'import-meta-resolve';
import { satisfies } from 'semver';
import { isTweedieError, tweedieError } from '../contracts/error.ts';
import type { Kind, Plugin, Provision } from '../contracts/plugin.ts';
import { checkPlugin } from '../plugin/define.ts';
import { FIRST_PARTY } from '../plugin/first-party.ts';
import { processes } from '../process/provisions.ts';

export interface ResolveOptions {
  /** The user's project: where its plugins are installed. Default: the working directory. */
  readonly from?: string;
  /** How a first-party package that the project does not have is loaded; the command line brings its own. */
  readonly fallback?: (packageName: string) => Promise<unknown>;
}

/** A method found by name. `from` says where: for the record of a run. */
export interface Resolved {
  readonly plugin: Plugin;
  readonly provision: Provision;
}

/**
 * Finds a method by the name that a configuration uses: one of ours (`dsm`, `heun`), a stranger's package
 * (`tweedie-sampler-foo`) or one of several in it (`tweedie-foo#bar`). Read from the user's project at run time; checked for
 * api, peers, and that it is a plugin at all.
 */
export const resolveMethod = async (kind: Kind, use: string, options: ResolveOptions = {}): Promise<Resolved> => {
  const [packageName, method] = locate(kind, use);
  const plugin = packageName === '@tweedie/core' ? processes : await loadPlugin(packageName, options);
  const candidates = plugin.provides.filter((provision) => provision.kind === kind);
  const provision =
    method === undefined && candidates.length === 1 ? candidates[0] : candidates.find(({ name }) => name === (method ?? use));
  if (provision === undefined) {
    throw tweedieError({
      subject: `${kind} "${use}"`,
      problem:
        method === undefined && candidates.length > 1 ? `${packageName} provides several` : `${packageName} provides no such ${kind}`,
      expected:
        candidates.length === 0 ? `a package that provides a ${kind}` : candidates.map(({ name }) => `${packageName}#${name}`).join(', '),
      remedy:
        plugin.provides.length === 0
          ? 'choose another package'
          : `it provides ${plugin.provides.map((each) => `${each.kind} ${each.name}`).join(', ')}`,
    });
  }
  return { plugin, provision };
};

const locate = (kind: Kind, use: string): readonly [packageName: string, method: string | undefined] => {
  const hash = use.indexOf('#');
  if (hash > 0) return [use.slice(0, hash), use.slice(hash + 1)];
  if (processes.provides.some((provision) => provision.kind === kind && provision.name === use)) return ['@tweedie/core', use];
  const ours = FIRST_PARTY[kind]?.[use];
  return ours === undefined ? [use, undefined] : [ours, use];
};

/** Imports a package's default export and checks it: a plugin, of our api, whose peers are there. */
export const loadPlugin = async (packageName: string, { from = process.cwd(), fallback }: ResolveOptions = {}): Promise<Plugin> => {
  if (!/^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/.test(packageName)) {
    throw tweedieError({
      subject: packageName,
      problem: 'neither a method of Tweedie nor an npm package name',
      expected: `one of ${Object.values(FIRST_PARTY).flatMap(Object.keys).join(', ')}, or an installed package`,
      remedy: '`tweedie plugins` lists what there is',
    });
  }
  const found = locatePackage(packageName, from);
  const ours = packageName.startsWith('@tweedie/');
  if (found === undefined && !(ours && fallback !== undefined)) {
    throw tweedieError({
      subject: packageName,
      problem: 'neither a method of Tweedie nor an installed package',
      got: `nothing in ${join(from, 'node_modules')}`,
      remedy: `npm install ${packageName}, or choose one that \`tweedie plugins\` lists`,
      code: 'NOT_INSTALLED',
    });
  }
  let loaded: unknown;
  try {
    loaded = found === undefined ? await fallback!(packageName) : await import(/* @vite-ignore */ found);
  } catch (cause) {
    if (found !== undefined) await checkPeers(packageName, found); // a peer that is not there makes a poorer message
    if (isTweedieError(cause)) throw cause;
    throw tweedieError({
      subject: packageName,
      problem: 'the package throws when it is imported',
      got: cause instanceof Error ? cause.message : cause,
      remedy: 'report it to its authors, or choose another version',
      cause,
    });
  }
  const plugin = checkPlugin((loaded as { default?: unknown }).default, packageName);
  if (found !== undefined) await checkPeers(packageName, found);
  return plugin;
};

/** URL of a package's entry as the project sees it. */
const locatePackage = (packageName: string, from: string): string | undefined => {
  try {
    return resolveSpecifier(packageName, pathToFileURL(join(resolvePath(from), 'package.json')).href);
  } catch {
    return undefined;
  }
};

/** Every peer that is not optional must be there, in range. */
const checkPeers = async (packageName: string, entry: string): Promise<void> => {
  const manifest = await manifestOf(packageName, fileURLToPath(entry));
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  for (const [peer, range] of Object.entries(peerDependencies)) {
    const version = versionOf(peer, fileURLToPath(entry));
    if (version === undefined && peerDependenciesMeta[peer]?.optional === true) continue;
    if (version === undefined || !satisfies(version, range, { includePrerelease: true })) {
      throw tweedieError({
        subject: packageName,
        problem: `its peer ${peer} ${version === undefined ? 'is not installed' : 'is of another version'}`,
        ...(version === undefined ? {} : { got: version }),
        expected: range,
        remedy: `npm install "${peer}@${range}"`,
      });
    }
  }
};

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const manifestOf = async (packageName: string, entry: string): Promise<Manifest> => {
  for (let folder = dirname(entry); folder !== parse(folder).root; folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
      if (manifest.name === packageName) return manifest;
    } catch {
      // no manifest here: one folder up
    }
  }
  return {};
};

const versionOf = (packageName: string, importer: string): string | undefined => {
  try {
    const { version } = createRequire(importer)(`${packageName}/package.json`) as Manifest;
    return version;
  } catch {
    return undefined;
  }
};
