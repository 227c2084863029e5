#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { CLAIMS } from './claims.ts';
import { runClaims } from './run-claims.ts';

const HELP = `npm run claims -- [options]

  --quick          the reduced version, less than ten minutes; into runs/claims-quick
  --only ID,…      some of the claims: ${CLAIMS.map(({ id }) => id).join(', ')}
  --report         make no cell; write the documents from the records that are there
  --workers N      processes that images are drawn by (default 1)
  --help

Cells that are there are not made again: stop the command whenever you like, and give it again. Each claim has a budget, after which
the next has its turn: ${CLAIMS.map(({ id, budget }) => `${id} ${budget.whole}`).join(', ')} minutes. TWEEDIE_BACKEND chooses the engine.
`;

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

try {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      report: { type: 'boolean', default: false },
      workers: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(HELP);
  else {
    const workers = Number(values.workers);
    if (!Number.isInteger(workers) || workers < 1)
      throw tweedieError({ subject: '--workers', problem: 'not a number of workers', got: values.workers, expected: 'an integer ≥ 1' });
    if (!values.report) await mnist({ split: 'train', fetch: true }); // every study needs digits
    await runClaims({
      claims: CLAIMS,
      root: fileURLToPath(new URL('../..', import.meta.url)),
      quick: values.quick,
      report: values.report,
      workers,
      ...(values.only === undefined ? {} : { only: values.only.split(',') }),
      print: (line) => console.error(line),
      signal: stop.signal,
    });
  }
} catch (error) {
  if (!isTweedieError(error) && !(error instanceof TypeError && 'code' in error)) throw error;
  console.error(error.message);
  process.exitCode = isTweedieError(error) && error.complaint.code === 'INTERRUPTED' ? 1 : 2;
}
