import type { Task } from './rival.ts';
import type { Entrant } from './rivals.ts';

/** What is wanted of a rival's time over PyTorch's with the same number of cores; undefined where nothing is. */
export const targetOf = ({ group, name, threads }: Entrant, task: Task): number | undefined => {
  if (group !== 'tweedie' || threads === 0) return undefined;
  if (name.includes('tfjs-node')) return { call: 1.25, train: 1.5 }[task as string];
  if (name.includes('wasm') && task !== 'sample') return threads === 1 ? 4 : 2.5;
  return undefined;
};

/** Wanted of the peak of a process that trains, over PyTorch's with the same number of cores. */
export const MEMORY_TARGET = 1;
