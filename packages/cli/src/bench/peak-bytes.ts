import { engine } from '@tensorflow/tfjs-core';
import { tweedieError } from '@tweedie/core';

/**
 * Bytes that tensors hold at the peak of some work, above what they held before it.
 *
 * Counted as the engine gives buffers out and takes them back, each buffer once. `profile` of TensorFlow.js is no help here: its
 * `peakBytes` adds up tensors, so that a reshape counts again what it shares; it looks only when a kernel has ended; and it includes
 * what was there before. Scratch memory inside a kernel is seen by neither (on wasm 2 to 4 % of a step of the digits network).
 * TensorFlow's own engine gives a reshaped tensor a buffer of its own, though the memory is shared: there the count is an upper bound.
 *
 * Errors: OUT_OF_MEMORY where the engine wasm has no room. Its allocator then answers with the address 0, and TensorFlow.js writes there.
 */
export const peakBytes = async (work: () => Promise<void>): Promise<number> => {
  const buffers = engine().state.tensorInfo;
  let [live, peak] = [0, 0];
  const restore = [
    replaced(buffers, 'set', (set) => (id, info) => {
      live += info.bytes;
      peak = Math.max(peak, live);
      return set(id, info);
    }),
    replaced(buffers, 'delete', (remove) => (id) => {
      live -= buffers.get(id)?.bytes ?? 0;
      return remove(id);
    }),
    guarded(engine().backend as Partial<WithHeap>, () => live),
  ];
  try {
    await work();
  } catch (error) {
    // What an allocation inside a kernel, or on the host, fails with.
    throw error instanceof WebAssembly.RuntimeError || error instanceof RangeError ? outOfMemory(peak, error.message) : error;
  } finally {
    restore.forEach((undo) => undo());
  }
  return peak;
};

interface WithHeap {
  readonly wasm: { _malloc(bytes: number): number };
}

const guarded = ({ wasm }: Partial<WithHeap>, live: () => number): (() => void) =>
  wasm === undefined
    ? () => undefined
    : replaced(wasm, '_malloc', (allocate) => (bytes) => {
        const address = allocate(bytes);
        if (address === 0) throw outOfMemory(live(), `no ${mebibytes(bytes)} more`);
        return address;
      });

/** Puts another method in the place of one; what it returns puts the old one back. */
const replaced = <T extends object, K extends keyof T>(target: T, name: K, make: (old: T[K]) => T[K]): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const old = target[name];
  Object.defineProperty(target, name, {
    value: make((old as (...args: unknown[]) => unknown).bind(target) as T[K]),
    configurable: true,
    writable: true,
  });
  return () => {
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
};

const outOfMemory = (live: number, said: string): Error =>
  tweedieError({
    subject: 'engine',
    problem: 'out of memory',
    got: `${said}, with ${mebibytes(live)} of tensors`,
    expected: 'a step that fits into the heap of the engine',
    remedy: 'lower the batch size, or take an engine with more memory',
    code: 'OUT_OF_MEMORY',
  });

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
