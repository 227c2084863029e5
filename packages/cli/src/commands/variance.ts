import { Command } from 'commander';
import { type Context, type Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface VarianceFlags {
  readonly references?: string;
  readonly rows: number;
  readonly levels: number;
  readonly min: number;
  readonly max: number;
  readonly n?: number;
  readonly seed: number;
  readonly out?: string;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const varianceCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('variance')
    .description('Measure how much the targets of score matching vary, with and without a reference batch, at every noise level.')
    .argument('<DATA>', 'data set, taken as the population')
    .option('--references <LIST>', 'sizes of the reference batch, with commas; 1 is DSM (default: 1,16,256,4096, those that fit)')
    .option('--rows <N>', 'noisy points, a multiple of 16', numberOf, 256)
    .option('--levels <N>', 'noise levels between --min and --max, evenly in log σ', numberOf, 19)
    .option('--min <SIGMA>', 'least noise level', numberOf, 0.1)
    .option('--max <SIGMA>', 'greatest noise level', numberOf, 100)
    .option('-n, --n <N>', 'data points that are the population, chosen by the seed (default: all)', numberOf)
    .option('--seed <N>', 'seed', numberOf, 0)
    .option('-o, --out <FILE>', 'where to write the report (default: runs/variance-DATA/report.html)')
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be measured, and do nothing')
    .option('--json', 'print one JSON object (tweedie/variance@1)')
    .addHelpText('after', `\nOptions of the data set are flags with dots: --data.split test, --data.fetch.\n${context.methodHelp}`)
    .addHelpText(
      'after',
      `${examples(['tweedie variance mnist', 'tweedie variance cifar10 --data.fetch --references 1,64,1024', 'tweedie variance swiss-roll -n 2000 --min 0.01 --max 10 --json'])}${EXIT_CODES}`,
    )
    .action(async (data: string, flags: VarianceFlags) => {
      const { runVariance } = await import('./variance-action.ts');
      exit(await runVariance(context, data, flags));
    });
