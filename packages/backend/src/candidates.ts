import { engine, env, setBackend } from '@tensorflow/tfjs-core';
import { installed, nodeModule } from './installed.ts';
import { completeWasm } from './wasm/complete.ts';
import { correctCpu } from './cpu/resize-nearest-neighbor-grad.ts';

/** The engines, in the order in which they are preferred. */
export const ENGINES = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm', 'cpu'] as const;
export type EngineId = (typeof ENGINES)[number];

/** What a look at an engine found, before it is started. `reason` is a clause: `not installed`, `one thread, SIMD`. */
export interface Found {
  readonly available: boolean;
  readonly reason: string;
  readonly version: string | null;
}

/** An engine that may run. `look` costs little and changes nothing; `start` makes it TensorFlow.js's backend, and throws if it does not start. */
export interface Candidate {
  readonly id: EngineId;
  /** Its name in TensorFlow.js's registry. */
  readonly backend: string;
  /** What to install to have it. */
  readonly packages: readonly string[];
  readonly look: (options: { forced: boolean }) => Promise<Found>;
  readonly start: () => Promise<void>;
}

const out = (reason: string, version: string | null = null): Found => ({ available: false, reason, version });

const become = async (backend: string): Promise<void> => {
  if (!(await setBackend(backend))) throw new Error(`TensorFlow.js did not start its backend '${backend}'`);
};

/** The binding to TensorFlow in C++: its package registers the backend `tensorflow` when it is imported. */
const native = (id: 'tfjs-node-gpu' | 'tfjs-node', device: string): Candidate => {
  const name = `@tensorflow/${id}`;
  return {
    id,
    backend: 'tensorflow',
    packages: [name],
    look: async () => {
      const found = installed(name);
      return found === null ? out('not installed') : { available: true, reason: `TensorFlow on the ${device}`, version: found.version };
    },
    start: async () => {
      process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
      // tfjs-node 4.22 calls functions that Node 23 removed from `util`.
      const util = nodeModule<Record<string, unknown>>('node:util');
      if (util !== null) {
        util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
        util['isArray'] ??= Array.isArray;
      }
      await import(/* @vite-ignore */ name);
      await become('tensorflow');
    },
  };
};

interface Adapter {
  readonly info?: {
    readonly description?: string;
    readonly vendor?: string;
    readonly architecture?: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly isFallbackAdapter?: boolean;
}
interface Gpu {
  requestAdapter(): Promise<Adapter | null>;
}

const WEBGPU_BACKEND = '@tensorflow/tfjs-backend-webgpu';

/** `navigator.gpu`: the browser's, or in Node that of the package `webgpu`. */
const gpu = async (): Promise<Gpu | null> => {
  const present = (globalThis as { navigator?: { gpu?: Gpu } }).navigator?.gpu;
  if (present !== undefined) return present;
  if (installed('webgpu') === null) return null;
  const name = 'webgpu';
  const dawn = (await import(/* @vite-ignore */ name)) as { create: (flags: string[]) => Gpu; globals: object };
  const made = dawn.create([]);
  Object.assign(globalThis, dawn.globals);
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { ...globalThis.navigator, gpu: made } });
  return made;
};

const webgpu: Candidate = {
  id: 'webgpu',
  backend: 'webgpu',
  packages: [WEBGPU_BACKEND, 'webgpu'],
  look: async ({ forced }) => {
    const backend = installed(WEBGPU_BACKEND);
    const registered = engine().registryFactory['webgpu'] !== undefined;
    if (backend === null && !registered)
      return out(nodeModule('node:module') === null ? `${WEBGPU_BACKEND} was not imported` : 'not installed');
    const version = backend?.version ?? null;
    const found = await gpu();
    if (found === null)
      return out(nodeModule('node:module') === null ? 'this browser has no navigator.gpu' : 'the package webgpu is not installed', version);
    const adapter = await found.requestAdapter();
    if (adapter === null) return out('no graphics adapter', version);
    const { description = '', vendor = '', architecture = '', isFallbackAdapter = adapter.isFallbackAdapter ?? false } = adapter.info ?? {};
    const name = [description, vendor, architecture].find((text) => text !== '') ?? 'unnamed adapter';
    const software = isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software/i.test(`${description} ${vendor} ${architecture}`);
    return software && !forced
      ? out(`${name} computes in software, slower than wasm`, version)
      : { available: true, reason: name, version };
  },
  start: async () => {
    if (engine().registryFactory['webgpu'] === undefined) await import(/* @vite-ignore */ WEBGPU_BACKEND);
    await become('webgpu');
  },
};

/** What was done to the engines of this process. */
const state = { wasmCompleted: false, cpuCorrected: false };

const wasm: Candidate = {
  id: 'wasm',
  backend: 'wasm',
  packages: ['@tensorflow/tfjs-backend-wasm'],
  look: async () => {
    if (typeof WebAssembly !== 'object') return out('this runtime has no WebAssembly');
    const { version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm');
    const simd = (await env().getAsync('WASM_HAS_SIMD_SUPPORT')) === true;
    return {
      available: true,
      reason: simd ? 'SIMD, one thread' : 'without SIMD, slow',
      version,
    };
  },
  start: async () => {
    await import('@tensorflow/tfjs-backend-wasm');
    await become('wasm');
    if (!state.wasmCompleted) completeWasm();
    state.wasmCompleted = true;
  },
};

const cpu: Candidate = {
  id: 'cpu',
  backend: 'cpu',
  packages: ['@tensorflow/tfjs-backend-cpu'],
  look: async () => {
    const { version_cpu: version } = await import('@tensorflow/tfjs-backend-cpu');
    return { available: true, reason: 'plain JavaScript: a reference, not for training', version };
  },
  start: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await become('cpu');
    if (!state.cpuCorrected) correctCpu();
    state.cpuCorrected = true;
    // On its first use it would advertise tfjs-node.
    (engine().backend as unknown as { firstUse: boolean }).firstUse = false;
  },
};

export const candidates: readonly Candidate[] = [native('tfjs-node-gpu', 'GPU'), native('tfjs-node', 'CPU'), webgpu, wasm, cpu];
