import { Command, CommanderError } from 'commander';
import { splitFlags } from './config/flags.ts';
import { BAD_INPUT, exitCodeOf, FAILED, OK } from './run/failure.ts';
import type { Context, Io } from './io.ts';
import { benchCommand } from './commands/bench.ts';
import { calibrateCommand } from './commands/calibrate.ts';
import { compareCommand } from './commands/compare.ts';
import { dataCommand } from './commands/data.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { nativeCommand } from './commands/native.ts';
import { planCommand } from './commands/plan.ts';
import { pluginsCommand } from './commands/plugins.ts';
import { sampleCommand } from './commands/sample.ts';
import { statsCommand } from './commands/stats.ts';
import { trainCommand } from './commands/train.ts';
import { varianceCommand } from './commands/variance.ts';
import { EXIT_CODES, examples } from './commands/help.ts';

/** Commands by name; each is declared lightly and loads what it needs when it runs. */
const COMMANDS = {
  train: trainCommand,
  sample: sampleCommand,
  evaluate: evaluateCommand,
  doctor: doctorCommand,
  native: nativeCommand,
  plugins: pluginsCommand,
  data: dataCommand,
  stats: statsCommand,
  plan: planCommand,
  variance: varianceCommand,
  bench: benchCommand,
  compare: compareCommand,
  calibrate: calibrateCommand,
  export: exportCommand,
};

/**
 * The `tweedie` command. `argv` are the words after it. Returns the exit code: 0 done, 1 failed or interrupted while running, 2 bad
 * input. Under `--json` exactly one JSON object is written to stdout, a failure included.
 */
export const main = async (argv: readonly string[], io: Io): Promise<number> => {
  const { dotted, rest } = splitFlags(argv);
  const json = rest.includes('--json');
  try {
    const context: Context = { io, dotted, methodHelp: await methodHelp(rest, io.cwd) };
    let code: number = OK;
    const program = new Command('tweedie')
      .description('Train, sample and judge score-based diffusion models.')
      .version(await version(), '-V, --version', 'print the version')
      .helpCommand('help [command]', 'help on a command')
      .addHelpText(
        'after',
        `${examples(['tweedie train runs/digits --seconds 120', 'tweedie sample runs/digits -n 64 --steps 18 --out grid.png', 'tweedie evaluate runs/digits -n 512', 'tweedie doctor'])}${EXIT_CODES}`,
      );
    for (const make of Object.values(COMMANDS)) {
      program.addCommand(
        make(context, (exit) => {
          code = exit ?? OK;
        }),
      );
    }
    quiet(program, io, json);
    if (Object.keys(dotted).length > 0) refuseDotted(rest, dotted);
    await program.parseAsync([...rest], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return OK;
    return fail(error, io, json);
  }
};

/** Commander writes through `io`, throws instead of exiting, and puts errors on stderr. */
const quiet = (command: Command, io: Io, json: boolean): void => {
  command.exitOverride().configureOutput({ writeOut: io.stdout, writeErr: json ? () => undefined : io.stderr });
  command.commands.forEach((sub) => quiet(sub, io, json));
};

/** Dotted flags are settings of an experiment: only some commands have one. */
const refuseDotted = (rest: readonly string[], dotted: Readonly<Record<string, string>>): void => {
  const command = rest.find((word) => !word.startsWith('-'));
  if (command !== undefined && ['train', 'sample', 'evaluate', 'plan', 'stats', 'variance', 'compare'].includes(command)) return;
  throw new CommanderError(
    BAD_INPUT,
    'tweedie.dotted',
    `error: ${command ?? 'tweedie'} has no settings: unknown option '--${Object.keys(dotted)[0]}'`,
  );
};

const fail = (error: unknown, io: Io, json: boolean): number => {
  const exitCode = error instanceof CommanderError ? BAD_INPUT : exitCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const { complaint = {} } = error as { readonly complaint?: Readonly<Record<string, unknown>> };
    const said = Object.fromEntries(
      ['subject', 'problem', 'expected', 'remedy', 'code'].flatMap((key) =>
        typeof complaint[key] === 'string' ? [[key, complaint[key]]] : [],
      ),
    );
    io.stdout(`${JSON.stringify({ schema: 'tweedie/error@1', message, ...said, exitCode })}\n`);
  }
  // Commander has said its own already, unless it was told to be quiet.
  if (!(error instanceof CommanderError) || error.code.startsWith('tweedie.') || json) io.stderr(`${message}\n`);
  if (exitCode === FAILED && process.env['TWEEDIE_DEBUG'] && error instanceof Error) io.stderr(`${error.stack ?? ''}\n`);
  return exitCode;
};

const version = async (): Promise<string> => {
  const { createRequire } = await import('node:module');
  return (createRequire(import.meta.url)('../package.json') as { readonly version: string }).version;
};

/** `train --objective tweedie-foo --help` describes that objective's options: the only help that loads anything. */
const methodHelp = async (rest: readonly string[], cwd: string): Promise<string> => {
  if (!rest.some((word) => word === '--help' || word === '-h')) return '';
  const { METHOD_FLAGS } = await import('./commands/help.ts');
  const named = Object.entries(METHOD_FLAGS).flatMap(([flag, kind]) => {
    const at = rest.findIndex((word) => word === `--${flag}` || word.startsWith(`--${flag}=`));
    const word = at < 0 ? undefined : rest[at]!.includes('=') ? rest[at]!.split('=')[1] : rest[at + 1];
    if (word === undefined || word.startsWith('-')) return [];
    const uses = kind === 'metric' ? word.split(',') : [flag === 'against' ? word.split(':')[0]! : word];
    // Real data may be a folder or a file, which have no options.
    return uses.filter((use) => flag !== 'against' || /^[\w-]+$/.test(use)).map((use) => [kind, use] as const);
  });
  if (named.length === 0) return '';
  const { describeMethod } = await import('./experiment/describe.ts');
  return (await Promise.all(named.map(([kind, use]) => describeMethod(kind, use, cwd)))).join('');
};
