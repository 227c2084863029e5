import { Command } from 'commander';
import { type Context, type Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface StatsFlags {
  readonly out?: string;
  readonly n?: number;
  readonly seed: number;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const statsCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('stats')
    .description('Make the file of numbers that a method wants, from data or from a trained model: means, spectra, profiles.')
    .argument('<METHOD>', 'a method with statistics, or their kind: `tweedie plugins --json` says which')
    .argument('<SOURCE>', 'data set; or RUN folder or weights file, where the statistics are of a model')
    .option('-o, --out <FILE>', 'where to write it (.safetensors)')
    .option('-n <N>', 'data points to use, or images to draw (default: what the method thinks right)', numberOf)
    .option('--seed <N>', 'seed', numberOf, 0)
    .option('--backend <NAME>', 'engine, for statistics of a model: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be estimated, and do nothing')
    .option('--json', 'print one JSON object (tweedie/stats@1)')
    .addHelpText(
      'after',
      `\nOptions of the data set and of the estimator are flags with dots: --data.split test, --stats.steps 200.\n${context.methodHelp}`,
    )
    .addHelpText(
      'after',
      `${examples(['tweedie stats tweedie-foo swiss-roll --out roll.safetensors', 'tweedie stats gaussian mnist -n 10000 --out mnist-gaussian.safetensors', 'tweedie stats deis-profile runs/digits -n 64 --out profile.safetensors'])}${EXIT_CODES}`,
    )
    .action(async (method: string, source: string, flags: StatsFlags) => {
      const { runStats } = await import('./stats-action.ts');
      exit(await runStats(context, method, source, flags));
    });
