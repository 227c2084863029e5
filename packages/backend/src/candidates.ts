import { engine, env, removeBackend, setBackend } from '@tensorflow/tfjs-core';
import { addressOf, installed, nodeModule } from './installed.ts';
import { completeWasm } from './wasm/complete.ts';
import { completeNative } from './native-kernels/complete.ts';
import { completeWebGpu } from './webgpu/complete.ts';
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
  /** What to do where it is missing, if not to install these packages. */
  readonly remedy?: string;
  readonly look: (options: { forced: boolean }) => Promise<Found>;
  readonly start: () => Promise<void>;
}

const out = (reason: string, version: string | null = null): Found => ({ available: false, reason, version });

const become = async (backend: string): Promise<void> => {
  if (!(await setBackend(backend))) throw new Error(`TensorFlow.js did not start its backend '${backend}'`);
};

/** What was done to the engines of this process. */
const state: { wasmCompleted: boolean; webgpuCompleted: boolean; cpuCorrected: boolean; native: EngineId | null } = {
  wasmCompleted: false,
  webgpuCompleted: false,
  cpuCorrected: false,
  native: null,
};

/** The part of this package that a browser does not have: found by its address at run time, beside us, so that no bundler follows it. */
const nativePart = (): Promise<typeof import('./native/index.ts')> => {
  const file = `native/index.${import.meta.url.split('.').at(-1)!}`;
  return import(/* @vite-ignore */ new URL(file, import.meta.url).href) as Promise<typeof import('./native/index.ts')>;
};

/** What the driver of NVIDIA's graphics cards puts there; under Windows' Linux, Windows itself. */
const nvidiaDriver = (): boolean => {
  const files = nodeModule<{ existsSync(path: string): boolean }>('node:fs');
  return ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'].some((path) => files?.existsSync(path));
};

/** TensorFlow in C++: the npm package where it is installed and loads, else what `tweedie native install` built. Both register the backend `tensorflow`. */
const native = (id: 'tfjs-node-gpu' | 'tfjs-node'): Candidate => {
  const name = `@tensorflow/${id}`;
  const kind = id === 'tfjs-node' ? 'cpu' : 'gpu';
  const command = `tweedie native install${kind === 'gpu' ? ' --gpu' : ''}`;
  return {
    id,
    backend: 'tensorflow',
    packages: [name],
    remedy: `npm install ${name}, or ${command} where that fails`,
    look: async () => {
      if (nodeModule('node:module') === null) return out('not in a browser');
      const found = installed(name);
      const built = (await nativePart()).readManifest(kind);
      if (found === null && built === null) return out('not installed');
      const version = found?.version ?? built?.tfjs ?? null;
      if (kind === 'gpu' && process.platform === 'linux' && !nvidiaDriver()) return out('there is no NVIDIA driver here', version);
      const of = found === null ? `TensorFlow ${String(built?.tensorflow)}` : 'TensorFlow';
      return { available: true, reason: `${of} on the ${kind.toUpperCase()}`, version };
    },
    start: async () => {
      if (state.native === id) return become('tensorflow'); // one load a process
      process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
      const { loadBuild, loadPackage, readManifest } = await nativePart();
      const found = installed(name);
      const failure = found === null ? null : await loadPackage(found.entry).catch((error: unknown) => error);
      if (found === null || failure !== undefined) {
        if (readManifest(kind) === null)
          throw new Error(`${name} is installed but does not load: ${String((failure as Error | null)?.message ?? failure)}`);
        loadBuild(kind);
      }
      await become('tensorflow');
      if (kind === 'gpu' && !(engine().backend as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice) {
        removeBackend('tensorflow');
        throw new Error('TensorFlow finds no GPU that it can use');
      }
      completeNative();
      state.native = id;
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
  const found = installed('webgpu');
  if (found === null) return null;
  const dawn = (await import(/* @vite-ignore */ addressOf(found.entry))) as { create: (flags: string[]) => Gpu; globals: object };
  const made = dawn.create([]);
  Object.assign(globalThis, dawn.globals);
  if (typeof globalThis.navigator !== 'object') Object.defineProperty(globalThis, 'navigator', { configurable: true, value: {} }); // Node 20
  Object.defineProperty(globalThis.navigator, 'gpu', { configurable: true, value: made });
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
    if (engine().registryFactory['webgpu'] === undefined) await import(/* @vite-ignore */ addressOf(installed(WEBGPU_BACKEND)!.entry));
    await become('webgpu');
    if (!state.webgpuCompleted) completeWebGpu();
    state.webgpuCompleted = true;
  },
};

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

export const candidates: readonly Candidate[] = [native('tfjs-node-gpu'), native('tfjs-node'), webgpu, wasm, cpu];
