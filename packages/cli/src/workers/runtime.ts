import { getBackend } from '@tensorflow/tfjs-core';
import type { EngineId } from '@tweedie/backend';

/** How an engine is had several times: threads of this process, which share memory, processes of their own, or not at all. */
export type Runtime = 'worker_threads' | 'child_process';

const RUNTIMES: Readonly<Record<EngineId, Runtime | undefined>> = {
  // One graphics card does one thing at a time.
  'tfjs-node-gpu': undefined,
  webgpu: undefined,
  // A second thread breaks its binding.
  'tfjs-node': 'child_process',
  // Single-threaded, each thread with an engine and a heap of its own.
  wasm: 'worker_threads',
  cpu: 'worker_threads',
};

export const runtimeOf = (engine: string): Runtime | undefined => RUNTIMES[engine as EngineId];

let started: string | undefined;

/** Remembers which engine the command started: TensorFlow.js calls two of them `tensorflow`. */
export const remember = (engine: string): void => {
  started = engine;
};

/** The engine that runs in this process. */
export const runningEngine = (): string => {
  const backend = getBackend();
  return backend === 'tensorflow' ? (started?.startsWith('tfjs-node') === true ? started : 'tfjs-node') : backend;
};
