#!/usr/bin/env node
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '@tweedie/cli';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import { coldStart } from './cold-start.ts';
import { documentOf } from './document.ts';
import { frechetDocument, measureFrechet } from './frechet.ts';
import { measure } from './measure.ts';
import { profiles } from './profiles.ts';
import { writeWeights } from './problem.ts';
import { entrants } from './rivals.ts';

const HELP = `npm run bench -- [options]

  --part NAME      engines (docs/bench.md) or frechet (docs/bench-frechet.md) alone
  --rounds N       rounds of the engines that count (default 7, at least 5)
  --python FILE    a Python that has torch, and SciPy (default python3)
  --only WORD,…    engines whose names contain one of these: printed, and written only where --out says
  --out FOLDER     default docs
`;

const COLD_ROUNDS = 11;
const FRECHET_ROUNDS = 3;

try {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      python: { type: 'string', default: 'python3' },
      only: { type: 'string' },
      part: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(HELP);
  else {
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 5)
      throw tweedieError({ subject: '--rounds', problem: 'too few to say anything', got: values.rounds, expected: 'an integer ≥ 5' });
    const { part, python } = values;
    if (part !== undefined && part !== 'engines' && part !== 'frechet')
      throw tweedieError({ subject: '--part', problem: 'there is no such part', got: part, expected: 'engines or frechet' });
    const only = values.only?.split(',');
    const out = values.out ?? (only === undefined ? 'docs' : undefined);
    const show = async (file: string, text: string): Promise<void> => {
      if (out !== undefined) await writeFileAtomic(resolve(out, file), text);
      console.log(text);
    };
    const cores = availableParallelism();
    const folder = await mkdtemp(join(tmpdir(), 'tweedie-bench-'));
    const session = { machine: describeMachine(), date: new Date().toISOString() };
    const onProgress = (note: string): void => console.error(note);
    try {
      if (part !== 'frechet') {
        const weights = join(folder, 'weights.safetensors');
        await writeWeights(weights);
        const everyone = await entrants({ weights, cores, python });
        const cold = await coldStart(COLD_ROUNDS);
        const rows = await measure({
          entrants: everyone.filter(({ name }) => only === undefined || only.some((word) => name.includes(word))),
          rounds,
          warmup: 2,
          onProgress,
        });
        await show('bench.md', documentOf({ rows, rounds, cold, profiles: profiles(onProgress), session }));
      }
      if (part === 'frechet' || (part === undefined && only === undefined)) {
        const rows = await measureFrechet({ folder, python, cores, rounds: FRECHET_ROUNDS, onProgress });
        await show('bench-frechet.md', frechetDocument(rows, FRECHET_ROUNDS, session));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
} catch (error) {
  if (!isTweedieError(error) && !(error instanceof TypeError && 'code' in error)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
