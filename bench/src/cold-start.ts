import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { alternating } from '@tweedie/cli';

/** Milliseconds of `tweedie --help` and of an empty Node program, taking turns. */
export const coldStart = async (rounds: number): Promise<{ readonly help: readonly number[]; readonly node: readonly number[] }> => {
  const cli = fileURLToPath(new URL('../bin/tweedie.js', import.meta.resolve('@tweedie/cli')));
  const run =
    (...args: string[]) =>
    async (): Promise<void> => {
      const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
      if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
    };
  const times = await alternating({
    contestants: [
      { name: 'help', run: run(cli, '--help') },
      { name: 'node', run: run('--eval', '0') },
    ],
    rounds,
    warmup: 2,
  });
  return { help: times.get('help')!, node: times.get('node')! };
};
