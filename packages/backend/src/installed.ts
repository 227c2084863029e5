import { tweedieError } from '@tweedie/core';

type Require = { (name: string): unknown; resolve(name: string): string };
type ModuleOfNode = { createRequire(from: string | URL): Require };

/** A module of Node, or null in a browser. No import of it is visible to a bundler. */
export const nodeModule = <T>(name: string): T | null => {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return (host?.getBuiltinModule?.(name) as T | undefined) ?? null;
};

const requireFrom = (place: string | URL): Require | null => nodeModule<ModuleOfNode>('node:module')?.createRequire(place) ?? null;

/** Where packages are looked for: beside us, then in the project that is being run. */
const places = (): (string | URL)[] => [import.meta.url, `${process.cwd()}/package.json`];

/** The installed package of this name, without running any of it; null if there is none, or in a browser. */
export const installed = (name: string): { version: string; entry: string } | null => {
  if (nodeModule('node:module') === null) return null;
  for (const place of places()) {
    const require = requireFrom(place)!;
    try {
      const entry = require.resolve(name);
      return { entry, version: (require(`${name}/package.json`) as { version: string }).version };
    } catch {
      // not there
    }
  }
  return null;
};

/** What to import to have a package by the entry that was found: an absolute path is no module name on every system. */
export const addressOf = (entry: string): string => nodeModule<{ pathToFileURL(path: string): URL }>('node:url')!.pathToFileURL(entry).href;

const CORE = '@tensorflow/tfjs-core';

/**
 * Refuses an engine whose TensorFlow.js is another copy than ours. Two copies share their registries through a global and then disagree
 * about what a tensor is: programs fail far from the cause.
 */
export const assertSingleCore = (packageName: string): void => {
  const found = installed(packageName);
  if (found === null) return;
  const ours = requireFrom(import.meta.url)!.resolve(CORE);
  const theirs = requireFrom(found.entry)!.resolve(CORE);
  if (ours === theirs) return;
  throw tweedieError({
    subject: 'backend',
    problem: `${packageName} brings its own ${CORE}`,
    got: theirs,
    expected: ours,
    remedy: `make the versions agree and run npm dedupe; npm ls ${CORE} shows both`,
  });
};
