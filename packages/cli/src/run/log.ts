import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBytes, writeFileAtomic } from '@tweedie/core/node';
import { LOG_FILE } from './run-folder.ts';

/** One line of `log.jsonl`. */
export interface LogLine {
  /** Steps done, this one included. */
  readonly step: number;
  readonly loss: number;
  /** The loss with the term that does not depend on the weights added back, where the objective tells it apart (`lcss` of an x₀ head). */
  readonly informative?: number;
  /** Mean effective number of reference points of a target, where the objective says so (`stf`). */
  readonly ess?: number;
  readonly gradientNorm: number;
  /** Learning rate of this step. */
  readonly rate: number;
  /** Seconds of training so far, all sittings together. */
  readonly seconds: number;
}

export interface Log {
  add(line: LogLine): void;
  /** Writes what was added. */
  flush(): Promise<void>;
}

/** Every whole line of a run's log; a line that a killed process left half written is left out. */
export const readLog = async (folder: string): Promise<readonly LogLine[]> => {
  const path = join(folder, LOG_FILE);
  if (!existsSync(path)) return [];
  return new TextDecoder()
    .decode(await readBytes(path))
    .split('\n')
    .flatMap((text) => {
      try {
        const line = JSON.parse(text) as LogLine;
        return Number.isInteger(line.step) ? [line] : [];
      } catch {
        return [];
      }
    });
};

/** Opens the log of a run that goes on after `step` steps: later lines are cut off. Returns the seconds that were spent. */
export const openLog = async (folder: string, step: number): Promise<{ readonly log: Log; readonly seconds: number }> => {
  const path = join(folder, LOG_FILE);
  const kept = (await readLog(folder)).filter((line) => line.step <= step);
  await writeFileAtomic(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
  let waiting = '';
  const log: Log = {
    add: (line) => {
      waiting += `${JSON.stringify(line)}\n`;
    },
    flush: async () => {
      const text = waiting;
      waiting = '';
      if (text !== '') await appendFile(path, text);
    },
  };
  return { log: Object.freeze(log), seconds: kept.at(-1)?.seconds ?? 0 };
};
