import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';
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

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: unknown, packageName: string) => KernelBackend;
}

/** Registers the backend `tensorflow` of a build in the cache, with this project's tfjs-core: what the npm package does when it is imported. */
export const loadBuild = (kind: NativeKind): void => {
  restoreUtil();
  const ours = createRequire(import.meta.url);
  // What the private copy's umbrella hands out; set once, since its modules keep what they were given.
  (globalThis as Record<symbol, unknown>)[Symbol.for('tweedie.tfjs-core')] ??= ours('@tensorflow/tfjs-core');
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
