#!/usr/bin/env node
import { main } from './program.ts';

// Whoever read the output has heard enough: `tweedie plugins | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (abort.signal.aborted) process.exit(1); // asked twice: now
    process.stderr.write('\nStopping after this step; once more to stop at once.\n');
    abort.abort();
  });
}

process.exitCode = await main(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  cwd: process.cwd(),
  interactive: process.stderr.isTTY === true,
  signal: abort.signal,
});
