import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { tweedieError } from '@tweedie/core';

/** What a rival is asked for. */
export type Task = 'check' | 'memory' | 'call' | 'train' | 'sample' | 'distance' | 'images';

/** A program that answers tasks line by line. */
export interface RivalCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A rival that runs, in a process of its own. */
export interface Rival {
  readonly name: string;
  /** What it says of itself: its version, its threads. */
  readonly about: string;
  /** @throws where it says that it cannot, or has ended. */
  ask(task: Task): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly milliseconds?: number;
  /** Milliseconds of the processor. */
  readonly processor?: number;
  readonly bytes?: number;
  readonly values?: readonly number[];
}

/** Starts a rival and waits until it is ready. */
export const startRival = async ({ name, command, args, env }: RivalCommand): Promise<Rival> => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said = `${said}${text.toString()}`.slice(-2000)));
  child.stdin.on('error', () => undefined); // it has ended: the next line tells
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<Readonly<Record<string, unknown>>> => {
    const next = await Promise.race([lines.next(), failed]);
    if (next.done === true)
      throw tweedieError({ subject: name, problem: 'the rival ended before it answered', got: said.trim().split('\n').at(-1) ?? '' });
    return JSON.parse(next.value) as Readonly<Record<string, unknown>>;
  };
  const { ready, error } = await line();
  if (ready === undefined) throw tweedieError({ subject: name, problem: 'did not start', got: error });
  return {
    name,
    about: String(ready),
    ask: async (task) => {
      child.stdin.write(`${JSON.stringify({ task })}\n`);
      const answer = await line();
      if (typeof answer['error'] === 'string') throw tweedieError({ subject: name, problem: `cannot ${task}`, got: answer['error'] });
      return answer;
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
};
