#!/usr/bin/env node
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { main } from './compare.ts';
import { PROBLEMS, type Problem } from './problems.ts';

const HELP = `npm run objectives -w @tweedie/example-objectives -- [checkerboard | mnist] [options]

  --seeds 5           seeds 0 to 4; --seeds 0,2,4 these alone, so that another process may do the others
  --steps N           training steps of every objective
  --only dsm,lcss     some of the objectives
  --report            train nothing, report on the cells that are there
`;

const isProblem = (name: string): name is Problem['name'] => Object.hasOwn(PROBLEMS, name);

/** `5` is how many, `0,2,4` is which. */
const seedsOf = (text: string): readonly number[] => {
  const numbers = text.split(',').filter(Boolean).map(Number);
  if (numbers.length === 0 || numbers.some((n) => !Number.isInteger(n) || n < 0))
    throw tweedieError({ subject: '--seeds', problem: 'no seeds', got: text, expected: 'a count such as 5, or a list such as 0,2,4' });
  return text.includes(',') ? numbers : Array.from({ length: numbers[0]! }, (_, seed) => seed);
};

const stepsOf = (text: string): number => {
  const steps = Number(text);
  if (Number.isInteger(steps) && steps >= 1) return steps;
  throw tweedieError({ subject: '--steps', problem: 'no number of steps', got: text, expected: 'an integer ≥ 1' });
};

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: 'string', default: '5' },
      steps: { type: 'string' },
      only: { type: 'string' },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [name = 'checkerboard'] = positionals;
  if (values.help) console.log(HELP);
  else if (!isProblem(name))
    throw tweedieError({
      subject: 'objectives',
      problem: 'there is no such problem',
      got: name,
      expected: Object.keys(PROBLEMS).join(' or '),
    });
  else
    await main({
      problem: name,
      seeds: values.report ? [] : seedsOf(values.seeds),
      ...(values.steps === undefined ? {} : { steps: stepsOf(values.steps) }),
      ...(values.only === undefined ? {} : { only: values.only.split(',') }),
      // npm run -w starts in the workspace's folder; what is written belongs where the command was typed.
      folder: join(process.env['INIT_CWD'] ?? '.', `runs/objectives-${name}`),
    });
} catch (error) {
  if (!isTweedieError(error) && !(error instanceof TypeError && 'code' in error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
