import { medianInterval, medianOf } from './median.ts';

/** One of the things that are timed against each other. */
export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export interface AlternatingOptions {
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  /** Rounds that are run first and not counted. */
  readonly warmup: number;
  /** Runs of a contestant that are timed as one: for what is too quick for the clock. Default 1. */
  readonly repeat?: number;
  readonly signal?: AbortSignal;
  readonly onRound?: (done: number) => void;
  /** Milliseconds. Default: the process's clock. */
  readonly now?: () => number;
}

/**
 * Milliseconds of each contestant, by name, one number a round. All run once in every round, so that a machine that slows down slows
 * them all. Stops before the next round when it is told to: what was measured is returned.
 */
export const alternating = async ({
  contestants,
  rounds,
  warmup,
  repeat = 1,
  signal,
  onRound,
  now = () => performance.now(),
}: AlternatingOptions): Promise<ReadonlyMap<string, readonly number[]>> => {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < warmup + rounds; round++) {
    await new Promise<void>((next) => setImmediate(next)); // or no signal would ever arrive: a step need not leave the process idle
    if (signal?.aborted === true) break;
    for (const place of orderOf(contestants.length, round)) {
      const { name, run } = contestants[place]!;
      const started = now();
      for (let i = 0; i < repeat; i++) await run();
      const taken = (now() - started) / repeat;
      if (round >= warmup) times.get(name)!.push(taken);
    }
    onRound?.(round + 1);
  }
  return times;
};

/**
 * Who runs when: a Williams design, whose order moves on by one a round. Over n rounds (2n for an odd n) each runs in every place and
 * right after each of the others equally often, so that nobody always pays for the garbage of the same other.
 */
export const orderOf = (n: number, round: number): readonly number[] => {
  const odd = n % 2 === 1;
  const shift = odd ? round >> 1 : round;
  const order = Array.from({ length: n }, (_, i) => (shift + (i % 2 === 1 ? (i + 1) / 2 : n - i / 2)) % n);
  return odd && round % 2 === 1 ? order.reverse() : order;
};

/** A ratio of what was measured together, with the interval of its median. */
export interface Ratio {
  readonly median: number;
  /** 95 %; null where there are too few rounds for one. */
  readonly interval: readonly [low: number, high: number] | null;
}

/** `times` over `base`, round by round. */
export const pairedRatio = (times: readonly number[], base: readonly number[]): Ratio => {
  const ratios = times.map((time, round) => time / base[round]!);
  return { median: medianOf(ratios), interval: medianInterval(ratios) ?? null };
};

export type Verdict = 'held' | 'not held' | 'not decided';

/** Whether a ratio is within its limit, by the interval of its median. */
export const verdictOf = ({ interval }: Ratio, limit: number): Verdict => {
  if (interval === null) return 'not decided';
  return interval[1] <= limit ? 'held' : interval[0] > limit ? 'not held' : 'not decided';
};
