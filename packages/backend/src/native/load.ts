import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';
import { tweedieError } from '@tweedie/core';
import { getKernelsForBackend, registerBackend, unregisterKernel, type KernelBackend } from '@tensorflow/tfjs-core';
import type { NativeKind } from './pins.ts';
import { BINDING_FILE, buildFolder } from './place.ts';

/** tfjs-node 4.22 calls functions that Node 23 removed from `util`, and that earlier ones warn of. */
const restoreUtil = (): void => {
  const functions = util as unknown as Record<string, unknown>;
  functions['isNullOrUndefined'] = (value: unknown) => value === null || value === undefined;
  functions['isArray'] = Array.isArray;
};

/** Imports the npm package by its entry: a project's package is not found from here by its name. It registers its backend itself. */
export const loadPackage = async (entry: string): Promise<void> => {
  restoreUtil();
  await import(/* @vite-ignore */ pathToFileURL(entry).href);
};

/** Under this the build's shims look for tfjs-core. */
const CORE = Symbol.for('tweedie.tfjs-core');

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: unknown, packageName: string) => KernelBackend;
}

/** Registers the backend `tensorflow` of a build in the cache, with this project's tfjs-core: what the npm package does when it is imported. */
export const loadBuild = (kind: NativeKind): void => {
  restoreUtil();
  const ours = createRequire(import.meta.url);
  // What the private copy's umbrella hands out. Its modules keep what they were given first: a second one cannot be served.
  const shared = globalThis as Record<symbol, unknown>;
  const core: unknown = ours('@tensorflow/tfjs-core');
  if ((shared[CORE] ??= core) !== core)
    throw tweedieError({
      subject: 'backend',
      problem: 'this process has two copies of @tensorflow/tfjs-core, and the native engine serves the other one',
      remedy: 'make the versions agree and run npm dedupe; npm ls @tensorflow/tfjs-core shows both',
    });
  const copy = join(buildFolder(kind), 'package');
  const load = createRequire(join(copy, 'package.json'));
  const binding: unknown = load(join(buildFolder(kind), BINDING_FILE));
  const { NodeJSKernelBackend } = load('./dist/nodejs_kernel_backend.js') as BackendModule;
  // An npm package that did not load may have left its kernels behind.
  for (const { kernelName } of getKernelsForBackend('tensorflow')) unregisterKernel(kernelName, 'tensorflow');
  load('./dist/register_all_kernels.js');
  registerBackend(
    'tensorflow',
    () => new NodeJSKernelBackend(binding, kind === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node'),
  );
};
