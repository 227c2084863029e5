import { setBackend, version_core } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { installed } from './installed.ts';

/**
 * Starts TensorFlow.js as it comes, by what its own packages register: none of the kernels and gradients of @tweedie/backend.
 * Where the umbrella package is missing there are no gradients: what needs them answers with an error.
 */
export const asShipped = async (engine: string): Promise<string> => {
  const [name, backend] = PACKAGES[engine] ?? [`@tensorflow/tfjs-backend-${engine}`, engine];
  const umbrella = '@tensorflow/tfjs';
  if (installed(umbrella)) await import(umbrella);
  await import(name);
  if (!(await setBackend(backend))) throw new Error(`TensorFlow.js did not start its backend ${backend}`);
  return `${engine} ${version_core}, as shipped`;
};

const PACKAGES: Readonly<Record<string, readonly [name: string, backend: string]>> = {
  'tfjs-node': ['@tensorflow/tfjs-node', 'tensorflow'],
};

/** Starts an engine as Tweedie has it. */
export const selected = async (engine: string): Promise<string> => {
  const { id, version, about } = await selectEngine({ engine });
  return `${id} ${version ?? ''}, ${about}`;
};
