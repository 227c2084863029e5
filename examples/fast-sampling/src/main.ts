#!/usr/bin/env node
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { main } from './fast-sampling.ts';
import { PROBLEMS, type Problem } from './problems.ts';

const HELP = `npm run fast-sampling -w @tweedie/example-fast-sampling -- [checkerboard | mnist] [options]

  --run RUN           draw from this run, train none
  --steps N           training steps
  --count N           points or images of each sampler
  --calls 5,6,8,10    network calls
  --only unipc,deis   some of the samplers
`;

const isProblem = (name: string): name is Problem['name'] => Object.hasOwn(PROBLEMS, name);

const whole = (option: string, text: string): number => {
  const n = Number(text);
  if (Number.isInteger(n) && n >= 1) return n;
  throw tweedieError({ subject: option, problem: 'no number that can be used', got: text, expected: 'an integer ≥ 1' });
};

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      run: { type: 'string' },
      steps: { type: 'string' },
      count: { type: 'string' },
      calls: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [name = 'checkerboard'] = positionals;
  // npm run -w starts in the workspace's folder; paths begin where the command was typed.
  const here = process.env['INIT_CWD'] ?? '.';
  if (values.help) console.log(HELP);
  else if (!isProblem(name))
    throw tweedieError({
      subject: 'fast-sampling',
      problem: 'there is no such problem',
      got: name,
      expected: Object.keys(PROBLEMS).join(' or '),
    });
  else
    await main({
      problem: name,
      folder: join(here, `runs/fast-sampling-${name}`),
      ...(values.run === undefined ? {} : { run: resolve(here, values.run) }),
      ...(values.steps === undefined ? {} : { steps: whole('--steps', values.steps) }),
      ...(values.count === undefined ? {} : { count: whole('--count', values.count) }),
      ...(values.calls === undefined ? {} : { calls: values.calls.split(',').map((n) => whole('--calls', n)) }),
      ...(values.only === undefined ? {} : { only: values.only.split(',') }),
    });
} catch (error) {
  if (!isTweedieError(error) && !(error instanceof TypeError && 'code' in error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
