import { tweedieError } from '@tweedie/core';
import { runtimeOf } from './runtime.ts';

/** How many workers: this many, or up to so many where they are of use (what was measured on this machine), `start` being the seconds until they are there. */
export type Workers = number | { readonly atMost: number; readonly start?: number };

/** More engines than this are a slip of the hand. */
const MOST = 256;

/** Refuses what is no number of workers. */
export const checkWorkers = (workers: Workers): void => {
  const count = typeof workers === 'number' ? workers : workers.atMost;
  if (Number.isSafeInteger(count) && count >= 1 && count <= MOST) return;
  throw tweedieError({
    subject: 'workers',
    problem: 'not a number of workers',
    got: count,
    expected: `an integer from 1 to ${MOST}`,
    remedy: 'leave --workers out for what was measured on this machine',
  });
};

/** How many workers there will be on this engine. `refusal`: why the work cannot be divided; only who insists on a number hears it. */
export const workersOn = (engine: string, workers: Workers, refusal?: (workers: number) => Error | undefined): number => {
  checkWorkers(workers);
  if (typeof workers !== 'number') return runtimeOf(engine) === undefined || refusal?.(workers.atMost) !== undefined ? 1 : workers.atMost;
  const error = workers === 1 ? undefined : refusal?.(workers);
  if (error !== undefined) throw error;
  return workers;
};

/** What was measured on images says nothing of points, which are through before a worker has started. */
export const worthwhile = (workers: Workers, shape: readonly number[]): Workers =>
  typeof workers !== 'number' && shape.length === 1 ? 1 : workers;
