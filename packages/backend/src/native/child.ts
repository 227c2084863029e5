import { spawn } from 'node:child_process';

export interface Ended {
  /** 127 where there is no such command. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, without a shell. Throws only when it is aborted. */
export const runChild = (
  command: string,
  args: readonly string[],
  { cwd, env, signal, input = '' }: { cwd?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined; input?: string } = {},
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const said = { stdout: '', stderr: '' };
    const child = spawn(command, args, {
      stdio: 'pipe',
      windowsHide: true,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
      ...(signal !== undefined && { signal }),
    });
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] = `${said[stream]}${text}`.slice(-(2 ** 20))));
    child.on('error', (error) => {
      if (signal?.aborted === true) reject(error);
      else resolve({ status: 127, ...said });
    });
    child.on('close', (status) => resolve({ status: status ?? 1, ...said }));
    child.stdin.on('error', () => undefined); // it may end before it has read
    child.stdin.end(input);
  });

/** The last line that says something: what to quote of a command that failed. */
export const lastLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1) ?? '';
