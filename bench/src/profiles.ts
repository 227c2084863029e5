import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What profile.js prints of an engine, or why it printed nothing. */
export interface Profile {
  readonly title: string;
  readonly text: string;
}

/** Where the time of calls and steps goes, on every engine that starts: profile.js, each in a process of its own. */
export const profiles = (onProgress: (note: string) => void): readonly Profile[] =>
  CASES.map((args) => {
    const title = `node bench/dist/profile.js ${args.join(' ')}`;
    onProgress(title);
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('./profile.js', import.meta.url)), ...args], {
      encoding: 'utf8',
      env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1' },
    });
    const failure = stderr.split('\n').find((line) => line.includes('[')) ?? 'it did not run';
    return { title, text: status === 0 ? stdout.trim() : failure };
  });

const CASES: readonly (readonly string[])[] = ['wasm', 'tfjs-node'].flatMap((engine) => [
  [engine, 'digits', 'call'],
  [engine, 'digits', 'train'],
  [engine, 'ddpmpp', 'call'],
]);
