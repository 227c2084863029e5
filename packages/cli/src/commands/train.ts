import { Command } from 'commander';
import { SHORT_FLAGS, type ShortFlag } from '../config/flags.ts';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf, SETTINGS } from './help.ts';

export type TrainFlags = { readonly [K in ShortFlag]?: string } & {
  readonly config?: string;
  readonly workers?: number;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

export const trainCommand = (context: Context, exit: (code: Exit) => void): Command => {
  const command = new Command('train')
    .description('Train a score network into a RUN folder, or go on with the run that is there.')
    .argument('[RUN]', 'folder of the run (default: runs/<data>)')
    .option('-c, --config <FILE>', 'configuration in ts, js, json or yaml (default: tweedie.config.*)');
  for (const [name, { argument, summary }] of Object.entries(SHORT_FLAGS)) command.option(`--${kebab(name)} <${argument}>`, summary);
  return command
    .option('--workers <N>', 'engines at once, each a thread or process of its own (default: what doctor measured)', numberOf)
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print one JSON object (tweedie/train@1)')
    .addHelpText('after', `${SETTINGS}${context.methodHelp}`)
    .addHelpText(
      'after',
      `${examples([
        'tweedie train runs/digits --seconds 120',
        'tweedie train runs/roll --data swiss-roll --steps 2000 --seed 1',
        'tweedie train runs/vp --schedule vp --preconditioner eps --objective.law vp --training.batchSize 32',
        'tweedie train runs/stf --objective stf --objective.reference 1024',
        'tweedie train runs/mine --config experiment.ts --dry-run --json',
        'tweedie train --objective tweedie-objective-foo --help',
      ])}\nThe same command again resumes: bit-equal on wasm and cpu. Ctrl-C saves first (exit code 1).\n${EXIT_CODES}`,
    )
    .action(async (run: string | undefined, flags: TrainFlags) => {
      const { runTrain } = await import('./train-action.ts');
      exit(await runTrain(context, run, flags));
    });
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
