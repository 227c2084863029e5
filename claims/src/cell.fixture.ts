import type { ByCalls } from './by-calls.ts';
import type { Quality } from './digits.ts';

/** A cell whose value without a group is its value, apart by `spread`. */
export const cellOf = (fd: number, spread = 0.01, nfe = 10): Quality => ({
  nfe,
  fd,
  interval: null,
  floor: null,
  leftOut: Array.from({ length: 16 }, (_, g) => fd + (g % 2 ? spread : -spread)),
  extractor: 'mnistnet',
  seconds: 1,
});

/** Results that nobody drew: `fd` says the distance of a name at a count. */
export const madeUp = (
  counts: readonly number[],
  fd: (name: string, count: number) => number,
  spread: (name: string) => number = () => 0.01,
): ByCalls => ({
  counts,
  n: 2000,
  cells: (name, count) => [cellOf(fd(name, count), spread(name), count)],
  flow: cellOf(0.5),
  off: () => 0.1,
});
