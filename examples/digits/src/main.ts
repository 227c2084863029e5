#!/usr/bin/env node
import { isTweedieError } from '@tweedie/core';
import { digits } from './digits.ts';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

try {
  process.exitCode = await digits(process.argv.slice(2), {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    // npm run -w starts in the workspace's folder; paths begin where the command was typed.
    cwd: process.env['INIT_CWD'] ?? process.cwd(),
    interactive: process.stderr.isTTY === true,
    signal: stop.signal,
  });
} catch (error) {
  if (!isTweedieError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
