import { setTimeout as sleep } from 'node:timers/promises';
import { alternating, pairedRatio, type Ratio } from '@tweedie/cli';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { startRival, type Rival, type Task } from './rival.ts';
import type { Entrant } from './rivals.ts';

/** What was measured of a rival: milliseconds a round by task, and memory. */
export interface Row {
  readonly entrant: Entrant;
  readonly about: string | null;
  /** Why there is nothing, or not everything. */
  readonly reason: string | null;
  readonly times: Readonly<Partial<Record<Task, readonly number[]>>>;
  /** Greatest resident memory of a process that has started and trained, and of one that has only started. */
  readonly peakBytes: number | null;
  readonly idleBytes: number | null;
  /** max |D − D of the first rival| over an image. */
  readonly difference: number | null;
}

export interface MeasureOptions {
  readonly entrants: readonly Entrant[];
  readonly rounds: number;
  readonly warmup: number;
  readonly onProgress: (note: string) => void;
}

/** Starts everyone, sees that all compute the same, then lets them take turns task by task; memory in fresh processes at the end. */
export const measure = async ({ entrants, rounds, warmup, onProgress }: MeasureOptions): Promise<readonly Row[]> => {
  const rivals = new Map<Entrant, Rival>();
  const reasons = new Map<Entrant, string>();
  const times = new Map<Entrant, Partial<Record<Task, readonly number[]>>>();
  const differences = new Map<Entrant, number>();
  const memory = new Map<Entrant, readonly [peak: number, idle: number]>();
  const attempt = async <T>(entrant: Entrant, run: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (error) {
      if (!isTweedieError(error)) throw error;
      reasons.set(entrant, error.message);
      return undefined;
    }
  };
  try {
    for (const entrant of entrants) {
      if (entrant.absent !== undefined) {
        reasons.set(entrant, entrant.absent);
        continue;
      }
      onProgress(`start ${entrant.name}`);
      const rival = await attempt(entrant, () => startRival(entrant));
      if (rival !== undefined) rivals.set(entrant, rival);
    }
    let reference: readonly number[] | undefined;
    for (const [entrant, rival] of rivals) {
      const values = (await attempt(entrant, () => rival.ask('check')))?.values;
      reference ??= values;
      if (values === undefined || reference === undefined) continue;
      differences.set(entrant, Math.max(...values.map((value, i) => Math.abs(value - reference![i]!))));
    }
    for (const task of ['call', 'train', 'sample'] as const) {
      const asked = [...rivals].filter(([entrant]) => entrant.tasks.includes(task));
      const able: [Entrant, Rival][] = [];
      for (const [entrant, rival] of asked) {
        onProgress(`${task}: ${entrant.name}`);
        const first = await attempt(entrant, () => rival.ask(task));
        if (first === undefined) continue;
        // What a first call or step compiles has been compiled: `check` was a call.
        if (entrant.once !== undefined) {
          const { milliseconds } = task === 'train' ? await rival.ask(task) : first;
          times.set(entrant, { ...times.get(entrant), [task]: [milliseconds!] });
        } else able.push([entrant, rival]);
      }
      // The rival's own clock, so that no line of the protocol is timed.
      let taken = 0;
      const contestants = able.map(([{ name }, rival]) => ({
        name,
        run: async () => {
          await sleep(PAUSE);
          await rival.ask(task);
          let sum = 0;
          for (let i = 0; i < TIMED; i++) sum += (await rival.ask(task)).milliseconds!;
          taken += sum / TIMED;
        },
      }));
      const found = await alternating({
        contestants,
        rounds,
        warmup,
        now: () => taken,
        onRound: (done) => onProgress(`${task} ${done}/${warmup + rounds}`),
      });
      for (const [entrant] of able) times.set(entrant, { ...times.get(entrant), [task]: found.get(entrant.name)! });
    }
  } finally {
    for (const rival of rivals.values()) await rival.close();
  }
  for (const entrant of rivals.keys()) {
    if (entrant.once !== undefined || entrant.forks !== undefined || times.get(entrant)?.train === undefined) continue;
    onProgress(`memory of ${entrant.name}`);
    const bytes = await attempt(entrant, () => memoryOf(entrant));
    if (bytes !== undefined) memory.set(entrant, bytes);
  }
  return entrants.map((entrant) => ({
    entrant,
    about: rivals.get(entrant)?.about ?? null,
    reason: reasons.get(entrant) ?? null,
    times: times.get(entrant) ?? {},
    peakBytes: memory.get(entrant)?.[0] ?? null,
    idleBytes: memory.get(entrant)?.[1] ?? null,
    difference: differences.get(entrant) ?? null,
  }));
};

/** Milliseconds before a turn: threads of whoever had the last one still wait in circles for more work. */
const PAUSE = 100;
/** Runs of a turn that are timed, after one that is not: nobody meets the caches of the others. */
const TIMED = 3;

const memoryOf = async (entrant: Entrant): Promise<readonly [number, number]> => {
  const rival = await startRival(entrant);
  try {
    const idle = (await rival.ask('memory')).bytes;
    for (let step = 0; step < 5; step++) await rival.ask('train');
    const peak = (await rival.ask('memory')).bytes;
    if (peak === undefined || idle === undefined) throw tweedieError({ subject: entrant.name, problem: 'said nothing of its memory' });
    return [peak, idle];
  } finally {
    await rival.close();
  }
};

/** A task's time over that of another row, round by round; null where one of them has none. */
export const ratioOf = (row: Row, base: Row | undefined, task: Task): Ratio | null => {
  const [times, basis] = [row.times[task], base?.times[task]];
  return times === undefined || basis === undefined ? null : pairedRatio(times, basis);
};
