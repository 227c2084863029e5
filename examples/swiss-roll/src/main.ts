#!/usr/bin/env node
import { join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { main } from './swiss-roll.ts';

try {
  // npm run -w starts in the workspace's folder; what is written belongs where the command was typed.
  await main({ folder: join(process.env['INIT_CWD'] ?? '.', 'runs/swiss-roll') });
} catch (error) {
  if (!isTweedieError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
