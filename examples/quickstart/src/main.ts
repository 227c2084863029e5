#!/usr/bin/env node
import { isTweedieError } from '@tweedie/core';
import { quickstart } from './quickstart.ts';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

try {
  const { finished } = await quickstart({
    io: {
      stdout: (text) => process.stdout.write(text),
      stderr: (text) => process.stderr.write(text),
      cwd: process.cwd(),
      interactive: process.stderr.isTTY === true,
      signal: stop.signal,
    },
  });
  process.exitCode = finished ? 0 : 1;
} catch (error) {
  if (!isTweedieError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
