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
import { frechetSection, measureFrechet } from './frechet.ts';
import { measure } from './measure.ts';
import { profiles } from './profiles.ts';
import { writeWeights } from './problem.ts';
import { entrants } from './rivals.ts';

const HELP = `npm run bench -- [options]

  --rounds N       rounds that count (default 7, at least 5)
  --python FILE    a Python that has torch (default python3)
  --only WORD,…    rivals whose names contain one of these
  --part NAME      engines, or frechet: that part alone, printed; written where --out says
  --out FILE       default docs/bench.md
`;

const COLD_ROUNDS = 11;
const FRECHET_ROUNDS = 3;

const show = async (text: string, out: string | undefined): Promise<void> => {
  if (out !== undefined) await writeFileAtomic(resolve(out), text);
  console.log(text);
};

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
    const { part } = values;
    if (part !== undefined && part !== 'engines' && part !== 'frechet')
      throw tweedieError({ subject: '--part', problem: 'there is no such part', got: part, expected: 'engines or frechet' });
    const folder = await mkdtemp(join(tmpdir(), 'tweedie-bench-'));
    try {
      const onProgress = (note: string): void => console.error(note);
      const frechet =
        part === 'engines'
          ? []
          : frechetSection(
              await measureFrechet({ folder, python: values.python, cores: availableParallelism(), rounds: FRECHET_ROUNDS, onProgress }),
              FRECHET_ROUNDS,
            );
      if (part === 'frechet') await show(frechet.join('\n'), values.out);
      else {
        const weights = join(folder, 'weights.safetensors');
        await writeWeights(weights);
        const everyone = await entrants({ weights, cores: availableParallelism(), python: values.python });
        const only = values.only?.split(',');
        const cold = await coldStart(COLD_ROUNDS);
        const rows = await measure({
          entrants: everyone.filter(({ name }) => only === undefined || only.some((word) => name.includes(word))),
          rounds,
          warmup: 2,
          onProgress,
        });
        const machine = describeMachine();
        const text = documentOf({ rows, rounds, cold, frechet, profiles: profiles(onProgress), machine, date: new Date().toISOString() });
        await show(text, values.out ?? (part === undefined ? 'docs/bench.md' : undefined));
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
