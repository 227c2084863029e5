import type { Wasm } from '../kernel.ts';
import { WINOGRAD } from './bytes.ts';

/** What `assembly/winograd.ts` exports; its docstrings say what the numbers are. Pointers are bytes on the engine's heap. */
export interface Module {
  scratchBytes(W: number, K: number, N: number, Q: number): number;
  convolve(...numbers: [x: number, B: number, H: number, W: number, K: number, filter: number, turned: number, N: number, top: number, left: number, P: number, Q: number, bias: number, y: number, scratch: number]): void; // prettier-ignore
  filterGradient(...numbers: [x: number, B: number, H: number, W: number, K: number, dy: number, N: number, top: number, left: number, P: number, Q: number, dFilter: number, scratch: number]): void; // prettier-ignore
  multiply(...numbers: [a: number, b: number, count: number, m: number, k: number, n: number, c: number, panel: number]): void; // prettier-ignore
}

const modules = new WeakMap<Wasm, Module | null>();

/** Emscripten's module keeps its exports under `asm`, which its types do not tell. */
const memoryOf = (wasm: Wasm): WebAssembly.Memory | null =>
  Object.values((wasm as { wasm?: { asm?: object } }).wasm?.asm ?? {}).find((each) => each instanceof WebAssembly.Memory) ?? null;

const instantiate = (wasm: Wasm): Module | null => {
  const memory = memoryOf(wasm);
  if (memory === null) return null;
  try {
    const bytes = Uint8Array.from(atob(WINOGRAD), (letter) => letter.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports as unknown as Module;
  } catch {
    return null; // no SIMD, a heap shared by threads, or a page that may not compile at once
  }
};

/** The module on this engine's heap; null where it cannot run: the kernels that TensorFlow.js ships serve then. */
export const winogradModule = (wasm: Wasm): Module | null => {
  let module = modules.get(wasm);
  if (module === undefined) modules.set(wasm, (module = instantiate(wasm)));
  return module;
};
